package ca.ereferral;

/** The plain names of {@link Message#field} and {@link Draft#set}, docs/fields.md; those that repeat name the first. Made by {@code tests/java_sources.rs}. */
public final class Fields {
    private Fields() {
    }

    /** The event, in the spelling this library sends. Read only. */
    public static final String EVENT = "event";

    /** The event as it was spelled. Read only. */
    public static final String EVENT_RECEIVED = "event.received";

    /** MessageHeader.id: the same when the message comes again. Read only. */
    public static final String MESSAGE_ID = "message.id";

    /** Bundle.id: may differ when the message comes again. Read only. */
    public static final String MESSAGE_BUNDLE_ID = "message.bundle_id";

    /** Bundle.identifier, which some guides add: its system. Read only. */
    public static final String MESSAGE_IDENTIFIER_SYSTEM = "message.identifier.system";

    /** Its value. Read only. */
    public static final String MESSAGE_IDENTIFIER_VALUE = "message.identifier.value";

    /** When the sender made the Bundle. Read only. */
    public static final String MESSAGE_TIMESTAMP = "message.timestamp";

    /** Why the message is sent. */
    public static final String MESSAGE_REASON = "message.reason";

    /** The same as a code. Read only. */
    public static final String MESSAGE_REASON_CODE = "message.reason.code";

    /** The number of the referral that is echoed in all its messages: who gave it. Read only. */
    public static final String MESSAGE_REFERRAL_IDENTIFIER_SYSTEM = "message.referral_identifier.system";

    /** That number. Read only. */
    public static final String MESSAGE_REFERRAL_IDENTIFIER_VALUE = "message.referral_identifier.value";

    /** The MessageHeader.id that this message answers. Read only. */
    public static final String MESSAGE_RESPONSE_IDENTIFIER = "message.response.identifier";

    /** ok, transient-error or fatal-error. Read only. */
    public static final String MESSAGE_RESPONSE_CODE = "message.response.code";

    /** What the answer says beside its code. Read only. */
    public static final String MESSAGE_RESPONSE_DETAILS = "message.response.details";

    /** The sending system. Read only. */
    public static final String SOURCE_NAME = "source.name";

    /** Its software. Read only. */
    public static final String SOURCE_SOFTWARE = "source.software";

    /** Its version. Read only. */
    public static final String SOURCE_VERSION = "source.version";

    /** Where it takes messages. Not an identity. Read only. */
    public static final String SOURCE_ENDPOINT = "source.endpoint";

    /** Whom to ask when something is wrong. Read only. */
    public static final String SOURCE_CONTACT = "source.contact";

    /** The receiving system as the sender knows it. Read only. */
    public static final String DESTINATION_NAME = "destination[0].name";

    /** Its address. Read only. */
    public static final String DESTINATION_ENDPOINT = "destination[0].endpoint";

    /** Whom the message is for. Read only. */
    public static final String DESTINATION_RECEIVER = "destination[0].receiver";

    /** Who is responsible for the message. Read only. */
    public static final String AUTHOR_NAME = "author.name";

    /** For which organization. Read only. */
    public static final String AUTHOR_ORGANIZATION = "author.organization";

    /** Who sent it, where that is said apart. Read only. */
    public static final String SENDER_NAME = "sender.name";

    /** Who numbered the referral. Left out in a draft: our own system. */
    public static final String REFERRAL_IDENTIFIER_SYSTEM = "referral.identifier[0].system";

    /** The number of the referral. Left out in a new referral: a random one. */
    public static final String REFERRAL_IDENTIFIER_VALUE = "referral.identifier[0].value";

    /** What kind of number it is. Read only. */
    public static final String REFERRAL_IDENTIFIER_TYPE = "referral.identifier[0].type";

    /** The ServiceRequest's id in this message. Read only. */
    public static final String REFERRAL_ID = "referral.id";

    /** A referral this one comes from: who numbered it. */
    public static final String REFERRAL_BASED_ON_SYSTEM = "referral.based_on[0].system";

    /** Its number. */
    public static final String REFERRAL_BASED_ON_VALUE = "referral.based_on[0].value";

