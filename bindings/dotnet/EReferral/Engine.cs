using System;
using System.Threading;

namespace EReferral
{
    /// <summary>What a program holds: an engine on a store, serving or a desk. Any thread, any number of calls at once; it may be disposed
    /// during a call.</summary>
    public sealed unsafe partial class Engine : IDisposable
    {
        internal readonly EngineHandle Handle;
        private readonly CancellationTokenSource ended = new CancellationTokenSource();
        // What the library borrows until it is replaced.
        private WaitHandle wakeup;

        /// <summary>Opens an engine: checks the configuration and opens the store, or makes it at the first time. Starts nothing yet.</summary>
        public Engine(Configuration configuration)
        {
            if (configuration == null) throw new ArgumentNullException(nameof(configuration));
            EReferralException.Check(NativeMethods.eref_engine_new(configuration.Handle, out IntPtr engine, out IntPtr error), error);
            Handle = new EngineHandle(engine);
            Events = new EventQueue(this, ended.Token);
        }

        /// <summary>Opens an engine with the configuration in a file.</summary>
        public static Engine Open(string configurationFile)
        {
            using (Configuration configuration = Configuration.FromFile(configurationFile)) return new Engine(configuration);
        }

        /// <summary>What the program must know or decide.</summary>
        public EventQueue Events { get; }

        /// <summary>Puts another configuration in force, whole or not at all. The store and the addresses cannot change.</summary>
        public void Configure(Configuration configuration)
        {
            if (configuration == null) throw new ArgumentNullException(nameof(configuration));
            EReferralException.Check(NativeMethods.eref_engine_configure(Handle, configuration.Handle, out IntPtr error), error);
        }

        /// <summary>Starts the engine: a serving one listens, a desk watches the store for what other processes do.</summary>
        public void Start() => EReferralException.Check(NativeMethods.eref_engine_start(Handle, out IntPtr error), error);

        /// <summary>Stops listening, ends waiting calls, and waits for what is under way, at most that long.</summary>
        public void Stop(TimeSpan timeout)
            => EReferralException.Check(NativeMethods.eref_engine_stop(Handle, Milliseconds.Of(timeout, nameof(timeout)), out IntPtr error), error);

        /// <summary>Delivers on this thread for at most that long, for engines with "threads": false. True when more is due already.</summary>
        public bool Pump(TimeSpan budget)
        {
            EReferralException.Check(
                NativeMethods.eref_engine_pump(Handle, Milliseconds.Of(budget, nameof(budget)), out int more, out IntPtr error), error);
            return more != 0;
        }

        /// <summary>How the engine is doing, as a JSON object (docs/schema/status.json). Nothing personal.</summary>
        public string StatusJson()
        {
            EReferralException.Check(NativeMethods.eref_engine_status_json(Handle, out IntPtr json, out IntPtr error), error);
            return Utf8.Take(json);
        }

        /// <summary>A descriptor that becomes readable when an event may be waiting, for poll or select. It stays the engine's: never
        /// close it or read from it. Unix only; in most programs <see cref="EventQueue.NextAsync"/> is what you want.</summary>
        public int WakeupDescriptor()
        {
            EReferralException.Check(NativeMethods.eref_engine_wakeup_fd(Handle, out int descriptor, out IntPtr error), error);
            return descriptor;
        }

        /// <summary>Names an event object to be set when an event may be waiting; null ends that. Windows only, and not yet there in this
        /// version of the library.</summary>
        public void SetWakeupEvent(EventWaitHandle handle)
        {
            IntPtr pointer = handle == null ? IntPtr.Zero : handle.SafeWaitHandle.DangerousGetHandle();
            EReferralException.Check(NativeMethods.eref_engine_set_wakeup_event(Handle, pointer, out IntPtr error), error);
            wakeup = handle;
        }

        /// <summary>Names a window (HWND) to which the message number is posted when an event may be waiting; zero ends that. Windows only,
        /// and not yet there in this version of the library.</summary>
        public void SetWakeupMessage(IntPtr window, int message)
            => EReferralException.Check(NativeMethods.eref_engine_set_wakeup_message(Handle, window, (uint)message, out IntPtr error), error);

        /// <summary>Frees the engine and ends the calls that wait for its events. Does not wait: call <see cref="Stop"/> first to know that
        /// its threads have ended. Nothing is lost either way. Events, drafts and notifications taken from it stay good.</summary>
        public void Dispose()
        {
            ended.Cancel();
            Handle.Dispose();
            GC.KeepAlive(wakeup);
        }
    }
}
