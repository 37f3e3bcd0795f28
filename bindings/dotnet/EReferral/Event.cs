using System;

namespace EReferral
{
    /// <summary>Something the program must know or decide. Write a durable one (MESSAGE, WRITE, DELIVERY) into your own storage together
    /// with its <see cref="Id"/>, call <see cref="Done"/>, dispose of it. Disposing of one that is not done gives it back, and it comes
    /// again. Calls that change it: one at a time.</summary>
    public sealed unsafe class Event : IDisposable
    {
        private readonly EventHandle handle;
        private Notification message;

        internal Event(IntPtr pointer) { handle = new EventHandle(pointer); }

        /// <summary>Which kind it is.</summary>
        public EventKinds Kind => (EventKinds)NativeMethods.eref_event_kind(handle);

        /// <summary>The id. It stays the same when the event comes again, also after a restart.</summary>
        public string Id
        {
            get
            {
                using (new Held(handle))
                {
                    NativeMethods.eref_event_id(handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>The name of the partner it concerns; null when it concerns none.</summary>
        public string Partner
        {
            get
            {
                using (new Held(handle))
                {
                    NativeMethods.eref_event_partner(handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>The library's id of the referral it belongs to; null when it belongs to none.</summary>
        public string ReferralId
        {
            get
            {
                using (new Held(handle))
                {
                    NativeMethods.eref_event_referral_id(handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>1 the first time it is handed out, more when it comes again.</summary>
        public int Attempt => (int)NativeMethods.eref_event_attempt(handle);

        /// <summary>What happened, or what is asked, as a JSON object; <see cref="EventKinds"/> names the schema of each kind.</summary>
        public string Json
        {
            get
            {
                using (new Held(handle))
                {
                    NativeMethods.eref_event_json(handle, out NativeText text);
                    return text.ToString();
                }
            }
        }

        /// <summary>One member of that object: launch_id, answer.id, attachments[0].title. Text comes without quotes, objects and arrays as
        /// JSON; null when there is no such member.</summary>
        public string this[string name]
        {
            get
            {
                byte[] bytes = Utf8.Bytes(name, nameof(name));
                using (new Held(handle))
                fixed (byte* data = bytes)
                {
                    EReferralException.Check(
                        NativeMethods.eref_event_field(handle, data, Utf8.Length(bytes), out NativeText text, out IntPtr error), error);
                    return text.ToString();
                }
            }
        }

        /// <summary>The message of a MESSAGE event; null for other kinds, and when its body could not be read just now. It is disposed of
        /// with the event.</summary>
        public Notification Message
        {
            get
            {
                if (message == null)
                {
                    IntPtr borrowed = NativeMethods.eref_event_message(handle);
                    if (borrowed != IntPtr.Zero) message = new Notification(new MessageHandle(borrowed, handle));
                }
                return message;
            }
        }

        /// <summary>Says that the program has the event in its own storage: it will not come again. Of a WRITE it says that the resource is
        /// taken into the chart.</summary>
        /// <exception cref="EReferralException"><see cref="Status.LeaseLost"/>: too late. Keep what you committed; if the event comes
        /// again, its id tells you.</exception>
        public void Done() => EReferralException.Check(NativeMethods.eref_event_done(handle, out IntPtr error), error);

        /// <summary>Gives a durable event back, to come again after that time. After ten attempts it is parked.</summary>
        /// <param name="after">When.</param>
        /// <param name="reason">For people who look into it; keep it free of personal data.</param>
        public void Retry(TimeSpan after, string reason)
        {
            byte[] why = Utf8.Bytes(reason, nameof(reason));
            fixed (byte* data = why)
                EReferralException.Check(
                    NativeMethods.eref_event_retry(handle, Milliseconds.Of(after, nameof(after)), data, Utf8.Length(why), out IntPtr error), error);
        }

        /// <summary>Prolongs the lease of a durable event by its full length (60 seconds).</summary>
        public void Extend() => EReferralException.Check(NativeMethods.eref_event_extend(handle, out IntPtr error), error);

        /// <summary>Answers a QUESTION with the JSON document it asks for.</summary>
        public void Answer(string json)
        {
            byte[] bytes = Utf8.Bytes(json, nameof(json));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_event_answer(handle, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>Refuses a QUESTION, or for good what a WRITE tells of; the text is shown to the app.</summary>
        public void Refuse(Refusal reason, string text)
        {
            byte[] bytes = Utf8.Bytes(text, nameof(text));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_event_refuse(handle, (int)reason, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>Frees the event and its message. A durable one that is not done comes again.</summary>
        public void Dispose()
        {
            message?.Dispose();
            handle.Dispose();
        }
    }
}
