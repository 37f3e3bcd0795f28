using System;
using System.Threading;
using System.Threading.Tasks;

namespace EReferral
{
    /// <summary>The events of an engine. Any number of waits at once; each event goes to one of them. Let one wait for questions alone, so
    /// that slow work on messages does not hold them up: an app waits at most 20 seconds for an answer.</summary>
    public sealed class EventQueue
    {
        private readonly Engine engine;
        private readonly CancellationToken ended;

        internal EventQueue(Engine engine, CancellationToken ended)
        {
            this.engine = engine;
            this.ended = ended;
        }

        /// <summary>The next event of these kinds, if there is one now; else null.</summary>
        public Event TryNext(EventKinds kinds)
        {
            int status = NativeMethods.eref_event_next(engine.Handle, (uint)kinds, 0, CancelHandle.None, out IntPtr found, out IntPtr error);
            if (status == (int)Status.Timeout) return null;
            EReferralException.Check(status, error);
            return new Event(found);
        }

        /// <summary>The next event of these kinds; null when none came in that time. Occupies this thread.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <exception cref="ObjectDisposedException">The engine was disposed of.</exception>
        /// <exception cref="EReferralException">Also with <see cref="Status.Cancelled"/>: the engine was stopped.</exception>
        public Event Next(EventKinds kinds, TimeSpan timeout, CancellationToken token = default(CancellationToken))
        {
            uint limit = Milliseconds.Of(timeout, nameof(timeout));
            using (var wait = new Wait(token, ended))
            {
                int status = NativeMethods.eref_event_next(engine.Handle, (uint)kinds, limit, wait.Handle, out IntPtr found, out IntPtr error);
                if (status == (int)Status.Timeout) return null;
                wait.Check(status, error);
                return new Event(found);
            }
        }

        /// <summary>Waits for the next event of these kinds. Each wait occupies a thread of its own, as there are no callbacks out of the
        /// library.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <exception cref="ObjectDisposedException">The engine was disposed of.</exception>
        /// <exception cref="EReferralException">Also with <see cref="Status.Cancelled"/>: the engine was stopped.</exception>
        public Task<Event> NextAsync(EventKinds kinds, CancellationToken token = default(CancellationToken))
        {
            if (token.IsCancellationRequested) return Task.FromCanceled<Event>(token);
            return Task.Factory.StartNew(() => Next(kinds, Timeout.InfiniteTimeSpan, token), token,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }

        /// <summary>Makes all parked events available again, as for their first attempt. Returns how many.</summary>
        public int Unpark()
        {
            EReferralException.Check(NativeMethods.eref_event_unpark(engine.Handle, out uint count, out IntPtr error), error);
            return (int)count;
        }
    }
}
