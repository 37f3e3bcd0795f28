using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace EReferral.Tests
{
    /// <summary>Text that an object lends is read whole or not at all, whoever frees the object meanwhile.</summary>
    internal static class LentTests
    {
        private const int Readers = 3;

        internal static void FreedWhileRead(string[] arguments)
        {
            using (var clinic = new Clinic())
            {
                byte[] bundle;
                // So long that copying takes a while.
                using (Notification composed = clinic.Compose("R-1", string.Concat(Enumerable.Repeat(Clinic.All + " ", 100))))
                    bundle = composed.Bundle();
                ByDispose(() => Notification.Parse(bundle), message => message.Json, message => message.Field(Fields.ReferralReason),
                    message => Convert.ToBase64String(message.Bundle()));
                ByCollector(bundle);
                clinic.Engine.Start();
                ByDispose(() => Ended(clinic), taken => taken.Json, taken => taken["what"]);
            }
        }

        private static Event Ended(Clinic clinic)
        {
            clinic.Engine.StartLaunch("{\"partner\": \"other\", \"user\": {\"id\": \"u1\"}, \"session\": \"s1\"}");
            clinic.Engine.EndSession("s1");
            return clinic.Next(EventKinds.Launch);
        }

        /// <summary>Threads read one object, each in its way, until another thread disposes of it.</summary>
        private static void ByDispose<T>(Func<T> make, params Func<T, string>[] reads) where T : IDisposable
        {
            for (int round = 0; round < 100; round++)
            {
                T lender = make();
                string[] expected = reads.Select(read => read(lender)).ToArray();
                using (var begun = new CountdownEvent(Readers))
                {
                    var readers = new List<Task>();
                    for (int i = 0; i < Readers; i++)
                    {
                        Func<T, string> read = reads[i % reads.Length];
                        string whole = expected[i % reads.Length];
                        readers.Add(Task.Factory.StartNew(() => ReadUntilDisposed(lender, read, whole, begun), TaskCreationOptions.LongRunning));
                    }
                    begun.Wait();
                    Thread.SpinWait(round * 50 % 2000);
                    lender.Dispose();
                    // Takes the memory that is free now.
                    for (int i = 0; i < 3; i++) make().Dispose();
                    Task.WaitAll(readers.ToArray());
                }
            }
        }

        private static void ReadUntilDisposed<T>(T lender, Func<T, string> read, string whole, CountdownEvent begun)
        {
            begun.Signal();
            try
            {
                while (true) Check.That(read(lender) == whole, "what was read is whole");
            }
            catch (ObjectDisposedException)
            {
                // As it has to end.
            }
        }

        /// <summary>Nobody holds the message but the read itself.</summary>
        private static void ByCollector(byte[] bundle)
        {
            string whole = Notification.Parse(bundle).Json;
            using (var stop = new CancellationTokenSource())
            {
                Task collecting = Task.Factory.StartNew(() =>
                {
                    while (!stop.IsCancellationRequested)
                    {
                        GC.Collect();
                        GC.WaitForPendingFinalizers();
                    }
                }, TaskCreationOptions.LongRunning);
                for (int i = 0; i < 500; i++) Check.That(Notification.Parse(bundle).Json == whole, "what was read is whole");
                stop.Cancel();
                collecting.Wait();
            }
        }
    }
}
