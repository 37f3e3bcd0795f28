using System;

namespace EReferral
{
    public sealed unsafe partial class Engine
    {
        /// <summary>Starts a launch of a partner's app for one user and one patient.</summary>
        /// <param name="request">A JSON object (docs/schema/launch.json): partner, user, patient, session, fhir_context, and the chart.</param>
        public Launch StartLaunch(string request)
        {
            byte[] bytes = Utf8.Bytes(request, nameof(request));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_launch_start(Handle, data, Utf8.Length(bytes), out IntPtr launch, out IntPtr error), error);
                return new Launch(this, launch);
            }
        }

        /// <summary>Ends a launch: the app's tokens die at once and its chart is deleted.</summary>
        public void EndLaunch(string launchId)
        {
            byte[] id = Utf8.Bytes(launchId, nameof(launchId));
            fixed (byte* data = id)
                EReferralException.Check(NativeMethods.eref_launch_end(Handle, data, Utf8.Length(id), out IntPtr error), error);
        }

        /// <summary>Ends all launches of one session of the program: call it when the user logs out. Returns how many they were.</summary>
        public int EndSession(string session)
        {
            byte[] bytes = Utf8.Bytes(session, nameof(session));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_session_end(Handle, data, Utf8.Length(bytes), out uint count, out IntPtr error), error);
                return (int)count;
            }
        }

        /// <summary>Adds to the chart of a launch: a FHIR resource, an array of resources, or a Bundle, as JSON.</summary>
        public void PutChart(string launchId, string resources)
        {
            byte[] id = Utf8.Bytes(launchId, nameof(launchId)), json = Utf8.Bytes(resources, nameof(resources));
            fixed (byte* idPointer = id, data = json)
                EReferralException.Check(NativeMethods.eref_chart_put(Handle, idPointer, Utf8.Length(id), data, Utf8.Length(json),
                    out IntPtr error), error);
        }
    }

    /// <summary>A launch that was started.</summary>
    public sealed class Launch
    {
        private readonly Engine engine;

        internal Launch(Engine engine, IntPtr launch)
        {
            this.engine = engine;
            using (var handle = new LaunchHandle(launch))
            {
                NativeMethods.eref_launch_id(handle, out NativeText id);
                NativeMethods.eref_launch_url(handle, out NativeText url);
                NativeMethods.eref_launch_correlation(handle, out NativeText correlation);
                Id = id.ToString();
                Url = url.ToString();
                Correlation = correlation.ToString();
            }
        }

        /// <summary>The library's id of the launch, as in LAUNCH, WRITE and QUESTION events.</summary>
        public string Id { get; }

        /// <summary>What to open in the user's browser. Good once and only for a minute: a bearer of it becomes the user, so do not log
        /// it.</summary>
        public string Url { get; }

        /// <summary>The number under which the app's system may name the referral that this launch leads to.</summary>
        public string Correlation { get; }

        /// <summary>Ends the launch: the app's tokens die at once and its chart is deleted.</summary>
        public void End() => engine.EndLaunch(Id);

        /// <summary>Adds to the chart: a FHIR resource, an array of resources, or a Bundle, as JSON.</summary>
        public void PutChart(string resources) => engine.PutChart(Id, resources);
    }
}
