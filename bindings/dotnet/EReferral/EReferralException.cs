using System;

namespace EReferral
{
    /// <summary>A call of the library failed. The message is one English sentence without anything personal or secret; it can be
    /// logged. <see cref="Detail"/> may be personal.</summary>
    public sealed class EReferralException : Exception
    {
        private EReferralException(Status status, string message, ErrorHandle error) : base(message)
        {
            Status = status;
            Category = (Category)NativeMethods.eref_error_category(error);
            HttpStatus = NativeMethods.eref_error_http_status(error);
            IsRetriable = NativeMethods.eref_error_is_retriable(error) != 0;
            NativeMethods.eref_error_detail(error, out NativeText detail);
            Detail = detail.ToString();
        }

        /// <summary>What the call ended with. Newer libraries may know more statuses than this enumeration: decide by
        /// <see cref="Category"/> and <see cref="IsRetriable"/>.</summary>
        public Status Status { get; }

        /// <summary>Which kind of failure it is.</summary>
        public Category Category { get; }

        /// <summary>The HTTP status the remote system answered with; 0 when there was no answer.</summary>
        public int HttpStatus { get; }

        /// <summary>Whether the same call may succeed later without a change.</summary>
        public bool IsRetriable { get; }

        /// <summary>More about it: an OperationOutcome as JSON, or what the remote system said; null when there is no more to say. It may
        /// be personal: show it to the user, do not log it.</summary>
        public string Detail { get; }

        /// <summary>Throws when the status is not success, and frees the native error.</summary>
        internal static void Check(int status, IntPtr error)
        {
            if (status != (int)Status.Ok) throw Of(status, error);
        }

        internal static EReferralException Of(int status, IntPtr error)
        {
            using (var handle = new ErrorHandle(error))
            {
                NativeMethods.eref_error_message(handle, out NativeText message);
                string name = Utf8.Static(NativeMethods.eref_status_name(status));
                return new EReferralException((Status)status, name + ": " + message, handle);
            }
        }
    }
}
