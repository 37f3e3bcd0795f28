using System;
using System.Threading;

namespace EReferral
{
    /// <summary>One call that waits: ended by the caller's token, or because its engine is disposed of.</summary>
    internal sealed class Wait : IDisposable
    {
        private readonly CancellationToken caller;
        private readonly CancellationToken engine;
        private readonly CancellationTokenRegistration callerSignals;
        private readonly CancellationTokenRegistration engineSignals;

        internal Wait(CancellationToken caller, CancellationToken engine)
        {
            caller.ThrowIfCancellationRequested();
            this.caller = caller;
            this.engine = engine;
            EReferralException.Check(NativeMethods.eref_cancel_new(out IntPtr cancel, out IntPtr error), error);
            Handle = new CancelHandle(cancel);
            callerSignals = caller.Register(Signal);
            engineSignals = engine.Register(Signal);
        }

        internal CancelHandle Handle { get; }

        private void Signal() => NativeMethods.eref_cancel_signal(Handle);

        /// <summary>Throws for a failure: what the caller or Dispose ended as .NET expects it, the rest as it is.</summary>
        internal void Check(int status, IntPtr error)
        {
            if (status == (int)Status.Ok) return;
            EReferralException failure = EReferralException.Of(status, error);
            if (failure.Status == Status.Cancelled && caller.IsCancellationRequested)
                throw new OperationCanceledException(failure.Message, failure, caller);
            if (failure.Status == Status.Cancelled && engine.IsCancellationRequested) throw new ObjectDisposedException(nameof(Engine), failure);
            throw failure;
        }

        /// <summary>Disposing of a registration waits for a signal under way, so nobody signals a token that is freed.</summary>
        public void Dispose()
        {
            callerSignals.Dispose();
            engineSignals.Dispose();
            Handle.Dispose();
        }
    }
}
