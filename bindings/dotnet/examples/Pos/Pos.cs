// A small point-of-service system, the same as examples-c/pos.c: launches the app of its RMS, shows what arrives as a clinic's inbox
// would, sends a referral.
//
//   Pos CONFIG serve          listens, launches the app for the first patient, shows its inbox until it reads "quit"
//   Pos CONFIG launch         launches the app for the second patient (CONFIG of a desk: "serve": false)
//   Pos CONFIG send PDF KEY   refers the first patient with a letter; KEY is this program's own id of that act
//
// The people are invented. The partner is the one named "sandbox" in the configuration.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using EReferral;

internal static class Pos
{
    private const string Partner = "sandbox";
    private const string OurReferrals = "https://pos.test/fhir/NamingSystem/referral";

    /// <summary>The chart. The patient and the practitioner of a launch are pushed with it; the rest is there for questions.</summary>
    private static readonly Dictionary<string, string> Chart = new Dictionary<string, string>
    {
        ["Patient/p1"] = "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"gender\": \"female\", \"birthDate\": \"1980-02-29\","
            + " \"name\": [{\"family\": \"Testpatient\", \"given\": [\"Ren\u00e9e\"]}]}",
        ["Patient/p2"] = "{\"resourceType\": \"Patient\", \"id\": \"p2\", \"gender\": \"male\", \"birthDate\": \"1955-10-05\","
            + " \"name\": [{\"family\": \"Sampleman\", \"given\": [\"Max\"]}]}",
        ["Practitioner/dr1"] = "{\"resourceType\": \"Practitioner\", \"id\": \"dr1\","
            + " \"name\": [{\"family\": \"Fakename\", \"given\": [\"Paul\"], \"prefix\": [\"Dr.\"]}]}",
        ["AllergyIntolerance/a1"] = "{\"resourceType\": \"AllergyIntolerance\", \"id\": \"a1\", \"patient\": {\"reference\": \"Patient/p1\"},"
            + " \"code\": {\"text\": \"Penicillin\"}}",
    };

