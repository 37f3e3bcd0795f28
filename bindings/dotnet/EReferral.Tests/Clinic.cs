using System;
using System.IO;
using System.Net;
using System.Net.Sockets;

namespace EReferral.Tests
{
    /// <summary>A folder with an engine that sends to an address: its own, or another clinic's. All people are invented.</summary>
    internal sealed class Clinic : IDisposable
    {
        internal const string French = "Ren\u00e9e-No\u00ebl \u0152uvr\u00e9 \u00c7a";
        internal const string Syllabics = "\u1403\u14c4\u1483\u144e\u1450\u1466";
        internal const string Emoji = "\U0001F9B7\U0001F469\u200d\u2695\ufe0f";
        internal const string All = French + " " + Syllabics + " " + Emoji;

        private const string Document = @"{
            ""system"": {""name"": ""NAME"", ""software"": ""test"", ""version"": ""1"", ""roles"": [""smart-server"", ""rms-source"", ""rms-target""],
                         ""time_zone"": ""America/Toronto"", ""referral_system"": ""https://pos.test/fhir/NamingSystem/referral""},
            ""public_url"": ""https://pos.test"", ""test"": true, ""listen"": [{""address"": ""127.0.0.1:OWN""}],
            ""store"": {""url"": ""sqlite:pos.db"", ""key_file"": ""pos.key""}, ""network"": {""first_retry_ms"": 200},
            ""partners"": [
                {""name"": ""other"", ""roles"": [""rms-source"", ""rms-target"", ""smart-app""],
                 ""messaging"": {""endpoint"": ""http://127.0.0.1:OTHER/fhir/$process-message"", ""auth"": {""bearer"": {""named"": ""BEARER""}}},
                 ""smart_app"": {""client_id"": ""app"", ""launch_url"": ""https://rms.test/launch"", ""redirect_uris"": [""https://rms.test/back""],
                               ""scopes"": ""launch openid fhirUser patient/*.rs""}},
                {""name"": ""sender"", ""roles"": [""rms-source""], ""messaging"": {""inbound"": {""bearer"": {""named"": ""BEARER""}}}}]
        }";

        internal Clinic(string name = "Fakeville Family Health", int own = 0, int other = 0)
        {
            Folder = Path.Combine(Path.GetTempPath(), "ereferral-dotnet-" + Syllabics + "-" + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(Folder);
            Port = own == 0 ? FreePort() : own;
            string file = Path.Combine(Folder, Syllabics + ".json");
            File.WriteAllText(file, Document.Replace("NAME", name).Replace("OWN", Port.ToString()).Replace("BEARER", All)
                .Replace("OTHER", (other == 0 ? Port : other).ToString()));
            using (var configuration = new Configuration())
            {
                configuration.ReadFile(file);
                configuration.SetSecret(All, "invented-bearer-of-the-tests");
                Engine = new Engine(configuration);
            }
        }

        internal string Folder { get; }
        internal int Port { get; }
        internal Engine Engine { get; }

        internal static int FreePort()
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            int port = ((IPEndPoint)listener.LocalEndpoint).Port;
            listener.Stop();
            return port;
        }

        internal Notification Compose(string number, string reason = "Toothache for two weeks", string given = French)
        {
            using (Draft draft = Engine.NewDraft("other", "add-service-request"))
            {
                draft[Fields.ReferralCategoryCode] = "103697008";
                draft[Fields.ReferralCategoryDisplay] = "Patient referral for dental care";
                draft[Fields.ReferralReason] = reason;
                draft[Fields.ReferralPriority] = "routine";
                draft[Fields.PatientNameFamily] = "Testpatient";
                draft[Fields.Next(Fields.PatientNameGiven)] = given;
                draft[Fields.Next(Fields.PatientNameGiven)] = "Zweitname";
                draft[Fields.PatientGender] = "female";
                draft[Fields.PatientBirthDate] = "1980-02-29";
                draft[Fields.PatientHealthNumber] = "9999999999";
                draft[Fields.RequesterNameFamily] = "Fakename";
                draft[Fields.RequesterLicence] = "99999";
                draft[Fields.RequesterOrganization] = "Fakeville Family Health";
                draft[Fields.UserName] = "Dr. Paul Fakename";
                draft[Fields.TargetOrganization] = "Testwater Dental Clinic";
                draft[Fields.At(Fields.ReferralIdentifierValue, 0)] = number;
                draft.AddAttachment("lettre.txt", "text/plain", System.Text.Encoding.UTF8.GetBytes(All));
                return draft.Build();
            }
        }

        internal Event Next(EventKinds kinds)
        {
            Event found = Engine.Events.Next(kinds, TimeSpan.FromSeconds(60));
            Check.That(found != null, "an event of kind " + kinds + " within a minute");
            return found;
        }

        internal void Done(Event taken)
        {
            taken.Done();
            taken.Dispose();
        }

        public void Dispose()
        {
            try
            {
                Engine.Stop(TimeSpan.FromSeconds(10));
            }
            catch (Exception failure) when (failure is EReferralException || failure is ObjectDisposedException)
            {
                // Not started, or disposed of before.
            }
            Engine.Dispose();
            Directory.Delete(Folder, true);
        }
    }
}