    /** The reference as it is written. Read only. */
    public static final String REFERRAL_BASED_ON_REFERENCE = "referral.based_on[0].reference";

    /** A referral this one replaces: who numbered it. */
    public static final String REFERRAL_REPLACES_SYSTEM = "referral.replaces[0].system";

    /** Its number. */
    public static final String REFERRAL_REPLACES_VALUE = "referral.replaces[0].value";

    /** The reference as it is written. Read only. */
    public static final String REFERRAL_REPLACES_REFERENCE = "referral.replaces[0].reference";

    /** What referrals that were split have in common: who numbered it. */
    public static final String REFERRAL_REQUISITION_SYSTEM = "referral.requisition.system";

    /** Its number. */
    public static final String REFERRAL_REQUISITION_VALUE = "referral.requisition.value";

    /** How the referral stands with the requester. */
    public static final String REFERRAL_STATUS = "referral.status";

    /** Why. Read only. */
    public static final String REFERRAL_STATUS_REASON = "referral.status_reason";

    /** ServiceRequest.intent. Read only. */
    public static final String REFERRAL_INTENT = "referral.intent";

    /** What kind of care is asked for, a SNOMED CT code agreed with the partner. Required. */
    public static final String REFERRAL_CATEGORY_CODE = "referral.category.code";

    /** The same in words. Required. */
    public static final String REFERRAL_CATEGORY_DISPLAY = "referral.category.display";

    /** The service asked for within the kind of care. */
    public static final String REFERRAL_SERVICE_CODE = "referral.service.code";

    /** The same in words. */
    public static final String REFERRAL_SERVICE_DISPLAY = "referral.service.display";

    /** Details of the service. Read only. */
    public static final String REFERRAL_ORDER_DETAIL = "referral.order_detail[0]";

    /** How soon. */
    public static final String REFERRAL_PRIORITY = "referral.priority";

    /** When the referral was written. Left out in a draft: now. */
    public static final String REFERRAL_AUTHORED = "referral.authored";

    /** Why the patient is referred. One of its group is required. */
    public static final String REFERRAL_REASON = "referral.reason";

    /** Every reason, where there are several. Read only. */
    public static final String REFERRAL_REASONS_TEXT = "referral.reasons[0].text";

    /** As a code. Read only. */
    public static final String REFERRAL_REASONS_CODE = "referral.reasons[0].code";

    /** Further text. HTML is read as plain text. One of its group is required. */
    public static final String REFERRAL_NOTE = "referral.note[0]";

    /** Who wrote it. Read only. */
    public static final String REFERRAL_NOTE_AUTHOR = "referral.note[0].author";

    /** When. Read only. */
    public static final String REFERRAL_NOTE_TIME = "referral.note[0].time";

    /** Everyone asked to perform it. Read only. */
    public static final String REFERRAL_PERFORMER = "referral.performer[0]";

    /** Who gets copies. Read only. */
    public static final String REFERRAL_COPIED = "referral.copied[0]";

    /** Where the patient is now. Read only. */
    public static final String REFERRAL_PRESENT_LOCATION = "referral.present_location";

    /** A date that affects readiness to consult: which. Read only. */
    public static final String REFERRAL_DARC_PART = "referral.darc[0].part";

    /** The date, or what is said of it. Read only. */
    public static final String REFERRAL_DARC_VALUE = "referral.darc[0].value";

    /** A date that affects readiness to treat: which. Read only. */
    public static final String REFERRAL_DART_PART = "referral.dart[0].part";

    /** The date, or what is said of it. Read only. */
    public static final String REFERRAL_DART_VALUE = "referral.dart[0].value";

    /** How the referral may be routed. Read only. */
    public static final String REFERRAL_ROUTING_OPTION_CODE = "referral.routing_option[0].code";

    /** The same in words. Read only. */
    public static final String REFERRAL_ROUTING_OPTION_DISPLAY = "referral.routing_option[0].display";

    /** Which provider is preferred: a part of it. Read only. */
    public static final String REFERRAL_PROVIDER_PREFERENCE_PART = "referral.provider_preference[0].part";

