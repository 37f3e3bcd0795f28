using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace EReferral
{
    // One SafeHandle per object of the C ABI. Passed to an import it keeps the object alive for the call, so that neither the collector
    // nor Dispose on another thread can free it meanwhile; release calls the matching free and nothing else.
    // What a call lends outlives the call: whoever copies it holds the handle meanwhile, by Held.

    /// <summary>Keeps an object alive while what it lends is copied: using (new Held(handle)) around the call and the copy.</summary>
    internal readonly struct Held : IDisposable
    {
        private readonly SafeHandle handle;

        /// <summary>Throws an ObjectDisposedException where the object is gone already.</summary>
        internal Held(SafeHandle handle)
        {
            bool held = false;
            handle.DangerousAddRef(ref held);
            this.handle = handle;
        }

        public void Dispose() => handle.DangerousRelease();
    }

    internal sealed class ConfigHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal ConfigHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_config_free(handle); return true; }
    }

    internal sealed class EngineHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal EngineHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_engine_free(handle); return true; }
    }

    internal sealed class LaunchHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal LaunchHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_launch_free(handle); return true; }
    }

    internal sealed class EventHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal EventHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_event_free(handle); return true; }
    }

    /// <summary>A message of its own, or one borrowed from an event: that one keeps the event alive instead.</summary>
    internal sealed class MessageHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        private readonly EventHandle owner;

        internal MessageHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }

        internal MessageHandle(IntPtr pointer, EventHandle lender) : base(true)
        {
            bool held = false;
            lender.DangerousAddRef(ref held);
            owner = lender;
            SetHandle(pointer);
        }

        protected override bool ReleaseHandle()
        {
            if (owner != null) owner.DangerousRelease();
            else NativeMethods.eref_message_free(handle);
            return true;
        }
    }

    internal sealed class DraftHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal DraftHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_draft_free(handle); return true; }
    }

    internal sealed class DeliveryHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal DeliveryHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_delivery_free(handle); return true; }
    }

    internal sealed class StringHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal StringHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_string_free(handle); return true; }
    }

    internal sealed class ErrorHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal ErrorHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_error_free(handle); return true; }
    }

    internal sealed class CancelHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        /// <summary>Stands for NULL: a wait that nobody cancels.</summary>
        internal static readonly CancelHandle None = new CancelHandle(IntPtr.Zero);

        internal CancelHandle(IntPtr pointer) : base(true) { SetHandle(pointer); }
        protected override bool ReleaseHandle() { NativeMethods.eref_cancel_free(handle); return true; }
    }
}
