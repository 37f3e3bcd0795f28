import ca.ereferral.Config;
import ca.ereferral.Delivery;
import ca.ereferral.DeliveryState;
import ca.ereferral.Draft;
import ca.ereferral.EReferralException;
import ca.ereferral.Engine;
import ca.ereferral.Event;
import ca.ereferral.EventKind;
import ca.ereferral.Fields;
import ca.ereferral.Launch;
import ca.ereferral.LogLine;
import ca.ereferral.Message;
import ca.ereferral.Refusal;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A small point-of-service system: launches the app of its RMS, shows what arrives as a clinic's inbox would, sends a referral.
 *
 * <pre>
 *   Pos CONFIG serve          listens, launches the app for the first patient, shows its inbox until it reads "quit"
 *   Pos CONFIG launch         launches the app for the second patient (CONFIG of a desk: "serve": false)
 *   Pos CONFIG send PDF KEY   refers the first patient with a letter; KEY is this program's own id of that act
 * </pre>
 *
 * The people are invented. The partner is the one named "sandbox" in the configuration.
 */
public final class Pos {
    private static final String PARTNER = "sandbox";
    private static final String OUR_REFERRALS = "https://pos.test/fhir/NamingSystem/referral";
    /** The chart. What a launch pushes is its patient and the doctor; the rest is there for questions. */
    private static final Map<String, String> CHART = new LinkedHashMap<>();

    static {
        CHART.put("Patient/p1", "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"gender\": \"female\", \"birthDate\": \"1980-02-29\","
            + " \"name\": [{\"family\": \"Testpatient\", \"given\": [\"Ren\u00e9e\"]}]}");
        CHART.put("Patient/p2", "{\"resourceType\": \"Patient\", \"id\": \"p2\", \"gender\": \"male\", \"birthDate\": \"1955-10-05\","
            + " \"name\": [{\"family\": \"Sampleman\", \"given\": [\"Max\"]}]}");
        CHART.put("Practitioner/dr1", "{\"resourceType\": \"Practitioner\", \"id\": \"dr1\","
            + " \"name\": [{\"family\": \"Fakename\", \"given\": [\"Paul\"], \"prefix\": [\"Dr.\"]}]}");
        CHART.put("AllergyIntolerance/a1", "{\"resourceType\": \"AllergyIntolerance\", \"id\": \"a1\","
            + " \"patient\": {\"reference\": \"Patient/p1\"}, \"code\": {\"text\": \"Penicillin\"}}");
    }

    private final Engine engine;
    private final PrintStream out;
    private volatile boolean quit;

    private Pos(Engine engine, PrintStream out) {
        this.engine = engine;
        this.out = out;
    }

    /** What a click on "Refer" does: the real program would open the URL in the user's browser. */
    private void launch(String patient) {
        String request = "{\"partner\": \"" + PARTNER + "\", \"user\": {\"id\": \"u1\", \"fhir_user\": \"Practitioner/dr1\", \"name\": \"Dr. Paul Fakename\"},"
            + " \"patient\": \"" + patient + "\", \"session\": \"desk-1\","
            + " \"chart\": [" + CHART.get("Patient/" + patient) + ", " + CHART.get("Practitioner/dr1") + "]}";
        try (Launch started = engine.startLaunch(request)) {
            out.println("LAUNCH-URL " + started.url());
        }
    }

    private static String of(Event event, String name) {
        String value = event.field(name);
        return value == null ? "" : value;
    }

    private void row(String label, String value) {
        if (value != null && !value.isEmpty()) {
            out.printf("    %-14s %s%n", label, value);
        }
    }

    /** A row of the clinic's inbox. Times as the event shows them, in our zone. */
    private void showMessage(Event event) {
        Message message = event.message();
        out.println("EVENT MESSAGE " + of(event, "event") + " from " + message.field(Fields.SOURCE_NAME));
        out.println("    " + of(event, "summary"));
        row("patient", of(event, "patient.name"));
        row("born", message.field(Fields.PATIENT_BIRTH_DATE));
        row("health number", message.field(Fields.PATIENT_HEALTH_NUMBER));
        row("referral", message.field(Fields.REFERRAL_IDENTIFIER_VALUE));
        row("about", message.field(Fields.REFERRAL_CATEGORY_DISPLAY));
        row("reason", message.field(Fields.REFERRAL_REASON));
        row("status", message.field(Fields.TASK_STATUS));
        row("progress", message.field(Fields.TASK_BUSINESS_STATUS));
        row("where", message.field(Fields.APPOINTMENT_LOCATION));
        row("they write", message.field(Fields.COMMUNICATION_TEXT));
        row("attachment", message.field(Fields.ATTACHMENT_TITLE));
        row("appointment", of(event, "appointment.start.shown"));
    }

    private void answer(Event event) {
        String resource = CHART.get(of(event, "type") + "/" + of(event, "id"));
        out.println("EVENT QUESTION for " + of(event, "type") + "/" + of(event, "id"));
        try {
            if (resource != null) {
                event.answer(resource);
            } else {
                event.refuse(Refusal.NOT_FOUND, "not in this chart");
            }
        } catch (EReferralException tooLate) {
            // The app has been told so, and there is nothing to do about it here.
            out.println("    " + tooLate.getMessage());
        }
    }