    /** What is said of it. Read only. */
    public static final String REFERRAL_PROVIDER_PREFERENCE_VALUE = "referral.provider_preference[0].value";

    /** Supporting information: its resource type. Read only. */
    public static final String REFERRAL_SUPPORTING_KIND = "referral.supporting[0].kind";

    /** What it is. Read only. */
    public static final String REFERRAL_SUPPORTING_TEXT = "referral.supporting[0].text";

    /** The reference as it is written. Read only. */
    public static final String REFERRAL_SUPPORTING_REFERENCE = "referral.supporting[0].reference";

    /** The Patient's id in this message. Read only. */
    public static final String PATIENT_ID = "patient.id";

    /** Health card number. */
    public static final String PATIENT_HEALTH_NUMBER = "patient.health_number";

    /** Version code of the health card. */
    public static final String PATIENT_HEALTH_NUMBER_VERSION = "patient.health_number.version";

    /** Which province's card it is. Left out in a draft: Ontario's. */
    public static final String PATIENT_HEALTH_NUMBER_SYSTEM = "patient.health_number.system";

    /** Why there is no health card number. Read only. */
    public static final String PATIENT_HEALTH_NUMBER_MISSING_REASON = "patient.health_number.missing_reason";

    /** Number in the sender's chart. */
    public static final String PATIENT_MRN = "patient.mrn";

    /** Whose chart. Left out in a draft: ours. */
    public static final String PATIENT_MRN_SYSTEM = "patient.mrn.system";

    /** Every identifier as received: its system. Read only. */
    public static final String PATIENT_IDENTIFIER_SYSTEM = "patient.identifier[0].system";

    /** Its value. Read only. */
    public static final String PATIENT_IDENTIFIER_VALUE = "patient.identifier[0].value";

    /** Its type: JHN health number, MR chart number. Read only. */
    public static final String PATIENT_IDENTIFIER_TYPE = "patient.identifier[0].type";

    /** The whole name, where the sender gave it. Read only. */
    public static final String PATIENT_NAME_TEXT = "patient.name.text";

    /** Family name. Required. */
    public static final String PATIENT_NAME_FAMILY = "patient.name.family";

    /** Given names, first one first. */
    public static final String PATIENT_NAME_GIVEN = "patient.name.given[0]";

    /** Titles before the name. Read only. */
    public static final String PATIENT_NAME_PREFIX = "patient.name.prefix[0]";

    /** What stands behind the name. Read only. */
    public static final String PATIENT_NAME_SUFFIX = "patient.name.suffix[0]";

    /** Telephone. */
    public static final String PATIENT_PHONE = "patient.phone";

    /** E-mail address. */
    public static final String PATIENT_EMAIL = "patient.email";

    /** Mobile telephone. Read only. */
    public static final String PATIENT_PHONE_MOBILE = "patient.phone.mobile";

    /** Every way to reach the patient as received: phone, email, fax, sms. Read only. */
    public static final String PATIENT_TELECOM_SYSTEM = "patient.telecom[0].system";

    /** The number or address. Read only. */
    public static final String PATIENT_TELECOM_VALUE = "patient.telecom[0].value";

    /** home, work, mobile, temp, old. Read only. */
    public static final String PATIENT_TELECOM_USE = "patient.telecom[0].use";

    /** Administrative gender. Required. */
    public static final String PATIENT_GENDER = "patient.gender";

    /** Date of birth, also a year or a month. */
    public static final String PATIENT_BIRTH_DATE = "patient.birth_date";

    /** Whether the patient died, or when. Read only. */
    public static final String PATIENT_DECEASED = "patient.deceased";

    /** Patient.active. Read only. */
    public static final String PATIENT_ACTIVE = "patient.active";

    /** Marital status. Read only. */
    public static final String PATIENT_MARITAL_STATUS = "patient.marital_status";

    /** Street. */
    public static final String PATIENT_ADDRESS_LINE = "patient.address.line[0]";

    /** Town. */
    public static final String PATIENT_ADDRESS_CITY = "patient.address.city";

    /** Province. */
    public static final String PATIENT_ADDRESS_PROVINCE = "patient.address.province";

