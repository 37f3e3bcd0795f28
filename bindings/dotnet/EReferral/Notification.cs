using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace EReferral
{
    /// <summary>A message: received, parsed or composed; a value. Every field of the field table (docs/fields.md) is a property, found by
    /// its name: patient.name.family is Patient.NameFamily, patient.identifier[0].value is Patient.Identifier[0].Value. Properties are
    /// null where the message does not say. Dates are text, as they may be a year or a month only.</summary>
    public sealed unsafe partial class Notification : IDisposable
    {
        internal readonly MessageHandle Handle;

        internal Notification(MessageHandle handle) { Handle = handle; }

        /// <summary>Reads a message that did not come through an engine: a FHIR Bundle of type "message" as JSON, in UTF-8.</summary>
        public static Notification Parse(byte[] bundle)
        {
            if (bundle == null) throw new ArgumentNullException(nameof(bundle));
            NativeLoader.Ensure();
            return Read(bundle);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Notification Read(byte[] bundle)
        {
            fixed (byte* data = bundle)
            {
                EReferralException.Check(
                    NativeMethods.eref_message_parse(data, Utf8.Length(bundle), out IntPtr message, out IntPtr error), error);
                return new Notification(new MessageHandle(message));
            }
        }

        /// <summary>Reads a message that did not come through an engine.</summary>
        public static Notification Parse(string bundle) => Parse(Utf8.Bytes(bundle, nameof(bundle)));

        /// <summary>What happened, as the guide's event code, for example notify-add-appointment.</summary>
        public string EventCode
        {
            get
            {
                using (new Held(Handle))
                {
                    NativeMethods.eref_message_event(Handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>One field by its plain name (docs/fields.md; <see cref="Fields"/>); null when the message does not say.</summary>
        public string Field(string name)
        {
            byte[] bytes = Utf8.Bytes(name, nameof(name));
            using (new Held(Handle))
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_message_field(Handle, data, Utf8.Length(bytes), out NativeText text, out IntPtr error), error);
                return text.ToString();
            }
        }

        /// <summary>How often a repeating field or group occurs, for example patient.identifier.</summary>
        public int FieldCount(string name)
        {
            byte[] bytes = Utf8.Bytes(name, nameof(name));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_message_field_count(Handle, data, Utf8.Length(bytes), out UIntPtr count, out IntPtr error), error);
                return checked((int)count);
            }
        }

        /// <summary>The whole notification as a JSON object (docs/schema/notification.json).</summary>
        public string Json
        {
            get
            {
                using (new Held(Handle))
                {
                    NativeMethods.eref_message_json(Handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>A copy of the Bundle, byte for byte.</summary>
        public byte[] Bundle()
        {
            using (new Held(Handle))
            {
                NativeMethods.eref_message_bundle(Handle, out NativeText text);
                var bytes = new byte[checked((int)text.Length)];
                fixed (byte* to = bytes) Buffer.MemoryCopy(text.Data, to, bytes.Length, bytes.Length);
                return bytes;
            }
        }

        /// <summary>Everything found wrong or odd in the message, as an OperationOutcome. The first call checks the message.</summary>
        public string IssuesJson
        {
            get
            {
                using (new Held(Handle))
                {
                    NativeMethods.eref_message_issues(Handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>How many attachments the message has, those included that are only a URL.</summary>
        public int AttachmentCount => checked((int)NativeMethods.eref_message_attachment_count(Handle));

        /// <summary>The media type of an attachment: the one its host gave when it was fetched, else the one the message states; null when
        /// nobody said.</summary>
        public string AttachmentType(int index)
        {
            using (new Held(Handle))
            {
                EReferralException.Check(
                    NativeMethods.eref_message_attachment_type(Handle, (UIntPtr)(uint)index, out NativeText text, out IntPtr error), error);
                return text.ToString();
            }
        }

        /// <summary>Reads an attachment, decoded piece by piece. One that is only a URL has to be fetched first
        /// (<see cref="Engine.FetchAttachment"/>).</summary>
        /// <param name="index">The place in <see cref="Attachment"/>.</param>
        public Stream OpenAttachment(int index) => new AttachmentStream(this, index);

        /// <summary>Compares an attachment with the size and hash that the message states of it.</summary>
        /// <exception cref="EReferralException"><see cref="Status.InvalidContent"/>: they differ. Show it all the same, and say so.</exception>
        public void CheckAttachment(int index)
            => EReferralException.Check(NativeMethods.eref_message_attachment_check(Handle, (UIntPtr)(uint)index, out IntPtr error), error);

        /// <summary>Frees the message.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
