using System;
using System.Collections.Generic;
using System.Linq;

namespace EReferral
{
    public sealed unsafe partial class Engine
    {
        /// <summary>A referral, found by one of its identifiers.</summary>
        /// <param name="system">Who numbered it; empty when the value is the library's own id.</param>
        /// <param name="value">The number.</param>
        public Referral FindReferral(string system, string value)
        {
            byte[] systemBytes = Utf8.Bytes(system, nameof(system)), valueBytes = Utf8.Bytes(value, nameof(value));
            fixed (byte* systemPointer = systemBytes, valuePointer = valueBytes)
            {
                EReferralException.Check(NativeMethods.eref_referral_find(Handle, systemPointer, Utf8.Length(systemBytes), valuePointer,
                    Utf8.Length(valueBytes), out IntPtr json, out IntPtr error), error);
                return new Referral(this, Utf8.Take(json));
            }
        }

        /// <summary>The referrals that changed last.</summary>
        /// <param name="filter">A JSON object (docs/schema/referral-filter.json), or null for all.</param>
        /// <param name="limit">At most so many.</param>
        public IReadOnlyList<Referral> ListReferrals(string filter, int limit)
        {
            byte[] bytes = Utf8.BytesOrNull(filter);
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_referral_list(Handle, data, Utf8.Length(bytes), (uint)limit, out IntPtr json, out IntPtr error), error);
                return JsonText.Elements(Utf8.Take(json)).Select(one => new Referral(this, one)).ToList();
            }
        }

        internal IReadOnlyList<string> History(string referralId, int limit)
        {
            byte[] id = Utf8.Bytes(referralId, nameof(referralId));
            fixed (byte* data = id)
            {
                EReferralException.Check(
                    NativeMethods.eref_referral_history(Handle, data, Utf8.Length(id), (uint)limit, out IntPtr json, out IntPtr error), error);
                return JsonText.Elements(Utf8.Take(json));
            }
        }

        internal void LinkReferral(string referralId, string system, string value)
        {
            byte[] id = Utf8.Bytes(referralId, nameof(referralId));
            byte[] systemBytes = Utf8.Bytes(system, nameof(system)), valueBytes = Utf8.Bytes(value, nameof(value));
            fixed (byte* idPointer = id, systemPointer = systemBytes, valuePointer = valueBytes)
                EReferralException.Check(NativeMethods.eref_referral_link(Handle, idPointer, Utf8.Length(id), systemPointer,
                    Utf8.Length(systemBytes), valuePointer, Utf8.Length(valueBytes), out IntPtr error), error);
        }

        internal void SettleReferral(string referralId, string to)
        {
            byte[] id = Utf8.Bytes(referralId, nameof(referralId)), where = Utf8.Bytes(to, nameof(to));
            fixed (byte* idPointer = id, wherePointer = where)
                EReferralException.Check(NativeMethods.eref_referral_settle(Handle, idPointer, Utf8.Length(id), wherePointer,
                    Utf8.Length(where), out IntPtr error), error);
        }

        /// <summary>Records in the audit chain what the program says happened, for example who viewed a referral.</summary>
        /// <param name="note">A JSON object of the program's own.</param>
        public void WriteAuditNote(string note)
        {
            byte[] bytes = Utf8.Bytes(note, nameof(note));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_audit_note(Handle, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>The newest messages received, each a JSON object (docs/schema/reception.json).</summary>
        /// <param name="state">waiting, leased, parked, done, or empty for all.</param>
        /// <param name="limit">At most so many.</param>
        public IReadOnlyList<string> ListInbox(string state, int limit)
        {
            byte[] bytes = Utf8.Bytes(state, nameof(state));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_inbox_list(Handle, data, Utf8.Length(bytes), (uint)limit, out IntPtr json, out IntPtr error), error);
                return JsonText.Elements(Utf8.Take(json));
            }
        }

        /// <summary>One message received, with its notification, as a JSON object (docs/schema/reception.json).</summary>
        public string ShowInbox(string receptionId)
        {
            byte[] id = Utf8.Bytes(receptionId, nameof(receptionId));
            fixed (byte* data = id)
            {
                EReferralException.Check(
                    NativeMethods.eref_inbox_show(Handle, data, Utf8.Length(id), out IntPtr json, out IntPtr error), error);
                return Utf8.Take(json);
            }
        }

        /// <summary>Hands a message over once more, for a program that lost what it took.</summary>
        public void ResendInbox(string receptionId)
        {
            byte[] id = Utf8.Bytes(receptionId, nameof(receptionId));
            fixed (byte* data = id)
                EReferralException.Check(NativeMethods.eref_inbox_resend(Handle, data, Utf8.Length(id), out IntPtr error), error);
        }

        /// <summary>Takes the oldest log line; false when there is none. Lines that nobody takes push out the oldest. Nothing personal.</summary>
        public bool TakeLogLine(out LogLevel level, out string line)
        {
            EReferralException.Check(NativeMethods.eref_log_next(Handle, out int number, out IntPtr text, out IntPtr error), error);
            level = (LogLevel)number;
            line = Utf8.Take(text);
            return line != null;
        }
    }
}