    /** Postal code. */
    public static final String PATIENT_ADDRESS_POSTAL_CODE = "patient.address.postal_code";

    /** Country. Read only. */
    public static final String PATIENT_ADDRESS_COUNTRY = "patient.address.country";

    /** The whole address, where the sender gave it. Read only. */
    public static final String PATIENT_ADDRESS_TEXT = "patient.address.text";

    /** Language to speak with the patient. Read only. */
    public static final String PATIENT_LANGUAGE = "patient.language";

    /** What makes speaking difficult. Read only. */
    public static final String PATIENT_COMMUNICATION_BARRIER = "patient.communication_barrier";

    /** The family doctor. Read only. */
    public static final String PATIENT_PRACTITIONER = "patient.practitioner";

    /** Licence number of the physician. */
    public static final String REQUESTER_LICENCE = "requester.licence";

    /** OHIP billing number. */
    public static final String REQUESTER_BILLING_NUMBER = "requester.billing_number";

    /** Every identifier of who refers: its system. Read only. */
    public static final String REQUESTER_IDENTIFIER_SYSTEM = "requester.identifier[0].system";

    /** Its value. Read only. */
    public static final String REQUESTER_IDENTIFIER_VALUE = "requester.identifier[0].value";

    /** Its type. Read only. */
    public static final String REQUESTER_IDENTIFIER_TYPE = "requester.identifier[0].type";

    /** The whole name, where the sender gave it. Read only. */
    public static final String REQUESTER_NAME_TEXT = "requester.name.text";

    /** Family name of the person who refers. One of its group is required. */
    public static final String REQUESTER_NAME_FAMILY = "requester.name.family";

    /** Given names. */
    public static final String REQUESTER_NAME_GIVEN = "requester.name.given[0]";

    /** Titles before the name. Read only. */
    public static final String REQUESTER_NAME_PREFIX = "requester.name.prefix[0]";

    /** What the person is there. Read only. */
    public static final String REQUESTER_ROLE = "requester.role";

    /** Specialty. Read only. */
    public static final String REQUESTER_SPECIALTY = "requester.specialty";

    /** The practice. One of its group is required. */
    public static final String REQUESTER_ORGANIZATION = "requester.organization";

    /** The site of the practice. Read only. */
    public static final String REQUESTER_LOCATION = "requester.location";

    /** Telephone of the practice. */
    public static final String REQUESTER_PHONE = "requester.phone";

    /** Fax of the practice. */
    public static final String REQUESTER_FAX = "requester.fax";

    /** E-mail of the practice. Read only. */
    public static final String REQUESTER_EMAIL = "requester.email";

    /** Street of its address. Read only. */
    public static final String REQUESTER_ADDRESS_LINE = "requester.address.line[0]";

    /** Town. Read only. */
    public static final String REQUESTER_ADDRESS_CITY = "requester.address.city";

    /** Province. Read only. */
    public static final String REQUESTER_ADDRESS_PROVINCE = "requester.address.province";

    /** Postal code. Read only. */
    public static final String REQUESTER_ADDRESS_POSTAL_CODE = "requester.address.postal_code";

    /** Who acted. Required by the guide when a person did. */
    public static final String USER_NAME = "user.name";

    /** Family name of who acted, where the sender gave it. Read only. */
    public static final String USER_NAME_FAMILY = "user.name.family";

    /** Given names of who acted. Read only. */
    public static final String USER_NAME_GIVEN = "user.name.given[0]";

    /** Every identifier of who acted: its system. Read only. */
    public static final String USER_IDENTIFIER_SYSTEM = "user.identifier[0].system";

    /** Its value. Read only. */
    public static final String USER_IDENTIFIER_VALUE = "user.identifier[0].value";

    /** Its type. Read only. */
    public static final String USER_IDENTIFIER_TYPE = "user.identifier[0].type";

    /** Where the referral goes: the partner's key of the listing. One of its group is required. */
    public static final String TARGET_LISTING = "target.listing";

    /** Every identifier of where the referral goes: its system. Read only. */
    public static final String TARGET_IDENTIFIER_SYSTEM = "target.identifier[0].system";

