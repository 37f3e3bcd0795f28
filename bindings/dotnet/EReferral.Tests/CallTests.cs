using System;
using System.Runtime.InteropServices;

namespace EReferral.Tests
{
    internal static class CallTests
    {
        // Only in libraries built with the feature test-panic, so no import of the assembly; under its own name it is there already.
        [DllImport("libereferral.so.1", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        private static extern int eref_test_panic(IntPtr config, out IntPtr error);

        internal static void Panic(string[] arguments)
        {
            for (int i = 0; i < 1000; i++)
            {
                var failure = Check.Fails(Status.Panic, () => EReferralException.Check(eref_test_panic(IntPtr.Zero, out IntPtr error), error));
                Check.Same(Category.Internal, failure.Category);
                Check.That(failure.Message.StartsWith("EREF_PANIC: ") && failure.Message.Contains("test_panic.rs"), failure.Message);
                Check.That(!failure.ToString().Contains("Testpatient"), "nothing personal in " + failure);
            }
            using (var configuration = new Configuration())
            {
                IntPtr pointer = configuration.Handle.DangerousGetHandle();
                Check.Fails(Status.Panic, () => EReferralException.Check(eref_test_panic(pointer, out IntPtr error), error));
                Check.Fails(Status.Poisoned, () => configuration.ParseJson("{}"));
            }
            Check.That(EReferralLibrary.Version.Length > 0 && EReferralLibrary.BuildInfo.StartsWith("{"), "the process goes on");
        }

        internal static void Errors(string[] arguments)
        {
            var failure = Check.Fails(Status.InvalidJson, () => Notification.Parse("{"));
            Check.Same(Category.Data, failure.Category);
            Check.That(!failure.IsRetriable && failure.HttpStatus == 0, "no advice to try again");
            failure = Check.Fails(Status.InvalidContent, () => Notification.Parse(
                "{\"resourceType\": \"Bundle\", \"type\": \"message\", \"entry\": []}"));
            Check.That(failure.Detail != null && failure.Detail.Contains("OperationOutcome"), "the detail names the elements");
            Check.Throws<ArgumentNullException>(() => Notification.Parse((string)null));
            using (var configuration = new Configuration())
            {
                failure = Check.Fails(Status.Config, () => configuration.ReadFile("/nowhere/ereferral.json"));
                Check.Same(Category.Usage, failure.Category);
                configuration.Dispose();
                Check.Throws<ObjectDisposedException>(() => configuration.ParseJson("{}"));
            }
            using (var clinic = new Clinic(other: Clinic.FreePort()))
            {
                clinic.Engine.Start();
                failure = Check.Fails(Status.WrongState, () => clinic.Engine.Start());
                Check.Throws<ArgumentOutOfRangeException>(() => clinic.Engine.Events.Next(EventKinds.All, TimeSpan.FromSeconds(-5)));
                Check.Fails(Status.NotFound, () => clinic.Engine.FindDelivery("nobody"));
                Check.Fails(Status.UnknownEvent, () => clinic.Engine.NewDraft("other", "no-such-event"));
                using (Draft draft = clinic.Engine.NewDraft("other", "add-service-request"))
                {
                    failure = Check.Fails(Status.InvalidField, () => draft.Build());
                    Check.That(failure.Detail.Contains("patient.name.family"), "all findings at once: " + failure.Detail);
                    Check.That(draft.FormJson().Contains("\"fields\""), "the form");
                }
            }
        }
    }
}
