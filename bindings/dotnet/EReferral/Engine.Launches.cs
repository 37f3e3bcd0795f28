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

        /// <summary>Goes on with a launch that an app began by itself, after its user signed in on your own page ("smart.login_url"). Call it
        /// only for a user whom that page has just signed in or recognised, and send this very browser, and no other, to
        /// <see cref="Launch.Url"/>.</summary>
        /// <param name="login">The parameter eref_login with which the browser came to that page.</param>
        /// <param name="request">As for <see cref="StartLaunch"/>; "partner" may be left out.</param>
        public Launch FinishLogin(string login, string request)
        {
            byte[] loginBytes = Utf8.Bytes(login, nameof(login)), bytes = Utf8.Bytes(request, nameof(request));
            fixed (byte* loginPointer = loginBytes, data = bytes)
            {
                EReferralException.Check(NativeMethods.eref_login_finish(Handle, loginPointer, Utf8.Length(loginBytes), data,
                    Utf8.Length(bytes), out IntPtr launch, out IntPtr error), error);
                return new Launch(this, launch);
            }
        }

        /// <summary>Ends the launches of one session that are about another patient than this one: call it when the user opens another
        /// patient's chart. Returns how many ended.</summary>
        /// <param name="session">The program's id of the session.</param>
        /// <param name="patient">Logical id of the patient; empty when no patient is open.</param>
        public int ChangePatient(string session, string patient)
        {
            byte[] sessionBytes = Utf8.Bytes(session, nameof(session)), patientBytes = Utf8.Bytes(patient, nameof(patient));
            fixed (byte* sessionPointer = sessionBytes, patientPointer = patientBytes)
            {
                EReferralException.Check(NativeMethods.eref_session_patient(Handle, sessionPointer, Utf8.Length(sessionBytes), patientPointer,
                    Utf8.Length(patientBytes), out uint count, out IntPtr error), error);
                return (int)count;
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

        /// <summary>Revokes what apps and backend services were granted for one user, client, patient or launch: their tokens die at once,
        /// offline ones included. Returns how many grants there were.</summary>
        /// <param name="whose">Whose id it is.</param>
        /// <param name="id">The id.</param>
        public int RevokeGrants(GrantOf whose, string id)
        {
            byte[] bytes = Utf8.Bytes(id, nameof(id));
            fixed (byte* data = bytes)
            {
                EReferralException.Check(
                    NativeMethods.eref_grant_revoke(Handle, (int)whose, data, Utf8.Length(bytes), out uint count, out IntPtr error), error);
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