    /** Its value. Read only. */
    public static final String TARGET_IDENTIFIER_VALUE = "target.identifier[0].value";

    /** Its type. Read only. */
    public static final String TARGET_IDENTIFIER_TYPE = "target.identifier[0].type";

    /** Licence number of the person who is to perform. Read only. */
    public static final String TARGET_LICENCE = "target.licence";

    /** The whole name of the person who is to perform, where the sender gave it. Read only. */
    public static final String TARGET_NAME_TEXT = "target.name.text";

    /** Family name of the person who is to perform. One of its group is required. */
    public static final String TARGET_NAME_FAMILY = "target.name.family";

    /** Given names. */
    public static final String TARGET_NAME_GIVEN = "target.name.given[0]";

    /** What the person is there. Read only. */
    public static final String TARGET_ROLE = "target.role";

    /** The clinic. One of its group is required. */
    public static final String TARGET_ORGANIZATION = "target.organization";

    /** Its site. */
    public static final String TARGET_LOCATION = "target.location";

    /** The service of the clinic, where one is named. Read only. */
    public static final String TARGET_SERVICE = "target.service";

    /** What it does. Read only. */
    public static final String TARGET_SPECIALTY = "target.specialty";

    /** Its telephone. */
    public static final String TARGET_PHONE = "target.phone";

    /** Its fax. */
    public static final String TARGET_FAX = "target.fax";

    /** Its e-mail. Read only. */
    public static final String TARGET_EMAIL = "target.email";

    /** Street of its address. Read only. */
    public static final String TARGET_ADDRESS_LINE = "target.address.line[0]";

    /** Town. Read only. */
    public static final String TARGET_ADDRESS_CITY = "target.address.city";

    /** Province. Read only. */
    public static final String TARGET_ADDRESS_PROVINCE = "target.address.province";

    /** Postal code. Read only. */
    public static final String TARGET_ADDRESS_POSTAL_CODE = "target.address.postal_code";

    /** How the referral stands with the performer. Required. */
    public static final String TASK_STATUS = "task.status";

    /** Why. */
    public static final String TASK_STATUS_REASON = "task.status_reason";

    /** The same as a code. Read only. */
    public static final String TASK_STATUS_REASON_CODE = "task.status_reason.code";

    /** The same in the clinic's own words. */
    public static final String TASK_BUSINESS_STATUS = "task.business_status";

    /** The same as a code. Read only. */
    public static final String TASK_BUSINESS_STATUS_CODE = "task.business_status.code";

    /** Why the clinic says so. Read only. */
    public static final String TASK_BUSINESS_STATUS_REASON = "task.business_status.reason";

    /** What the task is: a referral or an eConsult. */
    public static final String TASK_CODE = "task.code";

    /** The same in words. Read only. */
    public static final String TASK_CODE_DISPLAY = "task.code.display";

    /** The Task's id in this message. Read only. */
    public static final String TASK_ID = "task.id";

    /** Every identifier of the task: its system. Read only. */
    public static final String TASK_IDENTIFIER_SYSTEM = "task.identifier[0].system";

    /** Its value. Read only. */
    public static final String TASK_IDENTIFIER_VALUE = "task.identifier[0].value";

    /** Its type. Read only. */
    public static final String TASK_IDENTIFIER_TYPE = "task.identifier[0].type";

    /** The referral the task is about: who numbered it. Read only. */
    public static final String TASK_BASED_ON_SYSTEM = "task.based_on[0].system";

    /** Its number. Read only. */
    public static final String TASK_BASED_ON_VALUE = "task.based_on[0].value";

    /** The reference as it is written. Read only. */
    public static final String TASK_BASED_ON_REFERENCE = "task.based_on[0].reference";

    /** Task.intent. Read only. */
    public static final String TASK_INTENT = "task.intent";

    /** How soon, as the performer sees it. Read only. */
    public static final String TASK_PRIORITY = "task.priority";

    /** What is to be done. */
    public static final String TASK_DESCRIPTION = "task.description";

    /** Who is working on it. Read only. */
    public static final String TASK_OWNER = "task.owner";