    /** One event. A real program writes it and its id into its database in one transaction before it says "done". */
    private void handle(Event event) {
        switch (event.kind()) {
            case EventKind.QUESTION:
                answer(event);
                break;
            case EventKind.MESSAGE:
                showMessage(event);
                event.done();
                break;
            case EventKind.WRITE:
                out.println("EVENT WRITE " + of(event, "type") + " \"" + of(event, "title") + "\" for patient " + of(event, "patient"));
                event.done();
                break;
            case EventKind.LAUNCH:
                out.println("EVENT LAUNCH " + of(event, "what") + ", app of " + of(event, "partner"));
                break;
            case EventKind.DELIVERY:
                out.println("EVENT DELIVERY " + of(event, "event") + " to " + of(event, "partner") + ": " + of(event, "state") + ", HTTP "
                    + of(event, "http_status") + ", their answer: " + of(event, "answer.entry[0].resource.response.code") + " " + of(event, "error"));
                event.done();
                break;
            case EventKind.ALERT:
                out.println("EVENT ALERT " + (of(event, "started").equals("true") ? "now" : "over") + ": " + of(event, "text"));
                break;
            default:
                out.println("EVENT OTHER " + event.json());
        }
    }

    /** Shows the inbox until somebody types "quit"; what became of sent messages is left to the window that sent them. */
    private void serve() {
        launch("p1");
        Thread keyboard = new Thread(() -> {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"))) {
                for (String line = lines.readLine(); line != null && !line.equals("quit"); line = lines.readLine()) {
                    continue;
                }
            } catch (IOException ended) {
                // As if it were the end of the input.
            }
            quit = true;
        });
        keyboard.setDaemon(true);
        keyboard.start();
        while (!quit) {
            try (Event event = engine.nextEvent(EventKind.ALL & ~EventKind.DELIVERY, 500, null)) {
                if (event != null) {
                    handle(event);
                }
            }
            for (LogLine line = engine.nextLogLine(); line != null; line = engine.nextLogLine()) {
                System.err.println(line);
            }
        }
    }

    private Message compose(String pdf, String key) throws IOException {
        try (Draft draft = engine.newDraft(PARTNER, "add-service-request")) {
            return draft.set(Fields.REFERRAL_CATEGORY_CODE, "103697008")
                .set(Fields.REFERRAL_CATEGORY_DISPLAY, "Patient referral for dental care")
                .set(Fields.REFERRAL_REASON, "Toothache for two weeks")
                .set(Fields.REFERRAL_PRIORITY, "routine")
                .set(Fields.PATIENT_NAME_FAMILY, "Testpatient")
                .set(Fields.PATIENT_NAME_GIVEN, "Ren\u00e9e")
                .set(Fields.PATIENT_GENDER, "female")
                .set(Fields.PATIENT_BIRTH_DATE, "1980-02-29")
                .set(Fields.PATIENT_HEALTH_NUMBER, "9999999999")
                .set(Fields.REQUESTER_NAME_FAMILY, "Fakename")
                .set(Fields.REQUESTER_NAME_GIVEN, "Paul")
                .set(Fields.REQUESTER_LICENCE, "99999")
                .set(Fields.REQUESTER_ORGANIZATION, "Fakeville Family Health")
                .set(Fields.USER_NAME, "Dr. Paul Fakename")
                .set(Fields.TARGET_ORGANIZATION, "Testwater Dental Clinic")
                .set(Fields.REFERRAL_IDENTIFIER_SYSTEM, OUR_REFERRALS)
                .set(Fields.REFERRAL_IDENTIFIER_VALUE, key)
                .addAttachment("letter.pdf", "application/pdf", Files.readAllBytes(Paths.get(pdf)))
                .build();
        }
    }

    /** Shows how a delivery stands; true when nothing more will happen to it. */
    private boolean showDelivery(String key) {
        try (Delivery delivery = engine.findDelivery(key)) {
            int state = delivery.state();
            out.println("DELIVERY of key " + key + ": " + (state == DeliveryState.DELIVERED ? "delivered" : "not (yet) delivered"));
            return state == DeliveryState.DELIVERED || state == DeliveryState.REFUSED || state == DeliveryState.DEAD;
        }
    }

    private void send(String pdf, String key) throws IOException {
        try (Message message = compose(pdf, key); Delivery delivery = engine.send(PARTNER, key, message)) {
            out.println("SENT key " + key + ", delivery " + delivery.id()
                + (delivery.isRepeat() ? ": this call was made before, nothing is sent again" : ""));
            if (delivery.isRepeat()) {
                showDelivery(key);
                return;
            }
        }
        do {
            try (Event event = engine.nextEvent(EventKind.DELIVERY, 60_000, null)) {
                if (event == null) {
                    throw new IllegalStateException("no word about the delivery in a minute");
                }
                handle(event);
            }
        } while (!showDelivery(key));
    }

    /**
     * The program.
     *
     * @param arguments what to do, see above
     * @throws IOException a file cannot be read
     */
    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        try (Config config = new Config().readFile(Paths.get(arguments[0])); Engine engine = new Engine(config)) {
            engine.start();
            Pos pos = new Pos(engine, out);
            switch (arguments[1]) {
                case "serve":
                    pos.serve();
                    break;
                case "launch":
                    pos.launch("p2");
                    break;
                case "send":
                    pos.send(arguments[2], arguments[3]);
                    break;
                default:
                    throw new IllegalArgumentException("usage: Pos CONFIG serve|launch|send PDF KEY");
            }
            engine.stop(10_000);
        } catch (EReferralException failure) {
            System.err.println(failure.getMessage());
            if (failure.detail() != null) {
                System.err.println(failure.detail());
            }
            System.exit(1);
        }
    }
}
