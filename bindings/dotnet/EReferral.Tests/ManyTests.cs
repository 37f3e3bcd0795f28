using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace EReferral.Tests
{
    internal static class ManyTests
    {
        [StructLayout(LayoutKind.Sequential)]
        private struct Mallinfo2
        {
            internal UIntPtr Arena, Free, Small, Mapped, MappedBytes, Unused, FastBytes, InUse, FreeBytes, Top;
        }

        [DllImport("libc.so.6")]
        private static extern Mallinfo2 mallinfo2();

        /// <summary>Queues LAUNCH events; only in libraries built with the feature test-panic.</summary>
        [DllImport("libereferral.so.1", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
        private static extern int eref_test_events(EngineHandle engine, uint count, out IntPtr error);

        private const int Batch = 500;

        /// <summary>So many events through the queue while the collector runs all the time; then all memory is back where it was.</summary>
        internal static void ManyEvents(string[] arguments)
        {
            int count = int.Parse(arguments[0]);
            using (var clinic = new Clinic())
            {
                clinic.Engine.Start();
                Take(clinic, 2 * Batch, true);
                long managed = Managed(), native = Native();
                var watch = Stopwatch.StartNew();
                int collections = GC.CollectionCount(GC.MaxGeneration);
                using (var stop = new CancellationTokenSource())
                {
                    Task collecting = Task.Factory.StartNew(() => Stress(stop.Token), TaskCreationOptions.LongRunning);
                    Take(clinic, count, false);
                    stop.Cancel();
                    collecting.Wait();
                }
                collections = GC.CollectionCount(GC.MaxGeneration) - collections;
                long seconds = (long)watch.Elapsed.TotalSeconds;
                long managedMore = Managed() - managed, nativeMore = Native() - native;
                Console.WriteLine("events " + count + " in " + seconds + " s, collections " + collections + ", managed bytes more "
                    + managedMore + ", native bytes more " + nativeMore);
                Check.That(collections > 10, "the collector ran meanwhile");
                Check.That(managedMore < 1 << 20 && nativeMore < 4 << 20, "memory is back where it was");
            }
        }

        private static void Stress(CancellationToken stop)
        {
            while (!stop.WaitHandle.WaitOne(20)) GC.Collect();
        }

        /// <summary>Events as of launches that end. One in fifty is left to the finalizer, as a careless program does.</summary>
        private static void Take(Clinic clinic, int count, bool wait)
        {
            for (int taken = 0; taken < count;)
            {
                EReferralException.Check(eref_test_events(clinic.Engine.Handle, Batch, out IntPtr error), error);
                for (int i = 0; i < Batch; i++, taken++)
                {
                    Event found = i % 100 == 0 || wait
                        ? clinic.Engine.Events.NextAsync(EventKinds.Launch).Result
                        : clinic.Engine.Events.Next(EventKinds.Launch, TimeSpan.FromSeconds(30));
                    Check.Same("ended", found["what"]);
                    Check.That(found.Id.Length > 0 && found.Json.Length > 0, "it says what it is");
                    if (i % 50 != 0) found.Dispose();
                }
            }
        }

        private static long Managed()
        {
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            return GC.GetTotalMemory(true);
        }

        /// <summary>Bytes that malloc has given out, the library's and the runtime's.</summary>
        private static long Native()
        {
            Mallinfo2 info = mallinfo2();
            return (long)info.InUse + (long)info.MappedBytes;
        }
    }
}