    /** Who asked for it. Read only. */
    public static final String TASK_REQUESTER = "task.requester";

    /** Whether the patient needs to be seen: the outcome of an eConsult. */
    public static final String TASK_NEEDS_TO_BE_SEEN = "task.needs_to_be_seen";

    /** The advice of an eConsult. Left out of a draft: none. */
    public static final String TASK_ADVICE = "task.advice[0]";

    /** A result: what kind. Read only. */
    public static final String TASK_OUTPUT_TYPE = "task.output[0].type";

    /** Its text. Read only. */
    public static final String TASK_OUTPUT_TEXT = "task.output[0].text";

    /** The resource it is, as it is written. Read only. */
    public static final String TASK_OUTPUT_REFERENCE = "task.output[0].reference";

    /** What is asked: what kind. Read only. */
    public static final String TASK_INPUT_TYPE = "task.input[0].type";

    /** Its text. Read only. */
    public static final String TASK_INPUT_TEXT = "task.input[0].text";

    /** The resource it is, as it is written. Read only. */
    public static final String TASK_INPUT_REFERENCE = "task.input[0].reference";

    /** Further text. */
    public static final String TASK_NOTE = "task.note[0]";

    /** When the task was made. Read only. */
    public static final String TASK_AUTHORED = "task.authored";

    /** When the status changed. Left out in a draft: now. */
    public static final String TASK_MODIFIED = "task.modified";

    /** Until when it is to be done. Read only. */
    public static final String TASK_DUE = "task.due";

    /** The clinic's own number of the booking; keep it for changes. */
    public static final String APPOINTMENT_IDENTIFIER = "appointment.identifier";

    /** Every identifier of the booking: its system. Read only. */
    public static final String APPOINTMENT_IDENTIFIERS_SYSTEM = "appointment.identifiers[0].system";

    /** Its value. Read only. */
    public static final String APPOINTMENT_IDENTIFIERS_VALUE = "appointment.identifiers[0].value";

    /** Its type. Read only. */
    public static final String APPOINTMENT_IDENTIFIERS_TYPE = "appointment.identifiers[0].type";

    /** The referral the booking is about: who numbered it. Read only. */
    public static final String APPOINTMENT_BASED_ON_SYSTEM = "appointment.based_on[0].system";

    /** Its number. Read only. */
    public static final String APPOINTMENT_BASED_ON_VALUE = "appointment.based_on[0].value";

    /** The reference as it is written. Read only. */
    public static final String APPOINTMENT_BASED_ON_REFERENCE = "appointment.based_on[0].reference";

    /** How the booking stands. Left out in a draft: booked. */
    public static final String APPOINTMENT_STATUS = "appointment.status";

    /** Why it was cancelled. */
    public static final String APPOINTMENT_CANCELLATION_REASON = "appointment.cancellation_reason";

    /** What kind of appointment. Read only. */
    public static final String APPOINTMENT_TYPE = "appointment.type";

    /** The same as a code. Read only. */
    public static final String APPOINTMENT_TYPE_CODE = "appointment.type.code";

    /** In person or virtual. Read only. */
    public static final String APPOINTMENT_CLASS = "appointment.class";

    /** How to take part from a distance: a part of it. Read only. */
    public static final String APPOINTMENT_VIRTUAL_PART = "appointment.virtual[0].part";

    /** What is said of it. Read only. */
    public static final String APPOINTMENT_VIRTUAL_VALUE = "appointment.virtual[0].value";

    /** What it is. */
    public static final String APPOINTMENT_DESCRIPTION = "appointment.description";

    /** When it starts. Required. */
    public static final String APPOINTMENT_START = "appointment.start";

    /** When it ends. Required. */
    public static final String APPOINTMENT_END = "appointment.end";

    /** How long it takes. Read only. */
    public static final String APPOINTMENT_MINUTES = "appointment.minutes";

    /** A time the patient asked for: from. Read only. */
    public static final String APPOINTMENT_REQUESTED_START = "appointment.requested[0].start";

    /** Until. Read only. */
    public static final String APPOINTMENT_REQUESTED_END = "appointment.requested[0].end";

