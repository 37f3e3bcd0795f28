using System;
using System.Collections.Generic;
using System.Threading;

namespace EReferral
{
    public sealed unsafe partial class Engine
    {
        /// <summary>Begins a message to a partner about a new referral, or one that this store does not know.</summary>
        /// <param name="partner">Name of the partner in the configuration.</param>
        /// <param name="eventCode">The guide's code, for example add-service-request.</param>
        public Draft NewDraft(string partner, string eventCode)
        {
            byte[] name = Utf8.Bytes(partner, nameof(partner)), code = Utf8.Bytes(eventCode, nameof(eventCode));
            fixed (byte* namePointer = name, codePointer = code)
            {
                EReferralException.Check(NativeMethods.eref_draft_new(Handle, namePointer, Utf8.Length(name), codePointer, Utf8.Length(code),
                    out IntPtr draft, out IntPtr error), error);
                return new Draft(draft);
            }
        }

        /// <summary>Begins a message to a partner about a referral known here: what is not set is as it was last said.</summary>
        /// <param name="partner">Name of the partner in the configuration.</param>
        /// <param name="eventCode">The guide's code.</param>
        /// <param name="referralId">The id of <see cref="Referral.Id"/> or <see cref="Event.ReferralId"/>.</param>
        /// <param name="relation">Empty, or forwarded, split, chained: a new referral that comes out of that one.</param>
        public Draft NewDraftFor(string partner, string eventCode, string referralId, string relation = "")
        {
            byte[] name = Utf8.Bytes(partner, nameof(partner)), code = Utf8.Bytes(eventCode, nameof(eventCode));
            byte[] id = Utf8.Bytes(referralId, nameof(referralId)), how = Utf8.Bytes(relation, nameof(relation));
            fixed (byte* namePointer = name, codePointer = code, idPointer = id, howPointer = how)
            {
                EReferralException.Check(NativeMethods.eref_draft_new_for(Handle, namePointer, Utf8.Length(name), codePointer,
                    Utf8.Length(code), idPointer, Utf8.Length(id), howPointer, Utf8.Length(how), out IntPtr draft, out IntPtr error), error);
                return new Draft(draft);
            }
        }

        /// <summary>Hands a message over for delivery. When it returns, the message is on disk: it will be delivered, also after a crash,
        /// and a DELIVERY event tells what became of it. The same key with the same content answers with the first delivery.</summary>
        /// <param name="partner">Name of the partner in the configuration.</param>
        /// <param name="hostKey">The program's own id of this act.</param>
        /// <param name="message">What <see cref="Draft.Build"/> gave, or <see cref="Notification.Parse(byte[])"/> of a Bundle.</param>
        /// <param name="options">Empty, or a JSON object (docs/schema/send-options.json).</param>
        public Delivery Send(string partner, string hostKey, Notification message, string options = "")
        {
            if (message == null) throw new ArgumentNullException(nameof(message));
            byte[] name = Utf8.Bytes(partner, nameof(partner)), key = Utf8.Bytes(hostKey, nameof(hostKey));
            byte[] how = Utf8.Bytes(options, nameof(options));
            fixed (byte* namePointer = name, keyPointer = key, howPointer = how)
            {
                IntPtr delivery, error;
                int status = how.Length == 0
                    ? NativeMethods.eref_send(Handle, namePointer, Utf8.Length(name), keyPointer, Utf8.Length(key), message.Handle,
                        out delivery, out error)
                    : NativeMethods.eref_send_with(Handle, namePointer, Utf8.Length(name), keyPointer, Utf8.Length(key), message.Handle,
                        howPointer, Utf8.Length(how), out delivery, out error);
                EReferralException.Check(status, error);
                return new Delivery(this, delivery);
            }
        }

        /// <summary>Finds a delivery by its id or by the program's key.</summary>
        public Delivery FindDelivery(string idOrKey)
        {
            byte[] id = Utf8.Bytes(idOrKey, nameof(idOrKey));
            fixed (byte* data = id)
            {
                EReferralException.Check(
                    NativeMethods.eref_delivery_find(Handle, data, Utf8.Length(id), out IntPtr delivery, out IntPtr error), error);
                return new Delivery(this, delivery);
            }
        }

        /// <summary>The newest deliveries, each a JSON object (docs/schema/delivery.json).</summary>
        /// <param name="state">Only those in this state; null for all.</param>
        /// <param name="limit">At most so many.</param>
        public IReadOnlyList<string> ListDeliveries(DeliveryState? state, int limit)
        {
            EReferralException.Check(
                NativeMethods.eref_delivery_list(Handle, (int)(state ?? 0), (uint)limit, out IntPtr json, out IntPtr error), error);
            return JsonText.Elements(Utf8.Take(json));
        }

        internal Delivery ResendDelivery(string id)
        {
            byte[] bytes = Utf8.Bytes(id, nameof(id));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_delivery_resend(Handle, data, Utf8.Length(bytes), out IntPtr delivery, out IntPtr error), error);
                return new Delivery(this, delivery);
            }
        }

        internal Delivery ReplaceDelivery(string id, string hostKey, Notification message)
        {
            if (message == null) throw new ArgumentNullException(nameof(message));
            byte[] bytes = Utf8.Bytes(id, nameof(id)), key = Utf8.Bytes(hostKey, nameof(hostKey));
            fixed (byte* data = bytes, keyPointer = key)
            {
                EReferralException.Check(NativeMethods.eref_delivery_replace(Handle, data, Utf8.Length(bytes), keyPointer, Utf8.Length(key),
                    message.Handle, out IntPtr delivery, out IntPtr error), error);
                return new Delivery(this, delivery);
            }
        }

        internal void DropDelivery(string id, string reason)
        {
            byte[] bytes = Utf8.Bytes(id, nameof(id)), why = Utf8.Bytes(reason, nameof(reason));
            fixed (byte* data = bytes, whyPointer = why)
                EReferralException.Check(NativeMethods.eref_delivery_drop(Handle, data, Utf8.Length(bytes), whyPointer, Utf8.Length(why),
                    out IntPtr error), error);
        }

        /// <summary>Fetches an attachment that is only a URL; after that <see cref="Notification.OpenAttachment"/> reads it. An attachment
        /// that is in the message is left as it is. Occupies this thread.</summary>
        /// <param name="message">The message of a MESSAGE event of this engine.</param>
        /// <param name="index">Which attachment.</param>
        /// <param name="timeout">How long at most; zero asks the store alone.</param>
        /// <param name="token">Ends it.</param>
        public void FetchAttachment(Notification message, int index, TimeSpan timeout, CancellationToken token = default(CancellationToken))
        {
            if (message == null) throw new ArgumentNullException(nameof(message));
            uint limit = Milliseconds.Of(timeout, nameof(timeout));
            using (var wait = new Wait(token, ended.Token))
                wait.Check(NativeMethods.eref_attachment_fetch(Handle, message.Handle, (UIntPtr)(uint)index, limit, wait.Handle, out IntPtr error),
                    error);
        }
    }
}
