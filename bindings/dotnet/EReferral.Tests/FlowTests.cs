using System;
using System.Linq;
using System.Threading.Tasks;

namespace EReferral.Tests
{
    internal static class FlowTests
    {
        /// <summary>Two clinics in one process, each with its own store: a referral goes one way, its answer the other.</summary>
        internal static void TwoEngines(string[] arguments)
        {
            int first = Clinic.FreePort(), second = Clinic.FreePort();
            using (var asking = new Clinic("Fakeville Family Health", first, second))
            using (var asked = new Clinic("Testwater Dental Clinic", second, first))
            {
                asking.Engine.Start();
                asked.Engine.Start();
                Task<Event> waiting = asked.Engine.Events.NextAsync(EventKinds.Message);
                using (Notification referral = asking.Compose("R-2002")) asking.Engine.Send("other", "act-1", referral);
                Check.That(waiting.Wait(TimeSpan.FromSeconds(60)), "the referral arrives");
                string id;
                using (Event arrived = waiting.Result)
                {
                    Check.Same("add-service-request", arrived.Message.EventCode);
                    Check.Same("Testpatient", arrived.Message.Patient.NameFamily);
                    Check.Same("sender", arrived.Partner);
                    id = arrived.ReferralId;
                    arrived.Done();
                }
                using (Event delivered = asking.Next(EventKinds.Delivery))
                {
                    Check.Same("delivered", delivered["state"]);
                    delivered.Done();
                }
                Check.Same(DeliveryState.Delivered, asking.Engine.FindDelivery("act-1").State);
                Check.That(asked.Engine.FindReferral("", id).History(10).Count == 1, "one message in its history");
                Check.That(asking.Engine.Events.TryNext(EventKinds.Message) == null, "each engine has its own events");
            }
        }

        /// <summary>Referrals, inbox, deliveries and log as lists.</summary>
        internal static void Records(string[] arguments)
        {
            using (var clinic = new Clinic(other: Clinic.FreePort()))
            {
                clinic.Engine.Start();
                using (Notification message = clinic.Compose("R-3003"))
                {
                    Delivery delivery = clinic.Engine.Send("other", "act-3", message, "{}");
                    Check.That(!delivery.IsRepeat && delivery.Id.Length > 0, "a new one");
                    Check.Fails(Status.KeyReused, () => clinic.Engine.Send("other", "act-3", clinic.Compose("R-3004")));
                    Check.Same("R-3003", clinic.Engine.ListReferrals(null, 10).Single().Json.Contains("R-3003") ? "R-3003" : "nothing");
                    Check.Same(0, clinic.Engine.ListReferrals("{\"unlinked\": true}", 10).Count);
                    Refusals(clinic, delivery);
                }
                Check.Same(0, clinic.Engine.ListInbox("", 10).Count);
                Check.Fails(Status.NotFound, () => clinic.Engine.ShowInbox("nothing"));
                Check.Fails(Status.NotFound, () => clinic.Engine.ResendInbox("nothing"));
                Check.Same(0, clinic.Engine.Events.Unpark());
                Check.Fails(Status.WrongState, () => clinic.Engine.SetWakeupMessage(IntPtr.Zero, 0));
                Check.Fails(Status.WrongState, () => clinic.Engine.SetWakeupEvent(null));
                Check.That(clinic.Engine.WakeupDescriptor() > 0, "a descriptor");
                int lines = 0;
                while (clinic.Engine.TakeLogLine(out LogLevel level, out string line))
                {
                    Check.That(level >= LogLevel.Error && level <= LogLevel.Debug && !line.Contains("Testpatient"), line);
                    lines++;
                }
                Check.That(lines > 0, "log lines");
            }
        }

        /// <summary>Nobody listens at the partner's: the delivery stays, until it is given up.</summary>
        private static void Refusals(Clinic clinic, Delivery delivery)
        {
            using (Event told = clinic.Engine.Events.Next(EventKinds.Alert, TimeSpan.Zero))
                Check.That(told == null || told.Json.Length > 0, "perhaps an alert");
            for (int attempt = 0; ; attempt++)
                try
                {
                    delivery.Refresh().Drop(Clinic.All);
                    break;
                }
                catch (EReferralException failure) when (failure.Status == Status.WrongState && attempt < 100)
                {
                    // It is being sent just now.
                    System.Threading.Thread.Sleep(50);
                }
            Check.Same(DeliveryState.Dead, delivery.Refresh().State);
            Check.That(clinic.Engine.ListDeliveries(DeliveryState.Dead, 10).Single().Contains(Clinic.All), "the reason is kept");
            Check.Fails(Status.WrongState, () => delivery.Resend());
            using (Event dead = clinic.Next(EventKinds.Delivery)) dead.Done();
        }

        /// <summary>An event that is disposed of without Done comes again, with the same id.</summary>
        internal static void Lease(string[] arguments)
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Start();
                using (Notification message = clinic.Compose("R-4004")) clinic.Engine.Send("other", "act-4", message);
                string id;
                Notification kept;
                using (Event first = clinic.Next(EventKinds.Message))
                {
                    id = first.Id;
                    first.Extend();
                    kept = first.Message;
                    Check.Same("Testpatient", kept.Patient.NameFamily);
                }
                Check.Throws<ObjectDisposedException>(() => kept.Field("patient.name.family"));
                using (Event second = clinic.Next(EventKinds.Message))
                {
                    Check.Same(id, second.Id);
                    Check.Same(2, second.Attempt);
                    Check.Fails(Status.WrongState, () => second.Answer("{}"));
                    second.Done();
                    Check.Fails(Status.WrongState, () => second.Done());
                }
                Check.Same(1, clinic.Engine.ListInbox("done", 10).Count);
                clinic.Engine.ResendInbox(JsonText.Member(clinic.Engine.ListInbox("", 10)[0], "reception_id"));
                using (Event resent = clinic.Next(EventKinds.Message))
                {
                    Check.That(resent.Id != id, "a new event");
                    resent.Done();
                }
            }
        }
    }
}