    /** When the booking was made. Read only. */
    public static final String APPOINTMENT_CREATED = "appointment.created";

    /** A remark. */
    public static final String APPOINTMENT_COMMENT = "appointment.comment";

    /** What the patient is to do. */
    public static final String APPOINTMENT_INSTRUCTION = "appointment.instruction";

    /** The booking as text, to be pasted elsewhere. Read only. */
    public static final String APPOINTMENT_TEXT = "appointment.text";

    /** Where it is. */
    public static final String APPOINTMENT_LOCATION = "appointment.location";

    /** Telephone of the place. Read only. */
    public static final String APPOINTMENT_LOCATION_PHONE = "appointment.location.phone";

    /** Street of its address. Read only. */
    public static final String APPOINTMENT_LOCATION_ADDRESS_LINE = "appointment.location.address.line[0]";

    /** Town. Read only. */
    public static final String APPOINTMENT_LOCATION_ADDRESS_CITY = "appointment.location.address.city";

    /** Province. Read only. */
    public static final String APPOINTMENT_LOCATION_ADDRESS_PROVINCE = "appointment.location.address.province";

    /** Postal code. Read only. */
    public static final String APPOINTMENT_LOCATION_ADDRESS_POSTAL_CODE = "appointment.location.address.postal_code";

    /** Who or what takes part: its resource type. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_KIND = "appointment.participant[0].kind";

    /** Name. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_NAME = "appointment.participant[0].name";

    /** As what. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_ROLE = "appointment.participant[0].role";

    /** accepted, declined, tentative, needs-action. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_STATUS = "appointment.participant[0].status";

    /** required, optional, information-only. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_REQUIRED = "appointment.participant[0].required";

    /** From when. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_START = "appointment.participant[0].start";

    /** Until when. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_END = "appointment.participant[0].end";

    /** An identifier: its system. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_SYSTEM = "appointment.participant[0].system";

    /** Its value. Read only. */
    public static final String APPOINTMENT_PARTICIPANT_VALUE = "appointment.participant[0].value";

    /** The sender's own number; an answer names it. */
    public static final String COMMUNICATION_IDENTIFIER = "communication.identifier";

    /** Every identifier of the communication: its system. Read only. */
    public static final String COMMUNICATION_IDENTIFIERS_SYSTEM = "communication.identifiers[0].system";

    /** Its value. Read only. */
    public static final String COMMUNICATION_IDENTIFIERS_VALUE = "communication.identifiers[0].value";

    /** Its type. Read only. */
    public static final String COMMUNICATION_IDENTIFIERS_TYPE = "communication.identifiers[0].type";

    /** The referral it is about: who numbered it. Read only. */
    public static final String COMMUNICATION_BASED_ON_SYSTEM = "communication.based_on[0].system";

    /** Its number. Read only. */
    public static final String COMMUNICATION_BASED_ON_VALUE = "communication.based_on[0].value";

    /** The reference as it is written. Read only. */
    public static final String COMMUNICATION_BASED_ON_REFERENCE = "communication.based_on[0].reference";

    /** The communication this one answers. */
    public static final String COMMUNICATION_IN_RESPONSE_TO = "communication.in_response_to";

    /** Who numbered that one. */
    public static final String COMMUNICATION_IN_RESPONSE_TO_SYSTEM = "communication.in_response_to.system";

    /** Left out in a draft: completed; entered-in-error withdraws it. */
    public static final String COMMUNICATION_STATUS = "communication.status";

    /** What kind of message. */
    public static final String COMMUNICATION_CATEGORY = "communication.category";

    /** The same as a code. Read only. */
    public static final String COMMUNICATION_CATEGORY_CODE = "communication.category.code";

    /** What it is about in a few words. Read only. */
    public static final String COMMUNICATION_TOPIC = "communication.topic";

    /** How soon it wants an answer. Read only. */
    public static final String COMMUNICATION_PRIORITY = "communication.priority";

    /** What it refers to. Read only. */
    public static final String COMMUNICATION_ABOUT = "communication.about[0]";

    /** Who wrote it. Read only. */
    public static final String COMMUNICATION_SENDER = "communication.sender";

