using System;

namespace EReferral
{
    /// <summary>A message on its way, or arrived, as it stood when this was asked; a value. <see cref="Refresh"/> asks anew.</summary>
    public sealed class Delivery
    {
        private readonly Engine engine;

        internal Delivery(Engine engine, IntPtr delivery)
        {
            this.engine = engine;
            using (var handle = new DeliveryHandle(delivery))
            {
                NativeMethods.eref_delivery_id(handle, out NativeText id);
                NativeMethods.eref_delivery_json(handle, out NativeText json);
                Id = id.ToString();
                Json = json.ToString();
                State = (DeliveryState)NativeMethods.eref_delivery_state(handle);
                IsRepeat = NativeMethods.eref_delivery_is_repeat(handle) != 0;
            }
        }

        /// <summary>The id, as in DELIVERY events.</summary>
        public string Id { get; }

        /// <summary>Where it stood.</summary>
        public DeliveryState State { get; }

        /// <summary>Whether the same call of <see cref="Engine.Send"/> was made before.</summary>
        public bool IsRepeat { get; }

        /// <summary>The delivery as a JSON object (docs/schema/delivery.json): partner, state, attempts, times, the partner's answer.</summary>
        public string Json { get; }

        /// <summary>How it stands now.</summary>
        public Delivery Refresh() => engine.FindDelivery(Id);

        /// <summary>Sends it again at once: an unfinished, refused or dead one.</summary>
        public Delivery Resend() => engine.ResendDelivery(Id);

        /// <summary>Sends another message to the same partner instead: the corrected one instead of a refused one.</summary>
        /// <param name="hostKey">A new key of the program's.</param>
        /// <param name="message">The message, built anew.</param>
        public Delivery Replace(string hostKey, Notification message) => engine.ReplaceDelivery(Id, hostKey, message);

        /// <summary>Gives it up; the reason (1 to 500 bytes) stands in the audit trail.</summary>
        public void Drop(string reason) => engine.DropDelivery(Id, reason);
    }
}
