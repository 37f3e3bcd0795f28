// Written from include/ereferral.h and the field table by tests/dotnet_sources.rs (EREF_BLESS=1); do not edit.
using System;

namespace EReferral
{
    public sealed partial class Notification
    {
        /// <summary>The event, in the spelling this library sends.</summary>
        public string Event => Field("event");

        /// <summary>The event as it was spelled.</summary>
        public string EventReceived => Field("event.received");

        /// <summary>What the message says under message.</summary>
        public MessageFields Message => new MessageFields(this);

        /// <summary>What the message says under source.</summary>
        public SourceFields Source => new SourceFields(this);

        /// <summary>What the message says under destination.</summary>
        public FieldList<DestinationFields> Destination => new FieldList<DestinationFields>(this, "destination", (n, p) => new DestinationFields(n, p));

        /// <summary>What the message says under author.</summary>
        public AuthorFields Author => new AuthorFields(this);

        /// <summary>What the message says under sender.</summary>
        public SenderFields Sender => new SenderFields(this);

        /// <summary>What the message says under referral.</summary>
        public ReferralFields Referral => new ReferralFields(this);

        /// <summary>What the message says under patient.</summary>
        public PatientFields Patient => new PatientFields(this);

        /// <summary>What the message says under requester.</summary>
        public RequesterFields Requester => new RequesterFields(this);

        /// <summary>What the message says under user.</summary>
        public UserFields User => new UserFields(this);

        /// <summary>What the message says under target.</summary>
        public TargetFields Target => new TargetFields(this);

        /// <summary>What the message says under task.</summary>
        public TaskFields Task => new TaskFields(this);

        /// <summary>What the message says under appointment.</summary>
        public AppointmentFields Appointment => new AppointmentFields(this);

        /// <summary>What the message says under communication.</summary>
        public CommunicationFields Communication => new CommunicationFields(this);

        /// <summary>What the message says under attachment.</summary>
        public FieldList<AttachmentFields> Attachment => new FieldList<AttachmentFields>(this, "attachment", (n, p) => new AttachmentFields(n, p));

        /// <summary>What the message says under answer.</summary>
        public FieldList<AnswerFields> Answer => new FieldList<AnswerFields>(this, "answer", (n, p) => new AnswerFields(n, p));
    }

    /// <summary>What the message says under message.</summary>
    public readonly struct MessageFields
    {
        private readonly Notification notification;
        internal MessageFields(Notification source) { notification = source; }

        /// <summary>MessageHeader.id: the same when the message comes again.</summary>
        public string Id => notification.Field("message.id");

        /// <summary>Bundle.id: may differ when the message comes again.</summary>
        public string BundleId => notification.Field("message.bundle_id");

        /// <summary>Bundle.identifier, which some guides add: its system.</summary>
        public string IdentifierSystem => notification.Field("message.identifier.system");

        /// <summary>Its value.</summary>
        public string IdentifierValue => notification.Field("message.identifier.value");

        /// <summary>When the sender made the Bundle.</summary>
        public DateTimeOffset? Timestamp => FieldText.Instant(notification.Field("message.timestamp"));

        /// <summary>Why the message is sent.</summary>
        public string Reason => notification.Field("message.reason");

        /// <summary>The same as a code.</summary>
        public string ReasonCode => notification.Field("message.reason.code");

        /// <summary>The number of the referral that is echoed in all its messages: who gave it.</summary>
        public string ReferralIdentifierSystem => notification.Field("message.referral_identifier.system");

        /// <summary>That number.</summary>
        public string ReferralIdentifierValue => notification.Field("message.referral_identifier.value");

        /// <summary>The MessageHeader.id that this message answers.</summary>
        public string ResponseIdentifier => notification.Field("message.response.identifier");

        /// <summary>ok, transient-error or fatal-error.</summary>
        public string ResponseCode => notification.Field("message.response.code");

        /// <summary>What the answer says beside its code.</summary>
        public string ResponseDetails => notification.Field("message.response.details");
    }

    /// <summary>What the message says under source.</summary>
    public readonly struct SourceFields
    {
        private readonly Notification notification;
        internal SourceFields(Notification source) { notification = source; }

        /// <summary>The sending system.</summary>
        public string Name => notification.Field("source.name");

        /// <summary>Its software.</summary>
        public string Software => notification.Field("source.software");

        /// <summary>Its version.</summary>
        public string Version => notification.Field("source.version");

        /// <summary>Where it takes messages. Not an identity.</summary>
        public string Endpoint => notification.Field("source.endpoint");

        /// <summary>Whom to ask when something is wrong.</summary>
        public string Contact => notification.Field("source.contact");
    }

    /// <summary>What the message says under destination[].</summary>
    public readonly struct DestinationFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal DestinationFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>The receiving system as the sender knows it.</summary>
        public string Name => notification.Field(at + ".name");