    /** Whom it is for. Read only. */
    public static final String COMMUNICATION_RECIPIENT = "communication.recipient[0]";

    /** When it was sent. Left out in a draft: now. */
    public static final String COMMUNICATION_SENT = "communication.sent";

    /** When it arrived there. Read only. */
    public static final String COMMUNICATION_RECEIVED = "communication.received";

    /** The message. Required. */
    public static final String COMMUNICATION_TEXT = "communication.text[0]";

    /** Further text. Read only. */
    public static final String COMMUNICATION_NOTE = "communication.note[0]";

    /** File name. Read only. */
    public static final String ATTACHMENT_TITLE = "attachment[0].title";

    /** Media type. Read only. */
    public static final String ATTACHMENT_CONTENT_TYPE = "attachment[0].content_type";

    /** When the file was made. Read only. */
    public static final String ATTACHMENT_CREATED = "attachment[0].created";

    /** Its language. Read only. */
    public static final String ATTACHMENT_LANGUAGE = "attachment[0].language";

    /** Size in bytes. Read only. */
    public static final String ATTACHMENT_SIZE = "attachment[0].size";

    /** SHA-1 of its content in base64, as the sender says. Read only. */
    public static final String ATTACHMENT_HASH = "attachment[0].hash";

    /** Where it is, when it is not in the message. Read only. */
    public static final String ATTACHMENT_URL = "attachment[0].url";

    /** What it stands in: a document or a communication. Read only. */
    public static final String ATTACHMENT_HOLDER = "attachment[0].holder";

    /** What kind of document. Read only. */
    public static final String ATTACHMENT_TYPE = "attachment[0].type";

    /** The same as a code. Read only. */
    public static final String ATTACHMENT_TYPE_CODE = "attachment[0].type.code";

    /** A wider kind. Read only. */
    public static final String ATTACHMENT_CATEGORY = "attachment[0].category";

    /** When the document was made or sent. Read only. */
    public static final String ATTACHMENT_DATE = "attachment[0].date";

    /** Who wrote it. Read only. */
    public static final String ATTACHMENT_AUTHOR = "attachment[0].author";

    /** What it is. Read only. */
    public static final String ATTACHMENT_DESCRIPTION = "attachment[0].description";

    /** How the document stands. Read only. */
    public static final String ATTACHMENT_STATUS = "attachment[0].status";

    /** The document's number. Read only. */
    public static final String ATTACHMENT_IDENTIFIER = "attachment[0].identifier";

    /** Who gave it. Read only. */
    public static final String ATTACHMENT_IDENTIFIER_SYSTEM = "attachment[0].identifier.system";

    /** A question of a form that was filled in. Read only. */
    public static final String ANSWER_QUESTION = "answer[0].question";

    /** Its place in the form. Read only. */
    public static final String ANSWER_LINK_ID = "answer[0].link_id";

    /** The answer as text. Read only. */
    public static final String ANSWER_TEXT = "answer[0].text";

    /** The unit of a quantity. Read only. */
    public static final String ANSWER_UNIT = "answer[0].unit";

    /**
     * A field in another repetition than the first.
     *
     * @param field one of these constants, with "[0]" in it
     * @param indexes the numbers of its repetitions, from 0 and from the left
     * @return for example "patient.identifier[1].value"
     */
    public static String at(String field, int... indexes) {
        String name = field;
        int from = 0;
        for (int index : indexes) {
            int place = name.indexOf("[0]", from);
            if (place < 0) {
                throw new IllegalArgumentException(field + " does not repeat so often");
            }
            String number = "[" + index + "]";
            name = name.substring(0, place) + number + name.substring(place + 3);
            from = place + number.length();
        }
        return name;
    }

    /**
     * A field in a repetition that is not there yet: {@link Draft#set} begins it.
     *
     * @param field one of these constants, with "[0]" in it
     * @return for example "patient.identifier[+].value"
     */
    public static String next(String field) {
        int place = field.indexOf("[0]");
        if (place < 0) {
            throw new IllegalArgumentException(field + " does not repeat");
        }
        return field.substring(0, place) + "[+]" + field.substring(place + 3);
    }
}
