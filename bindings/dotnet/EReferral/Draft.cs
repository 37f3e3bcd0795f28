using System;

namespace EReferral
{
    /// <summary>A message being composed from plain fields, the program's own FHIR resources, and files. One call at a time.</summary>
    public sealed unsafe class Draft : IDisposable
    {
        private readonly DraftHandle handle;

        internal Draft(IntPtr draft) { handle = new DraftHandle(draft); }

        /// <summary>Sets a field, as <see cref="Set"/>.</summary>
        public string this[string name] { set => Set(name, value); }

        /// <summary>Sets a field by its plain name (docs/fields.md; <see cref="Fields"/>). An empty value removes it.</summary>
        public void Set(string name, string value)
        {
            byte[] nameBytes = Utf8.Bytes(name, nameof(name)), valueBytes = Utf8.Bytes(value, nameof(value));
            fixed (byte* namePointer = nameBytes, valuePointer = valueBytes)
                EReferralException.Check(NativeMethods.eref_draft_set(handle, namePointer, Utf8.Length(nameBytes), valuePointer,
                    Utf8.Length(valueBytes), out IntPtr error), error);
        }

        /// <summary>The form to fill, as a JSON object (docs/schema/form.json): every field that means something for this event.</summary>
        public string FormJson()
        {
            EReferralException.Check(NativeMethods.eref_draft_fields_json(handle, out IntPtr json, out IntPtr error), error);
            return Utf8.Take(json);
        }

        /// <summary>Adds a FHIR resource of the program's own, as JSON; what it says wins over fields of the same meaning.</summary>
        public void AddResource(string json)
        {
            byte[] bytes = Utf8.Bytes(json, nameof(json));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_draft_add_resource(handle, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>Adds a file that goes in the message, for example a referral letter.</summary>
        /// <param name="title">A file name with its extension.</param>
        /// <param name="contentType">Its MIME type.</param>
        /// <param name="content">What is in it.</param>
        public void AddAttachment(string title, string contentType, byte[] content) => Attach(title, contentType, content, false);

        /// <summary>Adds a file that does not go in the message: the partner fetches it from us, with its credentials.</summary>
        public void AddServedAttachment(string title, string contentType, byte[] content) => Attach(title, contentType, content, true);

        private void Attach(string title, string contentType, byte[] content, bool served)
        {
            if (content == null) throw new ArgumentNullException(nameof(content));
            byte[] name = Utf8.Bytes(title, nameof(title)), type = Utf8.Bytes(contentType, nameof(contentType));
            fixed (byte* namePointer = name, typePointer = type, data = content)
            {
                IntPtr error;
                int status = served
                    ? NativeMethods.eref_draft_add_attachment_served(handle, namePointer, Utf8.Length(name), typePointer, Utf8.Length(type),
                        data, Utf8.Length(content), out error)
                    : NativeMethods.eref_draft_add_attachment(handle, namePointer, Utf8.Length(name), typePointer, Utf8.Length(type), data,
                        Utf8.Length(content), out error);
                EReferralException.Check(status, error);
            }
        }

        /// <summary>Adds a file that the partner fetches from an address.</summary>
        public void AddAttachmentUrl(string title, string contentType, string url)
        {
            byte[] name = Utf8.Bytes(title, nameof(title)), type = Utf8.Bytes(contentType, nameof(contentType)), address = Utf8.Bytes(url, nameof(url));
            fixed (byte* namePointer = name, typePointer = type, addressPointer = address)
                EReferralException.Check(NativeMethods.eref_draft_add_attachment_url(handle, namePointer, Utf8.Length(name), typePointer,
                    Utf8.Length(type), addressPointer, Utf8.Length(address), out IntPtr error), error);
        }

        /// <summary>Composes the message and checks it for the partner. The draft stays as it is: change it and build again.</summary>
        /// <exception cref="EReferralException">Fields are missing or wrong; the detail is an OperationOutcome with all findings.</exception>
        public Notification Build()
        {
            EReferralException.Check(NativeMethods.eref_draft_build(handle, out IntPtr message, out IntPtr error), error);
            return new Notification(new MessageHandle(message));
        }

        /// <summary>Frees the draft. Messages built from it are not touched.</summary>
        public void Dispose() => handle.Dispose();
    }
}