    private static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        string what = arguments.Length > 1 ? arguments[1] : "";
        if (what != "serve" && what != "launch" && !(what == "send" && arguments.Length == 4))
        {
            Console.Error.WriteLine("usage: Pos CONFIG serve|launch|send PDF KEY");
            return 2;
        }
        try
        {
            using (Engine engine = Engine.Open(arguments[0]))
            {
                engine.Start();
                if (what == "serve") Serve(engine);
                else if (what == "launch") Launch(engine, "p2");
                else Send(engine, arguments[2], arguments[3]);
                engine.Stop(TimeSpan.FromSeconds(10));
            }
            return 0;
        }
        catch (EReferralException failure)
        {
            Console.Error.WriteLine(failure.Message);
            if (failure.Detail != null) Console.Error.WriteLine(failure.Detail);
            return 1;
        }
    }

    /// <summary>What a click on "Refer" does: the real program would open the URL in the user's browser.</summary>
    private static void Launch(Engine engine, string patient)
    {
        Launch launch = engine.StartLaunch("{\"partner\": \"" + Partner + "\", \"user\": {\"id\": \"u1\", \"fhir_user\": \"Practitioner/dr1\","
            + " \"name\": \"Dr. Paul Fakename\"}, \"patient\": \"" + patient + "\", \"session\": \"desk-1\", \"chart\": ["
            + Chart["Patient/" + patient] + ", " + Chart["Practitioner/dr1"] + "]}");
        Console.WriteLine("LAUNCH-URL " + launch.Url);
    }

    /// <summary>Two loops take events, so that slow work on messages does not hold up questions. What became of sent messages is left to
    /// the window that sent them.</summary>
    private static void Serve(Engine engine)
    {
        Launch(engine, "p1");
        using (var quit = new CancellationTokenSource())
        {
            Task questions = TakeEvents(engine, EventKinds.Question, quit.Token);
            Task others = TakeEvents(engine, EventKinds.All & ~EventKinds.Question & ~EventKinds.Delivery, quit.Token);
            string line;
            do line = Console.ReadLine();
            while (line != null && line != "quit");
            quit.Cancel();
            Task.WaitAll(questions, others);
        }
    }

    private static async Task TakeEvents(Engine engine, EventKinds kinds, CancellationToken quit)
    {
        try
        {
            while (true)
            {
                using (Event taken = await engine.Events.NextAsync(kinds, quit).ConfigureAwait(false)) Handle(taken);
                while (engine.TakeLogLine(out LogLevel level, out string line)) Console.Error.WriteLine(line);
            }
        }
        catch (OperationCanceledException)
        {
            // The user is leaving.
        }
    }

    /// <summary>One event. A real program writes it and its id into its database in one transaction before it says "done".</summary>
    private static void Handle(Event taken)
    {
        switch (taken.Kind)
        {
            case EventKinds.Question:
                Answer(taken);
                return;
            case EventKinds.Message:
                ShowMessage(taken);
                break;
            case EventKinds.Write:
                Console.WriteLine("EVENT WRITE " + taken["type"] + " \"" + taken["title"] + "\" for patient " + taken["patient"]);
                break;
            case EventKinds.Launch:
                Console.WriteLine("EVENT LAUNCH " + taken["what"] + ", app of " + taken.Partner);
                return;
            case EventKinds.Delivery:
                Console.WriteLine("EVENT DELIVERY " + taken["event"] + " to " + taken.Partner + ": " + taken["state"] + ", HTTP "
                    + taken["http_status"] + ", their answer: " + taken["answer.entry[0].resource.response.code"] + " " + taken["error"]);
                break;
            case EventKinds.Alert:
                Console.WriteLine("EVENT ALERT " + (taken["started"] == "true" ? "now" : "over") + ": " + taken["text"]);
                return;
            default:
                Console.WriteLine("EVENT OTHER " + taken.Json);
                return;
        }
        taken.Done();
    }

    private static void Answer(Event question)
    {
        string asked = question["type"] + "/" + question["id"];
        Console.WriteLine("EVENT QUESTION for " + asked);
        try
        {
            if (Chart.TryGetValue(asked, out string resource)) question.Answer(resource);
            else question.Refuse(Refusal.NotFound, "not in this chart");
        }
        catch (EReferralException failure) when (failure.Status == Status.LeaseLost)
        {
            // Too late for an answer; the app has been told so, and there is nothing to do about it here.
        }
    }

    /// <summary>A row of the clinic's inbox: the sentence, the patient, the referral, what happened. Times as the event shows them, in our
    /// zone.</summary>
    private static void ShowMessage(Event taken)
    {
        Notification message = taken.Message;
        Console.WriteLine("EVENT MESSAGE " + taken["event"] + " from " + (message.Source.Name ?? "?"));
        Console.WriteLine("    " + taken["summary"]);
        Row("patient", taken["patient.name"]);
        Row("born", message.Patient.BirthDate);
        Row("health number", message.Patient.HealthNumber);
        Row("referral", message.Referral.Identifier[0].Value);
        Row("about", message.Referral.CategoryDisplay);
        Row("reason", message.Referral.Reason);
        Row("status", message.Task.Status);
        Row("progress", message.Task.BusinessStatus);
        Row("where", message.Appointment.Location);
        Row("they write", message.Communication.Text[0]);
        Row("attachment", message.Attachment[0].Title);
        Row("appointment", taken["appointment.start.shown"]);
    }

    private static void Row(string label, string value)
    {
        if (!string.IsNullOrEmpty(value)) Console.WriteLine("    " + label.PadRight(14) + " " + value);
    }

    private static Notification Compose(Engine engine, string pdf, string key)
    {
        using (Draft draft = engine.NewDraft(Partner, "add-service-request"))
        {
            draft[Fields.ReferralCategoryCode] = "103697008";
            draft[Fields.ReferralCategoryDisplay] = "Patient referral for dental care";
            draft[Fields.ReferralReason] = "Toothache for two weeks";
            draft[Fields.ReferralPriority] = "routine";
            draft[Fields.PatientNameFamily] = "Testpatient";
            draft[Fields.At(Fields.PatientNameGiven, 0)] = "Ren\u00e9e";
            draft[Fields.PatientGender] = "female";
            draft[Fields.PatientBirthDate] = "1980-02-29";
            draft[Fields.PatientHealthNumber] = "9999999999";
            draft[Fields.RequesterNameFamily] = "Fakename";
            draft[Fields.At(Fields.RequesterNameGiven, 0)] = "Paul";
            draft[Fields.RequesterLicence] = "99999";
            draft[Fields.RequesterOrganization] = "Fakeville Family Health";
            draft[Fields.UserName] = "Dr. Paul Fakename";
            draft[Fields.TargetOrganization] = "Testwater Dental Clinic";
            draft[Fields.At(Fields.ReferralIdentifierSystem, 0)] = OurReferrals;
            draft[Fields.At(Fields.ReferralIdentifierValue, 0)] = key;
            draft.AddAttachment("letter.pdf", "application/pdf", File.ReadAllBytes(pdf));
            return draft.Build();
        }
    }

    private static void Send(Engine engine, string pdf, string key)
    {
        Delivery delivery;
        using (Notification message = Compose(engine, pdf, key)) delivery = engine.Send(Partner, key, message);
        Console.WriteLine("SENT key " + key + ", delivery " + delivery.Id
            + (delivery.IsRepeat ? ": this call was made before, nothing is sent again" : ""));
        if (!delivery.IsRepeat)
            do
            {
                using (Event told = engine.Events.Next(EventKinds.Delivery, TimeSpan.FromMinutes(1)))
                {
                    if (told == null) throw new TimeoutException("no word about the delivery in a minute");
                    Handle(told);
                }
                delivery = delivery.Refresh();
            }
            while (delivery.State != DeliveryState.Delivered && delivery.State != DeliveryState.Refused && delivery.State != DeliveryState.Dead);
        Console.WriteLine("DELIVERY of key " + key + ": " + (delivery.State == DeliveryState.Delivered ? "delivered" : "not (yet) delivered"));
    }
}
