using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace EReferral.Tests
{
    internal static class LifeTests
    {
        /// <summary>Ends a wait that should have ended by itself.</summary>
        private static Exception Outcome(Task task)
        {
            try
            {
                Check.That(task.Wait(TimeSpan.FromSeconds(30)), "the wait ends");
                return null;
            }
            catch (AggregateException failure)
            {
                return failure.InnerException;
            }
        }

        internal static void Cancel(string[] arguments)
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Start();
                for (int i = 0; i < 50; i++)
                    using (var source = new CancellationTokenSource())
                    {
                        Task<Event> waiting = clinic.Engine.Events.NextAsync(EventKinds.Message, source.Token);
                        Task<Event> other = clinic.Engine.Events.NextAsync(EventKinds.Question);
                        if (i % 2 == 0) Thread.Yield();
                        source.Cancel();
                        Check.That(Outcome(waiting) is OperationCanceledException && waiting.IsCanceled, "cancelled: " + waiting.Status);
                        Check.That(!other.IsCompleted, "the other goes on");
                        Check.That(clinic.Engine.Events.NextAsync(EventKinds.All, source.Token).IsCanceled, "cancelled before it began");
                    }
                Task<Event> last = clinic.Engine.Events.NextAsync(EventKinds.Message);
                clinic.Engine.Stop(TimeSpan.FromSeconds(10));
                Check.Same(Status.Cancelled, ((EReferralException)Outcome(last)).Status);
            }
        }

        internal static void DisposeDuringCalls(string[] arguments)
        {
            for (int round = 0; round < 5; round++) DisposeEngine();
            DisposeExclusive();
        }

        private static void DisposeEngine()
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Start();
                var calls = new List<Task>();
                var begun = new CountdownEvent(4);
                for (int i = 0; i < 4; i++)
                    calls.Add(Task.Factory.StartNew(() =>
                    {
                        begun.Signal();
                        while (true) clinic.Engine.StatusJson();
                    }, TaskCreationOptions.LongRunning));
                for (int i = 0; i < 4; i++) calls.Add(clinic.Engine.Events.NextAsync(EventKinds.All & ~EventKinds.Alert));
                begun.Wait();
                clinic.Engine.Dispose();
                foreach (Task call in calls)
                {
                    Exception end = Outcome(call);
                    Check.That(end is ObjectDisposedException, "every call ends with ObjectDisposedException, not " + end);
                }
                Check.Throws<ObjectDisposedException>(() => clinic.Engine.Events.TryNext(EventKinds.All));
            }
        }

        /// <summary>Two threads on a draft, and its end meanwhile: what is in use says so, what has ended says so, and nothing breaks.</summary>
        private static void DisposeExclusive()
        {
            using (var clinic = new Clinic())
                for (int round = 0; round < 20; round++)
                {
                    Draft draft = clinic.Engine.NewDraft("other", "add-service-request");
                    var begun = new CountdownEvent(2);
                    Action set = () =>
                    {
                        begun.Signal();
                        while (true)
                            try
                            {
                                draft.Set(Fields.ReferralReason, Clinic.All);
                            }
                            catch (EReferralException failure) when (failure.Status == Status.Busy)
                            {
                                Thread.Yield();
                            }
                    };
                    Task one = Task.Factory.StartNew(set, TaskCreationOptions.LongRunning);
                    Task two = Task.Factory.StartNew(set, TaskCreationOptions.LongRunning);
                    begun.Wait();
                    draft.Dispose();
                    Check.That(Outcome(one) is ObjectDisposedException, "" + one.Exception);
                    Check.That(Outcome(two) is ObjectDisposedException, "" + two.Exception);
                }
        }
    }
}