        /// <summary>Its address.</summary>
        public string Endpoint => notification.Field(at + ".endpoint");

        /// <summary>Whom the message is for.</summary>
        public string Receiver => notification.Field(at + ".receiver");
    }

    /// <summary>What the message says under author.</summary>
    public readonly struct AuthorFields
    {
        private readonly Notification notification;
        internal AuthorFields(Notification source) { notification = source; }

        /// <summary>Who is responsible for the message.</summary>
        public string Name => notification.Field("author.name");

        /// <summary>For which organization.</summary>
        public string Organization => notification.Field("author.organization");
    }

    /// <summary>What the message says under sender.</summary>
    public readonly struct SenderFields
    {
        private readonly Notification notification;
        internal SenderFields(Notification source) { notification = source; }

        /// <summary>Who sent it, where that is said apart.</summary>
        public string Name => notification.Field("sender.name");
    }

    /// <summary>What the message says under referral.</summary>
    public readonly struct ReferralFields
    {
        private readonly Notification notification;
        internal ReferralFields(Notification source) { notification = source; }

        /// <summary>Each identifier.</summary>
        public FieldList<ReferralIdentifierFields> Identifier => new FieldList<ReferralIdentifierFields>(notification, "referral.identifier", (n, p) => new ReferralIdentifierFields(n, p));

        /// <summary>The ServiceRequest's id in this message.</summary>
        public string Id => notification.Field("referral.id");

        /// <summary>Each based on.</summary>
        public FieldList<ReferralBasedOnFields> BasedOn => new FieldList<ReferralBasedOnFields>(notification, "referral.based_on", (n, p) => new ReferralBasedOnFields(n, p));

        /// <summary>Each replaces.</summary>
        public FieldList<ReferralReplacesFields> Replaces => new FieldList<ReferralReplacesFields>(notification, "referral.replaces", (n, p) => new ReferralReplacesFields(n, p));

        /// <summary>What referrals that were split have in common: who numbered it.</summary>
        public string RequisitionSystem => notification.Field("referral.requisition.system");

        /// <summary>Its number.</summary>
        public string RequisitionValue => notification.Field("referral.requisition.value");

        /// <summary>How the referral stands with the requester.</summary>
        public string Status => notification.Field("referral.status");

        /// <summary>Why.</summary>
        public string StatusReason => notification.Field("referral.status_reason");

        /// <summary>ServiceRequest.intent.</summary>
        public string Intent => notification.Field("referral.intent");

        /// <summary>What kind of care is asked for, a SNOMED CT code agreed with the partner.</summary>
        public string CategoryCode => notification.Field("referral.category.code");

        /// <summary>The same in words.</summary>
        public string CategoryDisplay => notification.Field("referral.category.display");

        /// <summary>The service asked for within the kind of care.</summary>
        public string ServiceCode => notification.Field("referral.service.code");

        /// <summary>The same in words.</summary>
        public string ServiceDisplay => notification.Field("referral.service.display");

        /// <summary>Details of the service.</summary>
        public FieldList<string> OrderDetail => new FieldList<string>(notification, "referral.order_detail", (n, p) => n.Field(p));

        /// <summary>How soon.</summary>
        public string Priority => notification.Field("referral.priority");

        /// <summary>When the referral was written. Left out in a draft: now.</summary>
        public string Authored => notification.Field("referral.authored");

        /// <summary>Why the patient is referred.</summary>
        public string Reason => notification.Field("referral.reason");

        /// <summary>Each reasons.</summary>
        public FieldList<ReferralReasonsFields> Reasons => new FieldList<ReferralReasonsFields>(notification, "referral.reasons", (n, p) => new ReferralReasonsFields(n, p));

        /// <summary>Each note.</summary>
        public FieldList<ReferralNoteFields> Note => new FieldList<ReferralNoteFields>(notification, "referral.note", (n, p) => new ReferralNoteFields(n, p));

        /// <summary>Everyone asked to perform it.</summary>
        public FieldList<string> Performer => new FieldList<string>(notification, "referral.performer", (n, p) => n.Field(p));

        /// <summary>Who gets copies.</summary>
        public FieldList<string> Copied => new FieldList<string>(notification, "referral.copied", (n, p) => n.Field(p));

        /// <summary>Where the patient is now.</summary>
        public string PresentLocation => notification.Field("referral.present_location");

        /// <summary>Each darc.</summary>
        public FieldList<ReferralDarcFields> Darc => new FieldList<ReferralDarcFields>(notification, "referral.darc", (n, p) => new ReferralDarcFields(n, p));

        /// <summary>Each dart.</summary>
        public FieldList<ReferralDartFields> Dart => new FieldList<ReferralDartFields>(notification, "referral.dart", (n, p) => new ReferralDartFields(n, p));

        /// <summary>Each routing option.</summary>
        public FieldList<ReferralRoutingOptionFields> RoutingOption => new FieldList<ReferralRoutingOptionFields>(notification, "referral.routing_option", (n, p) => new ReferralRoutingOptionFields(n, p));

        /// <summary>Each provider preference.</summary>
        public FieldList<ReferralProviderPreferenceFields> ProviderPreference => new FieldList<ReferralProviderPreferenceFields>(notification, "referral.provider_preference", (n, p) => new ReferralProviderPreferenceFields(n, p));

        /// <summary>Each supporting.</summary>
        public FieldList<ReferralSupportingFields> Supporting => new FieldList<ReferralSupportingFields>(notification, "referral.supporting", (n, p) => new ReferralSupportingFields(n, p));
    }

    /// <summary>What the message says under patient.</summary>
    public readonly struct PatientFields
    {
        private readonly Notification notification;
        internal PatientFields(Notification source) { notification = source; }

        /// <summary>The Patient's id in this message.</summary>
        public string Id => notification.Field("patient.id");

        /// <summary>Health card number.</summary>
        public string HealthNumber => notification.Field("patient.health_number");

        /// <summary>Version code of the health card.</summary>
        public string HealthNumberVersion => notification.Field("patient.health_number.version");

        /// <summary>Which province's card it is. Left out in a draft: Ontario's.</summary>
        public string HealthNumberSystem => notification.Field("patient.health_number.system");

        /// <summary>Why there is no health card number.</summary>
        public string HealthNumberMissingReason => notification.Field("patient.health_number.missing_reason");

        /// <summary>Number in the sender's chart.</summary>
        public string Mrn => notification.Field("patient.mrn");

        /// <summary>Whose chart. Left out in a draft: ours.</summary>
        public string MrnSystem => notification.Field("patient.mrn.system");

        /// <summary>Each identifier.</summary>
        public FieldList<PatientIdentifierFields> Identifier => new FieldList<PatientIdentifierFields>(notification, "patient.identifier", (n, p) => new PatientIdentifierFields(n, p));

        /// <summary>The whole name, where the sender gave it.</summary>
        public string NameText => notification.Field("patient.name.text");

        /// <summary>Family name.</summary>
        public string NameFamily => notification.Field("patient.name.family");

        /// <summary>Given names, first one first.</summary>
        public FieldList<string> NameGiven => new FieldList<string>(notification, "patient.name.given", (n, p) => n.Field(p));

        /// <summary>Titles before the name.</summary>
        public FieldList<string> NamePrefix => new FieldList<string>(notification, "patient.name.prefix", (n, p) => n.Field(p));

        /// <summary>What stands behind the name.</summary>
        public FieldList<string> NameSuffix => new FieldList<string>(notification, "patient.name.suffix", (n, p) => n.Field(p));

        /// <summary>Telephone.</summary>
        public string Phone => notification.Field("patient.phone");

        /// <summary>E-mail address.</summary>
        public string Email => notification.Field("patient.email");

        /// <summary>Mobile telephone.</summary>
        public string PhoneMobile => notification.Field("patient.phone.mobile");

        /// <summary>Each telecom.</summary>
        public FieldList<PatientTelecomFields> Telecom => new FieldList<PatientTelecomFields>(notification, "patient.telecom", (n, p) => new PatientTelecomFields(n, p));

        /// <summary>Administrative gender.</summary>
        public string Gender => notification.Field("patient.gender");

        /// <summary>Date of birth, also a year or a month.</summary>
        public string BirthDate => notification.Field("patient.birth_date");

        /// <summary>Whether the patient died, or when.</summary>
        public string Deceased => notification.Field("patient.deceased");

        /// <summary>Patient.active.</summary>
        public bool? Active => FieldText.Bool(notification.Field("patient.active"));

        /// <summary>Marital status.</summary>
        public string MaritalStatus => notification.Field("patient.marital_status");

        /// <summary>Street.</summary>
        public FieldList<string> AddressLine => new FieldList<string>(notification, "patient.address.line", (n, p) => n.Field(p));

        /// <summary>Town.</summary>
        public string AddressCity => notification.Field("patient.address.city");

        /// <summary>Province.</summary>
        public string AddressProvince => notification.Field("patient.address.province");

        /// <summary>Postal code.</summary>
        public string AddressPostalCode => notification.Field("patient.address.postal_code");

        /// <summary>Country.</summary>
        public string AddressCountry => notification.Field("patient.address.country");

        /// <summary>The whole address, where the sender gave it.</summary>
        public string AddressText => notification.Field("patient.address.text");

        /// <summary>Language to speak with the patient.</summary>
        public string Language => notification.Field("patient.language");

        /// <summary>What makes speaking difficult.</summary>
        public string CommunicationBarrier => notification.Field("patient.communication_barrier");

        /// <summary>The family doctor.</summary>
        public string Practitioner => notification.Field("patient.practitioner");
    }

    /// <summary>What the message says under requester.</summary>
    public readonly struct RequesterFields
    {
        private readonly Notification notification;
        internal RequesterFields(Notification source) { notification = source; }

        /// <summary>Licence number of the physician.</summary>
        public string Licence => notification.Field("requester.licence");

        /// <summary>OHIP billing number.</summary>
        public string BillingNumber => notification.Field("requester.billing_number");

        /// <summary>Each identifier.</summary>
        public FieldList<RequesterIdentifierFields> Identifier => new FieldList<RequesterIdentifierFields>(notification, "requester.identifier", (n, p) => new RequesterIdentifierFields(n, p));

        /// <summary>The whole name, where the sender gave it.</summary>
        public string NameText => notification.Field("requester.name.text");

        /// <summary>Family name of the person who refers.</summary>
        public string NameFamily => notification.Field("requester.name.family");

        /// <summary>Given names.</summary>
        public FieldList<string> NameGiven => new FieldList<string>(notification, "requester.name.given", (n, p) => n.Field(p));

        /// <summary>Titles before the name.</summary>
        public FieldList<string> NamePrefix => new FieldList<string>(notification, "requester.name.prefix", (n, p) => n.Field(p));

        /// <summary>What the person is there.</summary>
        public string Role => notification.Field("requester.role");

        /// <summary>Specialty.</summary>
        public string Specialty => notification.Field("requester.specialty");

        /// <summary>The practice.</summary>
        public string Organization => notification.Field("requester.organization");

        /// <summary>The site of the practice.</summary>
        public string Location => notification.Field("requester.location");

        /// <summary>Telephone of the practice.</summary>
        public string Phone => notification.Field("requester.phone");

        /// <summary>Fax of the practice.</summary>
        public string Fax => notification.Field("requester.fax");

        /// <summary>E-mail of the practice.</summary>
        public string Email => notification.Field("requester.email");

        /// <summary>Street of its address.</summary>
        public FieldList<string> AddressLine => new FieldList<string>(notification, "requester.address.line", (n, p) => n.Field(p));

        /// <summary>Town.</summary>
        public string AddressCity => notification.Field("requester.address.city");

        /// <summary>Province.</summary>
        public string AddressProvince => notification.Field("requester.address.province");

        /// <summary>Postal code.</summary>
        public string AddressPostalCode => notification.Field("requester.address.postal_code");
    }

    /// <summary>What the message says under user.</summary>
    public readonly struct UserFields
    {
        private readonly Notification notification;
        internal UserFields(Notification source) { notification = source; }

        /// <summary>Who acted. Required by the guide when a person did.</summary>
        public string Name => notification.Field("user.name");

        /// <summary>Family name of who acted, where the sender gave it.</summary>
        public string NameFamily => notification.Field("user.name.family");

        /// <summary>Given names of who acted.</summary>
        public FieldList<string> NameGiven => new FieldList<string>(notification, "user.name.given", (n, p) => n.Field(p));

        /// <summary>Each identifier.</summary>
        public FieldList<UserIdentifierFields> Identifier => new FieldList<UserIdentifierFields>(notification, "user.identifier", (n, p) => new UserIdentifierFields(n, p));
    }

    /// <summary>What the message says under target.</summary>
    public readonly struct TargetFields
    {
        private readonly Notification notification;
        internal TargetFields(Notification source) { notification = source; }

        /// <summary>Where the referral goes: the partner's key of the listing.</summary>
        public string Listing => notification.Field("target.listing");

        /// <summary>Each identifier.</summary>
        public FieldList<TargetIdentifierFields> Identifier => new FieldList<TargetIdentifierFields>(notification, "target.identifier", (n, p) => new TargetIdentifierFields(n, p));

        /// <summary>Licence number of the person who is to perform.</summary>
        public string Licence => notification.Field("target.licence");

        /// <summary>The whole name of the person who is to perform, where the sender gave it.</summary>
        public string NameText => notification.Field("target.name.text");

        /// <summary>Family name of the person who is to perform.</summary>
        public string NameFamily => notification.Field("target.name.family");

        /// <summary>Given names.</summary>
        public FieldList<string> NameGiven => new FieldList<string>(notification, "target.name.given", (n, p) => n.Field(p));

        /// <summary>What the person is there.</summary>
        public string Role => notification.Field("target.role");

        /// <summary>The clinic.</summary>
        public string Organization => notification.Field("target.organization");

        /// <summary>Its site.</summary>
        public string Location => notification.Field("target.location");

        /// <summary>The service of the clinic, where one is named.</summary>
        public string Service => notification.Field("target.service");

        /// <summary>What it does.</summary>
        public string Specialty => notification.Field("target.specialty");

        /// <summary>Its telephone.</summary>
        public string Phone => notification.Field("target.phone");

        /// <summary>Its fax.</summary>
        public string Fax => notification.Field("target.fax");

        /// <summary>Its e-mail.</summary>
        public string Email => notification.Field("target.email");

        /// <summary>Street of its address.</summary>
        public FieldList<string> AddressLine => new FieldList<string>(notification, "target.address.line", (n, p) => n.Field(p));

        /// <summary>Town.</summary>
        public string AddressCity => notification.Field("target.address.city");

        /// <summary>Province.</summary>
        public string AddressProvince => notification.Field("target.address.province");

        /// <summary>Postal code.</summary>
        public string AddressPostalCode => notification.Field("target.address.postal_code");
    }

    /// <summary>What the message says under task.</summary>
    public readonly struct TaskFields
    {
        private readonly Notification notification;
        internal TaskFields(Notification source) { notification = source; }

        /// <summary>How the referral stands with the performer.</summary>
        public string Status => notification.Field("task.status");

        /// <summary>Why.</summary>
        public string StatusReason => notification.Field("task.status_reason");

        /// <summary>The same as a code.</summary>
        public string StatusReasonCode => notification.Field("task.status_reason.code");

        /// <summary>The same in the clinic's own words.</summary>
        public string BusinessStatus => notification.Field("task.business_status");

        /// <summary>The same as a code.</summary>
        public string BusinessStatusCode => notification.Field("task.business_status.code");

        /// <summary>Why the clinic says so.</summary>
        public string BusinessStatusReason => notification.Field("task.business_status.reason");

        /// <summary>What the task is: a referral or an eConsult.</summary>
        public string Code => notification.Field("task.code");

        /// <summary>The same in words.</summary>
        public string CodeDisplay => notification.Field("task.code.display");

        /// <summary>The Task's id in this message.</summary>
        public string Id => notification.Field("task.id");

        /// <summary>Each identifier.</summary>
        public FieldList<TaskIdentifierFields> Identifier => new FieldList<TaskIdentifierFields>(notification, "task.identifier", (n, p) => new TaskIdentifierFields(n, p));

        /// <summary>Each based on.</summary>
        public FieldList<TaskBasedOnFields> BasedOn => new FieldList<TaskBasedOnFields>(notification, "task.based_on", (n, p) => new TaskBasedOnFields(n, p));

        /// <summary>Task.intent.</summary>
        public string Intent => notification.Field("task.intent");

        /// <summary>How soon, as the performer sees it.</summary>
        public string Priority => notification.Field("task.priority");

        /// <summary>What is to be done.</summary>
        public string Description => notification.Field("task.description");

        /// <summary>Who is working on it.</summary>
        public string Owner => notification.Field("task.owner");

        /// <summary>Who asked for it.</summary>
        public string Requester => notification.Field("task.requester");

        /// <summary>Whether the patient needs to be seen: the outcome of an eConsult.</summary>
        public bool? NeedsToBeSeen => FieldText.Bool(notification.Field("task.needs_to_be_seen"));

        /// <summary>The advice of an eConsult. Left out of a draft: none.</summary>
        public FieldList<string> Advice => new FieldList<string>(notification, "task.advice", (n, p) => n.Field(p));

        /// <summary>Each output.</summary>
        public FieldList<TaskOutputFields> Output => new FieldList<TaskOutputFields>(notification, "task.output", (n, p) => new TaskOutputFields(n, p));

        /// <summary>Each input.</summary>
        public FieldList<TaskInputFields> Input => new FieldList<TaskInputFields>(notification, "task.input", (n, p) => new TaskInputFields(n, p));

        /// <summary>Further text.</summary>
        public FieldList<string> Note => new FieldList<string>(notification, "task.note", (n, p) => n.Field(p));

        /// <summary>When the task was made.</summary>
        public string Authored => notification.Field("task.authored");

        /// <summary>When the status changed. Left out in a draft: now.</summary>
        public string Modified => notification.Field("task.modified");

        /// <summary>Until when it is to be done.</summary>
        public string Due => notification.Field("task.due");
    }

    /// <summary>What the message says under appointment.</summary>
    public readonly struct AppointmentFields
    {
        private readonly Notification notification;
        internal AppointmentFields(Notification source) { notification = source; }

        /// <summary>The clinic's own number of the booking; keep it for changes.</summary>
        public string Identifier => notification.Field("appointment.identifier");

        /// <summary>Each identifiers.</summary>
        public FieldList<AppointmentIdentifiersFields> Identifiers => new FieldList<AppointmentIdentifiersFields>(notification, "appointment.identifiers", (n, p) => new AppointmentIdentifiersFields(n, p));

        /// <summary>Each based on.</summary>
        public FieldList<AppointmentBasedOnFields> BasedOn => new FieldList<AppointmentBasedOnFields>(notification, "appointment.based_on", (n, p) => new AppointmentBasedOnFields(n, p));

        /// <summary>How the booking stands. Left out in a draft: booked.</summary>
        public string Status => notification.Field("appointment.status");

        /// <summary>Why it was cancelled.</summary>
        public string CancellationReason => notification.Field("appointment.cancellation_reason");

        /// <summary>What kind of appointment.</summary>
        public string Type => notification.Field("appointment.type");

        /// <summary>The same as a code.</summary>
        public string TypeCode => notification.Field("appointment.type.code");

        /// <summary>In person or virtual.</summary>
        public string Class => notification.Field("appointment.class");

        /// <summary>Each virtual.</summary>
        public FieldList<AppointmentVirtualFields> Virtual => new FieldList<AppointmentVirtualFields>(notification, "appointment.virtual", (n, p) => new AppointmentVirtualFields(n, p));

        /// <summary>What it is.</summary>
        public string Description => notification.Field("appointment.description");

        /// <summary>When it starts.</summary>
        public DateTimeOffset? Start => FieldText.Instant(notification.Field("appointment.start"));

        /// <summary>When it ends.</summary>
        public DateTimeOffset? End => FieldText.Instant(notification.Field("appointment.end"));

        /// <summary>How long it takes.</summary>
        public long? Minutes => FieldText.Integer(notification.Field("appointment.minutes"));

        /// <summary>Each requested.</summary>
        public FieldList<AppointmentRequestedFields> Requested => new FieldList<AppointmentRequestedFields>(notification, "appointment.requested", (n, p) => new AppointmentRequestedFields(n, p));

        /// <summary>When the booking was made.</summary>
        public string Created => notification.Field("appointment.created");

        /// <summary>A remark.</summary>
        public string Comment => notification.Field("appointment.comment");

        /// <summary>What the patient is to do.</summary>
        public string Instruction => notification.Field("appointment.instruction");

        /// <summary>The booking as text, to be pasted elsewhere.</summary>
        public string Text => notification.Field("appointment.text");

        /// <summary>Where it is.</summary>
        public string Location => notification.Field("appointment.location");

        /// <summary>Telephone of the place.</summary>
        public string LocationPhone => notification.Field("appointment.location.phone");

        /// <summary>Street of its address.</summary>
        public FieldList<string> LocationAddressLine => new FieldList<string>(notification, "appointment.location.address.line", (n, p) => n.Field(p));

        /// <summary>Town.</summary>
        public string LocationAddressCity => notification.Field("appointment.location.address.city");

        /// <summary>Province.</summary>
        public string LocationAddressProvince => notification.Field("appointment.location.address.province");

        /// <summary>Postal code.</summary>
        public string LocationAddressPostalCode => notification.Field("appointment.location.address.postal_code");

        /// <summary>Each participant.</summary>
        public FieldList<AppointmentParticipantFields> Participant => new FieldList<AppointmentParticipantFields>(notification, "appointment.participant", (n, p) => new AppointmentParticipantFields(n, p));
    }

    /// <summary>What the message says under communication.</summary>
    public readonly struct CommunicationFields
    {
        private readonly Notification notification;
        internal CommunicationFields(Notification source) { notification = source; }

        /// <summary>The sender's own number; an answer names it.</summary>
        public string Identifier => notification.Field("communication.identifier");

        /// <summary>Each identifiers.</summary>
        public FieldList<CommunicationIdentifiersFields> Identifiers => new FieldList<CommunicationIdentifiersFields>(notification, "communication.identifiers", (n, p) => new CommunicationIdentifiersFields(n, p));

        /// <summary>Each based on.</summary>
        public FieldList<CommunicationBasedOnFields> BasedOn => new FieldList<CommunicationBasedOnFields>(notification, "communication.based_on", (n, p) => new CommunicationBasedOnFields(n, p));

        /// <summary>The communication this one answers.</summary>
        public string InResponseTo => notification.Field("communication.in_response_to");

        /// <summary>Who numbered that one.</summary>
        public string InResponseToSystem => notification.Field("communication.in_response_to.system");

        /// <summary>Left out in a draft: completed; entered-in-error withdraws it.</summary>
        public string Status => notification.Field("communication.status");

        /// <summary>What kind of message.</summary>
        public string Category => notification.Field("communication.category");

        /// <summary>The same as a code.</summary>
        public string CategoryCode => notification.Field("communication.category.code");

        /// <summary>What it is about in a few words.</summary>
        public string Topic => notification.Field("communication.topic");

        /// <summary>How soon it wants an answer.</summary>
        public string Priority => notification.Field("communication.priority");

        /// <summary>What it refers to.</summary>
        public FieldList<string> About => new FieldList<string>(notification, "communication.about", (n, p) => n.Field(p));

        /// <summary>Who wrote it.</summary>
        public string Sender => notification.Field("communication.sender");

        /// <summary>Whom it is for.</summary>
        public FieldList<string> Recipient => new FieldList<string>(notification, "communication.recipient", (n, p) => n.Field(p));

        /// <summary>When it was sent. Left out in a draft: now.</summary>
        public string Sent => notification.Field("communication.sent");

        /// <summary>When it arrived there.</summary>
        public string Received => notification.Field("communication.received");

        /// <summary>The message.</summary>
        public FieldList<string> Text => new FieldList<string>(notification, "communication.text", (n, p) => n.Field(p));

        /// <summary>Further text.</summary>
        public FieldList<string> Note => new FieldList<string>(notification, "communication.note", (n, p) => n.Field(p));
    }

    /// <summary>What the message says under attachment[].</summary>
    public readonly struct AttachmentFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AttachmentFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>File name.</summary>
        public string Title => notification.Field(at + ".title");

        /// <summary>Media type.</summary>
        public string ContentType => notification.Field(at + ".content_type");

        /// <summary>When the file was made.</summary>
        public string Created => notification.Field(at + ".created");

        /// <summary>Its language.</summary>
        public string Language => notification.Field(at + ".language");

        /// <summary>Size in bytes.</summary>
        public long? Size => FieldText.Integer(notification.Field(at + ".size"));

        /// <summary>SHA-1 of its content in base64, as the sender says.</summary>
        public string Hash => notification.Field(at + ".hash");

        /// <summary>Where it is, when it is not in the message.</summary>
        public string Url => notification.Field(at + ".url");

        /// <summary>What it stands in: a document or a communication.</summary>
        public string Holder => notification.Field(at + ".holder");

        /// <summary>What kind of document.</summary>
        public string Type => notification.Field(at + ".type");

        /// <summary>The same as a code.</summary>
        public string TypeCode => notification.Field(at + ".type.code");

        /// <summary>A wider kind.</summary>
        public string Category => notification.Field(at + ".category");

        /// <summary>When the document was made or sent.</summary>
        public string Date => notification.Field(at + ".date");

        /// <summary>Who wrote it.</summary>
        public string Author => notification.Field(at + ".author");

        /// <summary>What it is.</summary>
        public string Description => notification.Field(at + ".description");

        /// <summary>How the document stands.</summary>
        public string Status => notification.Field(at + ".status");

        /// <summary>The document's number.</summary>
        public string Identifier => notification.Field(at + ".identifier");

        /// <summary>Who gave it.</summary>
        public string IdentifierSystem => notification.Field(at + ".identifier.system");
    }

    /// <summary>What the message says under answer[].</summary>
    public readonly struct AnswerFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AnswerFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A question of a form that was filled in.</summary>
        public string Question => notification.Field(at + ".question");

        /// <summary>Its place in the form.</summary>
        public string LinkId => notification.Field(at + ".link_id");

        /// <summary>The answer as text.</summary>
        public string Text => notification.Field(at + ".text");

        /// <summary>The unit of a quantity.</summary>
        public string Unit => notification.Field(at + ".unit");
    }

    /// <summary>What the message says under referral.identifier[].</summary>
    public readonly struct ReferralIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Who numbered the referral. Left out in a draft: our own system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>The number of the referral. Left out in a new referral: a random one.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>What kind of number it is.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under referral.based_on[].</summary>
    public readonly struct ReferralBasedOnFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralBasedOnFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A referral this one comes from: who numbered it.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its number.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under referral.replaces[].</summary>
    public readonly struct ReferralReplacesFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralReplacesFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A referral this one replaces: who numbered it.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its number.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under referral.reasons[].</summary>
    public readonly struct ReferralReasonsFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralReasonsFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every reason, where there are several.</summary>
        public string Text => notification.Field(at + ".text");

        /// <summary>As a code.</summary>
        public string Code => notification.Field(at + ".code");
    }

    /// <summary>What the message says under referral.note[].</summary>
    public readonly struct ReferralNoteFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralNoteFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Further text. HTML is read as plain text.</summary>
        public string Value => notification.Field(at);

        /// <summary>Who wrote it.</summary>
        public string Author => notification.Field(at + ".author");

        /// <summary>When.</summary>
        public string Time => notification.Field(at + ".time");
    }

    /// <summary>What the message says under referral.darc[].</summary>
    public readonly struct ReferralDarcFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralDarcFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A date that affects readiness to consult: which.</summary>
        public string Part => notification.Field(at + ".part");

        /// <summary>The date, or what is said of it.</summary>
        public string Value => notification.Field(at + ".value");
    }

    /// <summary>What the message says under referral.dart[].</summary>
    public readonly struct ReferralDartFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralDartFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A date that affects readiness to treat: which.</summary>
        public string Part => notification.Field(at + ".part");

        /// <summary>The date, or what is said of it.</summary>
        public string Value => notification.Field(at + ".value");
    }

    /// <summary>What the message says under referral.routing_option[].</summary>
    public readonly struct ReferralRoutingOptionFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralRoutingOptionFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>How the referral may be routed.</summary>
        public string Code => notification.Field(at + ".code");

        /// <summary>The same in words.</summary>
        public string Display => notification.Field(at + ".display");
    }

    /// <summary>What the message says under referral.provider_preference[].</summary>
    public readonly struct ReferralProviderPreferenceFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralProviderPreferenceFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Which provider is preferred: a part of it.</summary>
        public string Part => notification.Field(at + ".part");

        /// <summary>What is said of it.</summary>
        public string Value => notification.Field(at + ".value");
    }

    /// <summary>What the message says under referral.supporting[].</summary>
    public readonly struct ReferralSupportingFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal ReferralSupportingFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Supporting information: its resource type.</summary>
        public string Kind => notification.Field(at + ".kind");

        /// <summary>What it is.</summary>
        public string Text => notification.Field(at + ".text");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under patient.identifier[].</summary>
    public readonly struct PatientIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal PatientIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier as received: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type: JHN health number, MR chart number.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under patient.telecom[].</summary>
    public readonly struct PatientTelecomFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal PatientTelecomFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every way to reach the patient as received: phone, email, fax, sms.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>The number or address.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>home, work, mobile, temp, old.</summary>
        public string Use => notification.Field(at + ".use");
    }

    /// <summary>What the message says under requester.identifier[].</summary>
    public readonly struct RequesterIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal RequesterIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of who refers: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under user.identifier[].</summary>
    public readonly struct UserIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal UserIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of who acted: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under target.identifier[].</summary>
    public readonly struct TargetIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal TargetIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of where the referral goes: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under task.identifier[].</summary>
    public readonly struct TaskIdentifierFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal TaskIdentifierFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of the task: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under task.based_on[].</summary>
    public readonly struct TaskBasedOnFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal TaskBasedOnFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>The referral the task is about: who numbered it.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its number.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under task.output[].</summary>
    public readonly struct TaskOutputFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal TaskOutputFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A result: what kind.</summary>
        public string Type => notification.Field(at + ".type");

        /// <summary>Its text.</summary>
        public string Text => notification.Field(at + ".text");

        /// <summary>The resource it is, as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under task.input[].</summary>
    public readonly struct TaskInputFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal TaskInputFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>What is asked: what kind.</summary>
        public string Type => notification.Field(at + ".type");

        /// <summary>Its text.</summary>
        public string Text => notification.Field(at + ".text");

        /// <summary>The resource it is, as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under appointment.identifiers[].</summary>
    public readonly struct AppointmentIdentifiersFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AppointmentIdentifiersFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of the booking: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under appointment.based_on[].</summary>
    public readonly struct AppointmentBasedOnFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AppointmentBasedOnFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>The referral the booking is about: who numbered it.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its number.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }

    /// <summary>What the message says under appointment.virtual[].</summary>
    public readonly struct AppointmentVirtualFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AppointmentVirtualFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>How to take part from a distance: a part of it.</summary>
        public string Part => notification.Field(at + ".part");

        /// <summary>What is said of it.</summary>
        public string Value => notification.Field(at + ".value");
    }

    /// <summary>What the message says under appointment.requested[].</summary>
    public readonly struct AppointmentRequestedFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AppointmentRequestedFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>A time the patient asked for: from.</summary>
        public string Start => notification.Field(at + ".start");

        /// <summary>Until.</summary>
        public string End => notification.Field(at + ".end");
    }

    /// <summary>What the message says under appointment.participant[].</summary>
    public readonly struct AppointmentParticipantFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal AppointmentParticipantFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Who or what takes part: its resource type.</summary>
        public string Kind => notification.Field(at + ".kind");

        /// <summary>Name.</summary>
        public string Name => notification.Field(at + ".name");

        /// <summary>As what.</summary>
        public string Role => notification.Field(at + ".role");

        /// <summary>accepted, declined, tentative, needs-action.</summary>
        public string Status => notification.Field(at + ".status");

        /// <summary>required, optional, information-only.</summary>
        public string Required => notification.Field(at + ".required");

        /// <summary>From when.</summary>
        public string Start => notification.Field(at + ".start");

        /// <summary>Until when.</summary>
        public string End => notification.Field(at + ".end");

        /// <summary>An identifier: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");
    }

    /// <summary>What the message says under communication.identifiers[].</summary>
    public readonly struct CommunicationIdentifiersFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal CommunicationIdentifiersFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>Every identifier of the communication: its system.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its value.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>Its type.</summary>
        public string Type => notification.Field(at + ".type");
    }

    /// <summary>What the message says under communication.based_on[].</summary>
    public readonly struct CommunicationBasedOnFields
    {
        private readonly Notification notification;
        private readonly string at;
        internal CommunicationBasedOnFields(Notification source, string path) { notification = source; at = path; }

        /// <summary>The referral it is about: who numbered it.</summary>
        public string System => notification.Field(at + ".system");

        /// <summary>Its number.</summary>
        public string Value => notification.Field(at + ".value");

        /// <summary>The reference as it is written.</summary>
        public string Reference => notification.Field(at + ".reference");
    }
}
