// Written from include/ereferral.h and the field table by tests/dotnet_sources.rs (EREF_BLESS=1); do not edit.
namespace EReferral
{
    /// <summary>The plain names of the fields of a message (docs/fields.md). A name with [] stands for a repetition: see <see cref="At"/>
    /// and <see cref="Next"/>.</summary>
    public static partial class Fields
    {
        /// <summary>The event, in the spelling this library sends. For example notify-add-appointment</summary>
        public const string Event = "event";
        /// <summary>The event as it was spelled. For example add-servicerequest</summary>
        public const string EventReceived = "event.received";
        /// <summary>MessageHeader.id: the same when the message comes again. For example 0f3c1c52-6d0e-4c37-9a53-6d5b1f8f2a10</summary>
        public const string MessageId = "message.id";
        /// <summary>Bundle.id: may differ when the message comes again. For example 8a4f5d2e-52c6-4f0e-a6b0-4dd1f6c1e7aa</summary>
        public const string MessageBundleId = "message.bundle_id";
        /// <summary>Bundle.identifier, which some guides add: its system. For example urn:ietf:rfc:3986</summary>
        public const string MessageIdentifierSystem = "message.identifier.system";
        /// <summary>Its value. For example urn:uuid:8a4f5d2e-52c6-4f0e-a6b0-4dd1f6c1e7aa</summary>
        public const string MessageIdentifierValue = "message.identifier.value";
        /// <summary>When the sender made the Bundle. For example 2026-05-01T09:12:00.000-04:00</summary>
        public const string MessageTimestamp = "message.timestamp";
        /// <summary>Why the message is sent. For example Initial</summary>
        public const string MessageReason = "message.reason";
        /// <summary>The same as a code. For example service-request-reassigned</summary>
        public const string MessageReasonCode = "message.reason.code";
        /// <summary>The number of the referral that is echoed in all its messages: who gave it. For example https://pos.example/fhir/NamingSystem/referral</summary>
        public const string MessageReferralIdentifierSystem = "message.referral_identifier.system";
        /// <summary>That number. For example R-1001</summary>
        public const string MessageReferralIdentifierValue = "message.referral_identifier.value";
        /// <summary>The MessageHeader.id that this message answers. For example 0f3c1c52-6d0e-4c37-9a53-6d5b1f8f2a10</summary>
        public const string MessageResponseIdentifier = "message.response.identifier";
        /// <summary>ok, transient-error or fatal-error. For example ok</summary>
        public const string MessageResponseCode = "message.response.code";
        /// <summary>What the answer says beside its code. For example The listing is closed</summary>
        public const string MessageResponseDetails = "message.response.details";
        /// <summary>The sending system. For example Fracture Clinic RMS</summary>
        public const string SourceName = "source.name";
        /// <summary>Its software. For example ExampleRMS</summary>
        public const string SourceSoftware = "source.software";
        /// <summary>Its version. For example 7.1</summary>
        public const string SourceVersion = "source.version";
        /// <summary>Where it takes messages. Not an identity. For example https://rms.example/fhir/$process-message</summary>
        public const string SourceEndpoint = "source.endpoint";
        /// <summary>Whom to ask when something is wrong. For example help@rms.example</summary>
        public const string SourceContact = "source.contact";
        /// <summary>The receiving system as the sender knows it. For example Riverside Family Health</summary>
        public const string DestinationName = "destination[].name";
        /// <summary>Its address. For example https://pos.example/fhir/$process-message</summary>
        public const string DestinationEndpoint = "destination[].endpoint";
        /// <summary>Whom the message is for. For example Fracture Clinic</summary>
        public const string DestinationReceiver = "destination[].receiver";
        /// <summary>Who is responsible for the message. For example Dr. Paul Fakename</summary>
        public const string AuthorName = "author.name";
        /// <summary>For which organization. For example Riverside Family Health</summary>
        public const string AuthorOrganization = "author.organization";
        /// <summary>Who sent it, where that is said apart. For example Sample RMS Inc.</summary>
        public const string SenderName = "sender.name";
        /// <summary>Who numbered the referral. Left out in a draft: our own system. For example https://pos.example/fhir/NamingSystem/referral</summary>
        public const string ReferralIdentifierSystem = "referral.identifier[].system";
        /// <summary>The number of the referral. Left out in a new referral: a random one. For example R-1001</summary>
        public const string ReferralIdentifierValue = "referral.identifier[].value";
        /// <summary>What kind of number it is. For example PLAC</summary>
        public const string ReferralIdentifierType = "referral.identifier[].type";
        /// <summary>The ServiceRequest's id in this message. For example s1</summary>
        public const string ReferralId = "referral.id";
        /// <summary>A referral this one comes from: who numbered it. For example https://rms.example/fhir/NamingSystem/referral</summary>
        public const string ReferralBasedOnSystem = "referral.based_on[].system";
        /// <summary>Its number. For example R-0900</summary>
        public const string ReferralBasedOnValue = "referral.based_on[].value";
        /// <summary>The reference as it is written. For example ServiceRequest/900</summary>
        public const string ReferralBasedOnReference = "referral.based_on[].reference";
        /// <summary>A referral this one replaces: who numbered it. For example https://rms.example/fhir/NamingSystem/referral</summary>
        public const string ReferralReplacesSystem = "referral.replaces[].system";
        /// <summary>Its number. For example R-0900</summary>
        public const string ReferralReplacesValue = "referral.replaces[].value";
        /// <summary>The reference as it is written. For example ServiceRequest/900</summary>
        public const string ReferralReplacesReference = "referral.replaces[].reference";
        /// <summary>What referrals that were split have in common: who numbered it. For example https://rms.example/fhir/NamingSystem/requisition</summary>
        public const string ReferralRequisitionSystem = "referral.requisition.system";
        /// <summary>Its number. For example Q-7</summary>
        public const string ReferralRequisitionValue = "referral.requisition.value";
        /// <summary>How the referral stands with the requester. For example active</summary>
        public const string ReferralStatus = "referral.status";
        /// <summary>Why. For example Patient moved away</summary>
        public const string ReferralStatusReason = "referral.status_reason";
        /// <summary>ServiceRequest.intent. For example proposal</summary>
        public const string ReferralIntent = "referral.intent";
        /// <summary>What kind of care is asked for, a SNOMED CT code agreed with the partner. For example 183545006</summary>
        public const string ReferralCategoryCode = "referral.category.code";
        /// <summary>The same in words. For example Orthopaedic surgery</summary>
        public const string ReferralCategoryDisplay = "referral.category.display";
        /// <summary>The service asked for within the kind of care. For example 103696004</summary>
        public const string ReferralServiceCode = "referral.service.code";
        /// <summary>The same in words. For example Referral to specialist</summary>
        public const string ReferralServiceDisplay = "referral.service.display";
        /// <summary>Details of the service. For example Left side</summary>
        public const string ReferralOrderDetail = "referral.order_detail[]";
        /// <summary>How soon. For example routine</summary>
        public const string ReferralPriority = "referral.priority";
        /// <summary>When the referral was written. Left out in a draft: now. For example 2026-05-01T09:10:00-04:00</summary>
        public const string ReferralAuthored = "referral.authored";
        /// <summary>Why the patient is referred. For example Knee pain for six months</summary>
        public const string ReferralReason = "referral.reason";
        /// <summary>Every reason, where there are several. For example Knee pain for six months</summary>
        public const string ReferralReasonsText = "referral.reasons[].text";
        /// <summary>As a code. For example 30989003</summary>
        public const string ReferralReasonsCode = "referral.reasons[].code";
        /// <summary>Further text. HTML is read as plain text. For example Please see soon.</summary>
        public const string ReferralNote = "referral.note[]";
        /// <summary>Who wrote it. For example Dr. Paul Fakename</summary>
        public const string ReferralNoteAuthor = "referral.note[].author";
        /// <summary>When. For example 2026-05-01T09:10:00-04:00</summary>
        public const string ReferralNoteTime = "referral.note[].time";
        /// <summary>Everyone asked to perform it. For example Fracture Clinic</summary>
        public const string ReferralPerformer = "referral.performer[]";
        /// <summary>Who gets copies. For example Dr. Clara Samplesurgeon</summary>
        public const string ReferralCopied = "referral.copied[]";
        /// <summary>Where the patient is now. For example Sample Hospital, ward 3</summary>
        public const string ReferralPresentLocation = "referral.present_location";
        /// <summary>A date that affects readiness to consult: which. For example start</summary>
        public const string ReferralDarcPart = "referral.darc[].part";
        /// <summary>The date, or what is said of it. For example 2026-06-01</summary>
        public const string ReferralDarcValue = "referral.darc[].value";
        /// <summary>A date that affects readiness to treat: which. For example start</summary>
        public const string ReferralDartPart = "referral.dart[].part";
        /// <summary>The date, or what is said of it. For example 2026-06-01</summary>
        public const string ReferralDartValue = "referral.dart[].value";
        /// <summary>How the referral may be routed. For example central-intake</summary>
        public const string ReferralRoutingOptionCode = "referral.routing_option[].code";
        /// <summary>The same in words. For example Central intake</summary>
        public const string ReferralRoutingOptionDisplay = "referral.routing_option[].display";
        /// <summary>Which provider is preferred: a part of it. For example preference</summary>
        public const string ReferralProviderPreferencePart = "referral.provider_preference[].part";
        /// <summary>What is said of it. For example first available</summary>
        public const string ReferralProviderPreferenceValue = "referral.provider_preference[].value";
        /// <summary>Supporting information: its resource type. For example Condition</summary>
        public const string ReferralSupportingKind = "referral.supporting[].kind";
        /// <summary>What it is. For example Sprained wrist</summary>
        public const string ReferralSupportingText = "referral.supporting[].text";
        /// <summary>The reference as it is written. For example Condition/c1</summary>
        public const string ReferralSupportingReference = "referral.supporting[].reference";
        /// <summary>The Patient's id in this message. For example p1</summary>
        public const string PatientId = "patient.id";
        /// <summary>Health card number. For example 9999999999</summary>
        public const string PatientHealthNumber = "patient.health_number";
        /// <summary>Version code of the health card. For example ZZ</summary>
        public const string PatientHealthNumberVersion = "patient.health_number.version";
        /// <summary>Which province's card it is. Left out in a draft: Ontario's. For example https://fhir.infoway-inforoute.ca/NamingSystem/ca-bc-patient-healthcare-id</summary>
        public const string PatientHealthNumberSystem = "patient.health_number.system";
        /// <summary>Why there is no health card number. For example Patient has no health card</summary>
        public const string PatientHealthNumberMissingReason = "patient.health_number.missing_reason";
        /// <summary>Number in the sender's chart. For example T-0001</summary>
        public const string PatientMrn = "patient.mrn";
        /// <summary>Whose chart. Left out in a draft: ours. For example https://pos.example/fhir/NamingSystem/mrn</summary>
        public const string PatientMrnSystem = "patient.mrn.system";
        /// <summary>Every identifier as received: its system. For example https://fhir.infoway-inforoute.ca/NamingSystem/ca-on-patient-hcn</summary>
        public const string PatientIdentifierSystem = "patient.identifier[].system";
        /// <summary>Its value. For example 9999999999</summary>
        public const string PatientIdentifierValue = "patient.identifier[].value";
        /// <summary>Its type: JHN health number, MR chart number. For example JHN</summary>
        public const string PatientIdentifierType = "patient.identifier[].type";
        /// <summary>The whole name, where the sender gave it. For example Anna Testpatient</summary>
        public const string PatientNameText = "patient.name.text";
        /// <summary>Family name. For example Testpatient</summary>
        public const string PatientNameFamily = "patient.name.family";
        /// <summary>Given names, first one first. For example Anna</summary>
        public const string PatientNameGiven = "patient.name.given[]";
        /// <summary>Titles before the name. For example Ms</summary>
        public const string PatientNamePrefix = "patient.name.prefix[]";
        /// <summary>What stands behind the name. For example Jr</summary>
        public const string PatientNameSuffix = "patient.name.suffix[]";
        /// <summary>Telephone. For example 416-555-0100</summary>
        public const string PatientPhone = "patient.phone";
        /// <summary>E-mail address. For example anna@testpatient.example</summary>
        public const string PatientEmail = "patient.email";
        /// <summary>Mobile telephone. For example 416-555-0199</summary>
        public const string PatientPhoneMobile = "patient.phone.mobile";
        /// <summary>Every way to reach the patient as received: phone, email, fax, sms. For example phone</summary>
        public const string PatientTelecomSystem = "patient.telecom[].system";
        /// <summary>The number or address. For example 416-555-0100</summary>
        public const string PatientTelecomValue = "patient.telecom[].value";
        /// <summary>home, work, mobile, temp, old. For example home</summary>
        public const string PatientTelecomUse = "patient.telecom[].use";
        /// <summary>Administrative gender. For example female</summary>
        public const string PatientGender = "patient.gender";
        /// <summary>Date of birth, also a year or a month. For example 1980-02-29</summary>
        public const string PatientBirthDate = "patient.birth_date";
        /// <summary>Whether the patient died, or when. For example false</summary>
        public const string PatientDeceased = "patient.deceased";
        /// <summary>Patient.active. For example true</summary>
        public const string PatientActive = "patient.active";
        /// <summary>Marital status. For example Married</summary>
        public const string PatientMaritalStatus = "patient.marital_status";
        /// <summary>Street. For example 1 Sample Street</summary>
        public const string PatientAddressLine = "patient.address.line[]";
        /// <summary>Town. For example Toronto</summary>
        public const string PatientAddressCity = "patient.address.city";
        /// <summary>Province. For example ON</summary>
        public const string PatientAddressProvince = "patient.address.province";
        /// <summary>Postal code. For example M5V 0A0</summary>
        public const string PatientAddressPostalCode = "patient.address.postal_code";
        /// <summary>Country. For example CA</summary>
        public const string PatientAddressCountry = "patient.address.country";
        /// <summary>The whole address, where the sender gave it. For example 1 Sample Street, Toronto</summary>
        public const string PatientAddressText = "patient.address.text";
        /// <summary>Language to speak with the patient. For example French</summary>
        public const string PatientLanguage = "patient.language";
        /// <summary>What makes speaking difficult. For example Needs an interpreter</summary>
        public const string PatientCommunicationBarrier = "patient.communication_barrier";
        /// <summary>The family doctor. For example Dr. Paul Fakename</summary>
        public const string PatientPractitioner = "patient.practitioner";
        /// <summary>Licence number of the physician. For example 999999</summary>
        public const string RequesterLicence = "requester.licence";
        /// <summary>OHIP billing number. For example 999999</summary>
        public const string RequesterBillingNumber = "requester.billing_number";
        /// <summary>Every identifier of who refers: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string RequesterIdentifierSystem = "requester.identifier[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string RequesterIdentifierValue = "requester.identifier[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string RequesterIdentifierType = "requester.identifier[].type";
        /// <summary>The whole name, where the sender gave it. For example Dr. Paul Fakename</summary>
        public const string RequesterNameText = "requester.name.text";
        /// <summary>Family name of the person who refers. For example Fakename</summary>
        public const string RequesterNameFamily = "requester.name.family";
        /// <summary>Given names. For example Paul</summary>
        public const string RequesterNameGiven = "requester.name.given[]";
        /// <summary>Titles before the name. For example Dr.</summary>
        public const string RequesterNamePrefix = "requester.name.prefix[]";
        /// <summary>What the person is there. For example Family physician</summary>
        public const string RequesterRole = "requester.role";
        /// <summary>Specialty. For example Family medicine</summary>
        public const string RequesterSpecialty = "requester.specialty";
        /// <summary>The practice. For example Riverside Family Health</summary>
        public const string RequesterOrganization = "requester.organization";
        /// <summary>The site of the practice. For example Main office</summary>
        public const string RequesterLocation = "requester.location";
        /// <summary>Telephone of the practice. For example 416-555-0101</summary>
        public const string RequesterPhone = "requester.phone";
        /// <summary>Fax of the practice. For example 416-555-0102</summary>
        public const string RequesterFax = "requester.fax";
        /// <summary>E-mail of the practice. For example office@clinic.example</summary>
        public const string RequesterEmail = "requester.email";
        /// <summary>Street of its address. For example 1 Sample Street</summary>
        public const string RequesterAddressLine = "requester.address.line[]";
        /// <summary>Town. For example Toronto</summary>
        public const string RequesterAddressCity = "requester.address.city";
        /// <summary>Province. For example ON</summary>
        public const string RequesterAddressProvince = "requester.address.province";
        /// <summary>Postal code. For example M5V 0A0</summary>
        public const string RequesterAddressPostalCode = "requester.address.postal_code";
        /// <summary>Who acted. Required by the guide when a person did. For example Sam Sampleuser</summary>
        public const string UserName = "user.name";
        /// <summary>Family name of who acted, where the sender gave it. For example Sampleuser</summary>
        public const string UserNameFamily = "user.name.family";
        /// <summary>Given names of who acted. For example Sam</summary>
        public const string UserNameGiven = "user.name.given[]";
        /// <summary>Every identifier of who acted: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string UserIdentifierSystem = "user.identifier[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string UserIdentifierValue = "user.identifier[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string UserIdentifierType = "user.identifier[].type";
        /// <summary>Where the referral goes: the partner's key of the listing. For example fracture-clinic-1</summary>
        public const string TargetListing = "target.listing";
        /// <summary>Every identifier of where the referral goes: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string TargetIdentifierSystem = "target.identifier[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string TargetIdentifierValue = "target.identifier[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string TargetIdentifierType = "target.identifier[].type";
        /// <summary>Licence number of the person who is to perform. For example 999998</summary>
        public const string TargetLicence = "target.licence";
        /// <summary>The whole name of the person who is to perform, where the sender gave it. For example Dr. Clara Samplesurgeon</summary>
        public const string TargetNameText = "target.name.text";
        /// <summary>Family name of the person who is to perform. For example Samplesurgeon</summary>
        public const string TargetNameFamily = "target.name.family";
        /// <summary>Given names. For example Clara</summary>
        public const string TargetNameGiven = "target.name.given[]";
        /// <summary>What the person is there. For example Surgeon</summary>
        public const string TargetRole = "target.role";
        /// <summary>The clinic. For example Fracture Clinic</summary>
        public const string TargetOrganization = "target.organization";
        /// <summary>Its site. For example East site</summary>
        public const string TargetLocation = "target.location";
        /// <summary>The service of the clinic, where one is named. For example Fracture follow-up</summary>
        public const string TargetService = "target.service";
        /// <summary>What it does. For example Orthopaedics</summary>
        public const string TargetSpecialty = "target.specialty";
        /// <summary>Its telephone. For example 416-555-0103</summary>
        public const string TargetPhone = "target.phone";
        /// <summary>Its fax. For example 416-555-0104</summary>
        public const string TargetFax = "target.fax";
        /// <summary>Its e-mail. For example intake@clinic.example</summary>
        public const string TargetEmail = "target.email";
        /// <summary>Street of its address. For example 1 Sample Street</summary>
        public const string TargetAddressLine = "target.address.line[]";
        /// <summary>Town. For example Toronto</summary>
        public const string TargetAddressCity = "target.address.city";
        /// <summary>Province. For example ON</summary>
        public const string TargetAddressProvince = "target.address.province";
        /// <summary>Postal code. For example M5V 0A0</summary>
        public const string TargetAddressPostalCode = "target.address.postal_code";
        /// <summary>How the referral stands with the performer. For example accepted</summary>
        public const string TaskStatus = "task.status";
        /// <summary>Why. For example Incomplete information</summary>
        public const string TaskStatusReason = "task.status_reason";
        /// <summary>The same as a code. For example incomplete</summary>
        public const string TaskStatusReasonCode = "task.status_reason.code";
        /// <summary>The same in the clinic's own words. For example Waiting for imaging</summary>
        public const string TaskBusinessStatus = "task.business_status";
        /// <summary>The same as a code. For example rejected-by-performer</summary>
        public const string TaskBusinessStatusCode = "task.business_status.code";
        /// <summary>Why the clinic says so. For example Outside our region</summary>
        public const string TaskBusinessStatusReason = "task.business_status.reason";
        /// <summary>What the task is: a referral or an eConsult. For example process-request</summary>
        public const string TaskCode = "task.code";
        /// <summary>The same in words. For example Process request</summary>
        public const string TaskCodeDisplay = "task.code.display";
        /// <summary>The Task's id in this message. For example t1</summary>
        public const string TaskId = "task.id";
        /// <summary>Every identifier of the task: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string TaskIdentifierSystem = "task.identifier[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string TaskIdentifierValue = "task.identifier[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string TaskIdentifierType = "task.identifier[].type";
        /// <summary>The referral the task is about: who numbered it. For example https://rms.example/fhir/NamingSystem/referral</summary>
        public const string TaskBasedOnSystem = "task.based_on[].system";
        /// <summary>Its number. For example R-0900</summary>
        public const string TaskBasedOnValue = "task.based_on[].value";
        /// <summary>The reference as it is written. For example ServiceRequest/900</summary>
        public const string TaskBasedOnReference = "task.based_on[].reference";
        /// <summary>Task.intent. For example order</summary>
        public const string TaskIntent = "task.intent";
        /// <summary>How soon, as the performer sees it. For example routine</summary>
        public const string TaskPriority = "task.priority";
        /// <summary>What is to be done. For example Triage the referral</summary>
        public const string TaskDescription = "task.description";
        /// <summary>Who is working on it. For example Fracture Clinic</summary>
        public const string TaskOwner = "task.owner";
        /// <summary>Who asked for it. For example Riverside Family Health</summary>
        public const string TaskRequester = "task.requester";
        /// <summary>Whether the patient needs to be seen: the outcome of an eConsult. For example true</summary>
        public const string TaskNeedsToBeSeen = "task.needs_to_be_seen";
        /// <summary>The advice of an eConsult. Left out of a draft: none. For example Physiotherapy, then look again in three months.</summary>
        public const string TaskAdvice = "task.advice[]";
        /// <summary>A result: what kind. For example advice</summary>
        public const string TaskOutputType = "task.output[].type";
        /// <summary>Its text. For example Send for an X-ray first.</summary>
        public const string TaskOutputText = "task.output[].text";
        /// <summary>The resource it is, as it is written. For example Communication/c1</summary>
        public const string TaskOutputReference = "task.output[].reference";
        /// <summary>What is asked: what kind. For example advice</summary>
        public const string TaskInputType = "task.input[].type";
        /// <summary>Its text. For example Please send the X-ray report.</summary>
        public const string TaskInputText = "task.input[].text";
        /// <summary>The resource it is, as it is written. For example Communication/c1</summary>
        public const string TaskInputReference = "task.input[].reference";
        /// <summary>Further text. For example Bring the images.</summary>
        public const string TaskNote = "task.note[]";
        /// <summary>When the task was made. For example 2026-05-02T09:00:00-04:00</summary>
        public const string TaskAuthored = "task.authored";
        /// <summary>When the status changed. Left out in a draft: now. For example 2026-05-02T10:00:00-04:00</summary>
        public const string TaskModified = "task.modified";
        /// <summary>Until when it is to be done. For example 2026-05-09</summary>
        public const string TaskDue = "task.due";
        /// <summary>The clinic's own number of the booking; keep it for changes. For example A-77</summary>
        public const string AppointmentIdentifier = "appointment.identifier";
        /// <summary>Every identifier of the booking: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string AppointmentIdentifiersSystem = "appointment.identifiers[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string AppointmentIdentifiersValue = "appointment.identifiers[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string AppointmentIdentifiersType = "appointment.identifiers[].type";
        /// <summary>The referral the booking is about: who numbered it. For example https://rms.example/fhir/NamingSystem/referral</summary>
        public const string AppointmentBasedOnSystem = "appointment.based_on[].system";
        /// <summary>Its number. For example R-0900</summary>
        public const string AppointmentBasedOnValue = "appointment.based_on[].value";
        /// <summary>The reference as it is written. For example ServiceRequest/900</summary>
        public const string AppointmentBasedOnReference = "appointment.based_on[].reference";
        /// <summary>How the booking stands. Left out in a draft: booked. For example booked</summary>
        public const string AppointmentStatus = "appointment.status";
        /// <summary>Why it was cancelled. For example Patient asked</summary>
        public const string AppointmentCancellationReason = "appointment.cancellation_reason";
        /// <summary>What kind of appointment. For example Follow-up</summary>
        public const string AppointmentType = "appointment.type";
        /// <summary>The same as a code. For example FOLLOWUP</summary>
        public const string AppointmentTypeCode = "appointment.type.code";
        /// <summary>In person or virtual. For example virtual</summary>
        public const string AppointmentClass = "appointment.class";
        /// <summary>How to take part from a distance: a part of it. For example address</summary>
        public const string AppointmentVirtualPart = "appointment.virtual[].part";
        /// <summary>What is said of it. For example https://video.example/room/1</summary>
        public const string AppointmentVirtualValue = "appointment.virtual[].value";
        /// <summary>What it is. For example First visit</summary>
        public const string AppointmentDescription = "appointment.description";
        /// <summary>When it starts. For example 2026-05-09T14:30:00-04:00</summary>
        public const string AppointmentStart = "appointment.start";
        /// <summary>When it ends. For example 2026-05-09T15:00:00-04:00</summary>
        public const string AppointmentEnd = "appointment.end";
        /// <summary>How long it takes. For example 30</summary>
        public const string AppointmentMinutes = "appointment.minutes";
        /// <summary>A time the patient asked for: from. For example 2026-05-01</summary>
        public const string AppointmentRequestedStart = "appointment.requested[].start";
        /// <summary>Until. For example 2026-05-31</summary>
        public const string AppointmentRequestedEnd = "appointment.requested[].end";
        /// <summary>When the booking was made. For example 2026-05-02T10:00:00-04:00</summary>
        public const string AppointmentCreated = "appointment.created";
        /// <summary>A remark. For example Left knee</summary>
        public const string AppointmentComment = "appointment.comment";
        /// <summary>What the patient is to do. For example Bring your health card.</summary>
        public const string AppointmentInstruction = "appointment.instruction";
        /// <summary>The booking as text, to be pasted elsewhere. For example Bring your health card and arrive 15 minutes early.</summary>
        public const string AppointmentText = "appointment.text";
        /// <summary>Where it is. For example Room 4</summary>
        public const string AppointmentLocation = "appointment.location";
        /// <summary>Telephone of the place. For example 416-555-0105</summary>
        public const string AppointmentLocationPhone = "appointment.location.phone";
        /// <summary>Street of its address. For example 1 Sample Street</summary>
        public const string AppointmentLocationAddressLine = "appointment.location.address.line[]";
        /// <summary>Town. For example Toronto</summary>
        public const string AppointmentLocationAddressCity = "appointment.location.address.city";
        /// <summary>Province. For example ON</summary>
        public const string AppointmentLocationAddressProvince = "appointment.location.address.province";
        /// <summary>Postal code. For example M5V 0A0</summary>
        public const string AppointmentLocationAddressPostalCode = "appointment.location.address.postal_code";
        /// <summary>Who or what takes part: its resource type. For example PractitionerRole</summary>
        public const string AppointmentParticipantKind = "appointment.participant[].kind";
        /// <summary>Name. For example Dr. Clara Samplesurgeon</summary>
        public const string AppointmentParticipantName = "appointment.participant[].name";
        /// <summary>As what. For example attender</summary>
        public const string AppointmentParticipantRole = "appointment.participant[].role";
        /// <summary>accepted, declined, tentative, needs-action. For example accepted</summary>
        public const string AppointmentParticipantStatus = "appointment.participant[].status";
        /// <summary>required, optional, information-only. For example required</summary>
        public const string AppointmentParticipantRequired = "appointment.participant[].required";
        /// <summary>From when. For example 2026-05-09T14:30:00-04:00</summary>
        public const string AppointmentParticipantStart = "appointment.participant[].start";
        /// <summary>Until when. For example 2026-05-09T15:00:00-04:00</summary>
        public const string AppointmentParticipantEnd = "appointment.participant[].end";
        /// <summary>An identifier: its system. For example https://rms.example/fhir/NamingSystem/id-site-number</summary>
        public const string AppointmentParticipantSystem = "appointment.participant[].system";
        /// <summary>Its value. For example 14</summary>
        public const string AppointmentParticipantValue = "appointment.participant[].value";
        /// <summary>The sender's own number; an answer names it. For example C-5</summary>
        public const string CommunicationIdentifier = "communication.identifier";
        /// <summary>Every identifier of the communication: its system. For example https://rms.example/fhir/NamingSystem/sample</summary>
        public const string CommunicationIdentifiersSystem = "communication.identifiers[].system";
        /// <summary>Its value. For example S-1</summary>
        public const string CommunicationIdentifiersValue = "communication.identifiers[].value";
        /// <summary>Its type. For example PRN</summary>
        public const string CommunicationIdentifiersType = "communication.identifiers[].type";
        /// <summary>The referral it is about: who numbered it. For example https://rms.example/fhir/NamingSystem/referral</summary>
        public const string CommunicationBasedOnSystem = "communication.based_on[].system";
        /// <summary>Its number. For example R-0900</summary>
        public const string CommunicationBasedOnValue = "communication.based_on[].value";
        /// <summary>The reference as it is written. For example ServiceRequest/900</summary>
        public const string CommunicationBasedOnReference = "communication.based_on[].reference";
        /// <summary>The communication this one answers. For example C-4</summary>
        public const string CommunicationInResponseTo = "communication.in_response_to";
        /// <summary>Who numbered that one. For example https://rms.example/fhir/NamingSystem/communication</summary>
        public const string CommunicationInResponseToSystem = "communication.in_response_to.system";
        /// <summary>Left out in a draft: completed; entered-in-error withdraws it. For example completed</summary>
        public const string CommunicationStatus = "communication.status";
        /// <summary>What kind of message. For example request-for-information</summary>
        public const string CommunicationCategory = "communication.category";
        /// <summary>The same as a code. For example request-for-information</summary>
        public const string CommunicationCategoryCode = "communication.category.code";
        /// <summary>What it is about in a few words. For example X-ray report</summary>
        public const string CommunicationTopic = "communication.topic";
        /// <summary>How soon it wants an answer. For example routine</summary>
        public const string CommunicationPriority = "communication.priority";
        /// <summary>What it refers to. For example DocumentReference/d1</summary>
        public const string CommunicationAbout = "communication.about[]";
        /// <summary>Who wrote it. For example Dr. Clara Samplesurgeon</summary>
        public const string CommunicationSender = "communication.sender";
        /// <summary>Whom it is for. For example Riverside Family Health</summary>
        public const string CommunicationRecipient = "communication.recipient[]";
        /// <summary>When it was sent. Left out in a draft: now. For example 2026-05-03T08:00:00-04:00</summary>
        public const string CommunicationSent = "communication.sent";
        /// <summary>When it arrived there. For example 2026-05-03T08:00:05-04:00</summary>
        public const string CommunicationReceived = "communication.received";
        /// <summary>The message. For example Please send the X-ray report.</summary>
        public const string CommunicationText = "communication.text[]";
        /// <summary>Further text. For example Sent by fax too.</summary>
        public const string CommunicationNote = "communication.note[]";
        /// <summary>File name. For example letter.pdf</summary>
        public const string AttachmentTitle = "attachment[].title";
        /// <summary>Media type. For example application/pdf</summary>
        public const string AttachmentContentType = "attachment[].content_type";
        /// <summary>When the file was made. For example 2026-05-03</summary>
        public const string AttachmentCreated = "attachment[].created";
        /// <summary>Its language. For example en-CA</summary>
        public const string AttachmentLanguage = "attachment[].language";
        /// <summary>Size in bytes. For example 20480</summary>
        public const string AttachmentSize = "attachment[].size";
        /// <summary>SHA-1 of its content in base64, as the sender says. For example GChKT9CWeATJoCy1voZ5i1RQkVM=</summary>
        public const string AttachmentHash = "attachment[].hash";
        /// <summary>Where it is, when it is not in the message. For example https://rms.example/fhir/Binary/1</summary>
        public const string AttachmentUrl = "attachment[].url";
        /// <summary>What it stands in: a document or a communication. For example DocumentReference</summary>
        public const string AttachmentHolder = "attachment[].holder";
        /// <summary>What kind of document. For example Referral letter</summary>
        public const string AttachmentType = "attachment[].type";
        /// <summary>The same as a code. For example 57133-1</summary>
        public const string AttachmentTypeCode = "attachment[].type.code";
        /// <summary>A wider kind. For example Clinical note</summary>
        public const string AttachmentCategory = "attachment[].category";
        /// <summary>When the document was made or sent. For example 2026-05-03T08:00:00-04:00</summary>
        public const string AttachmentDate = "attachment[].date";
        /// <summary>Who wrote it. For example Dr. Clara Samplesurgeon</summary>
        public const string AttachmentAuthor = "attachment[].author";
        /// <summary>What it is. For example Letter after the first visit</summary>
        public const string AttachmentDescription = "attachment[].description";
        /// <summary>How the document stands. For example current</summary>
        public const string AttachmentStatus = "attachment[].status";
        /// <summary>The document's number. For example D-9</summary>
        public const string AttachmentIdentifier = "attachment[].identifier";
        /// <summary>Who gave it. For example https://rms.example/fhir/NamingSystem/id-attachment-reference</summary>
        public const string AttachmentIdentifierSystem = "attachment[].identifier.system";
        /// <summary>A question of a form that was filled in. For example Does it hurt at night?</summary>
        public const string AnswerQuestion = "answer[].question";
        /// <summary>Its place in the form. For example item7</summary>
        public const string AnswerLinkId = "answer[].link_id";
        /// <summary>The answer as text. For example Yes</summary>
        public const string AnswerText = "answer[].text";
        /// <summary>The unit of a quantity. For example cm</summary>
        public const string AnswerUnit = "answer[].unit";
    }
}
