using System;
using System.IO;
using System.Linq;
using System.Text;

namespace EReferral.Tests
{
    internal static class TextTests
    {
        /// <summary>French, syllabics and emoji through every text that goes in and comes out.</summary>
        internal static void Text(string[] arguments)
        {
            const string All = Clinic.All;
            using (var clinic = new Clinic(name: All))
            {
                Engine engine = clinic.Engine;
                engine.Start();
                Launch launch = engine.StartLaunch("{\"partner\": \"other\", \"user\": {\"id\": \"u1\", \"name\": \"" + All
                    + "\"}, \"patient\": \"p1\", \"session\": \"" + All + "\", \"chart\": [{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \""
                    + All + "\"}]}]}");
                launch.PutChart("{\"resourceType\": \"AllergyIntolerance\", \"id\": \"a1\", \"code\": {\"text\": \"" + All + "\"}}");
                Check.Same(1, engine.EndSession(All));
                engine.WriteAuditNote("{\"who\": \"" + All + "\"}");

                string key = "cl\u00e9-" + All;
                using (Notification composed = clinic.Compose("R-1001", reason: All, given: All))
                {
                    Check.Same(All, composed.Patient.NameGiven[0]);
                    Check.Same(key, JsonText.Member(engine.Send("other", key, composed).Json, "host_key"));
                    Check.That(engine.Send("other", key, composed).IsRepeat, "found by the key");
                }
                Check.Same(engine.FindDelivery(key).Id, engine.ListDeliveries(null, 10).Select(one => JsonText.Member(one, "delivery_id")).Single());

                using (Event arrived = clinic.Next(EventKinds.Message))
                {
                    Notification message = arrived.Message;
                    Check.Same(All, message.Field("patient.name.given[0]"));
                    Check.Same(All, message.Referral.Reason);
                    Check.Same(All, message.Source.Name);
                    Check.That(message.Json.Contains(All) && arrived.Json.Contains(All), "in the documents");
                    Check.That(Encoding.UTF8.GetString(message.Bundle()).Contains(All), "in the Bundle");
                    Check.That(arrived["patient.name"].Contains(All), arrived["patient.name"]);
                    using (var reader = new StreamReader(message.OpenAttachment(0), Encoding.UTF8)) Check.Same(All, reader.ReadToEnd());
                    message.CheckAttachment(0);
                    Check.Same("text/plain", message.AttachmentType(0));
                    Check.Same(null, arrived["no-" + All]);
                    var failure = Check.Fails(Status.UnknownField, () => message.Field("no." + All));
                    Check.That(failure.Message.Length > 0, failure.Message);
                    Referral referral = engine.FindReferral("", arrived.ReferralId);
                    referral.Link("https://pos.test/fhir/NamingSystem/own", All);
                    Check.Same(referral.Id, engine.FindReferral("https://pos.test/fhir/NamingSystem/own", All).Id);
                    Check.That(referral.Refresh().Json.Contains(All), "the number is in the document");
                    arrived.Retry(TimeSpan.Zero, All);
                }
                using (Event again = clinic.Next(EventKinds.Message))
                {
                    Check.Same(2, again.Attempt);
                    again.Done();
                }
                string secret = Check.Throws<ArgumentException>(() => engine.WriteAuditNote("half a pair: \ud83e")).Message;
                Check.That(secret.Length > 0, "half a surrogate pair has no UTF-8");
            }
        }

        /// <summary>The typed properties, and that names are joined as they should.</summary>
        internal static void TypedFields(string[] arguments)
        {
            Check.Same("patient.identifier[2].value", Fields.At(Fields.PatientIdentifierValue, 2));
            Check.Throws<ArgumentException>(() => Fields.At(Fields.PatientIdentifierValue));
            using (Notification message = Notification.Parse(File.ReadAllBytes(arguments[0])))
            {
                Check.Same(message.Field(Fields.PatientNameFamily), message.Patient.NameFamily);
                Check.That(message.Patient.NameFamily.Length > 0, "a family name");
                Check.Same(message.FieldCount("patient.identifier"), message.Patient.Identifier.Count);
                Check.That(message.Patient.Identifier.Count > 0, "identifiers");
                Check.Same(message.Field("patient.identifier[0].value"), message.Patient.Identifier[0].Value);
                Check.Same(message.Patient.Identifier.Count, message.Patient.Identifier.Count(one => one.Value != null));
                Check.Same(null, message.Patient.Identifier[99].Value);
                Check.Same(message.EventCode, message.Event);
                Check.That(message.IssuesJson.Contains("OperationOutcome"), message.IssuesJson);
                Check.Same(message.AttachmentCount, message.Attachment.Count);
                Check.That(message.Bundle().SequenceEqual(File.ReadAllBytes(arguments[0])), "byte for byte");
                // Every property of the table can be read.
                foreach (var section in typeof(Notification).GetProperties().Where(one => one.PropertyType.IsValueType && one.PropertyType.Name.EndsWith("Fields")))
                    foreach (var property in section.PropertyType.GetProperties()) property.GetValue(section.GetValue(message));
            }
        }

        internal static void JsonLists(string[] arguments)
        {
            Check.Same(0, JsonText.Elements(" [ ] ").Count);
            Check.Same("{\"a\":[1,\"]\"]}|2|\"x\\\"]\"|null",
                string.Join("|", JsonText.Elements("[{\"a\":[1,\"]\"]}, 2 ,\"x\\\"]\",null]")));
            Check.Same("\u00e9\n\"" + Clinic.Emoji, JsonText.Member("{\"n\":{\"id\":1}, \"k\" : [ ], \"id\" : \"\\u00e9\\n\\\"" + Clinic.Emoji + "\"}", "id"));
            Check.Same(null, JsonText.Member("{\"id\":1.5}", "id"));
            Check.Same(null, JsonText.Member("{}", "id"));
        }
    }
}
