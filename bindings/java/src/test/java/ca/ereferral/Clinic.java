package ca.ereferral;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** An engine of an invented clinic in a folder of its own, listening on a port that the system gives. */
final class Clinic implements AutoCloseable {
    static final String BEARER = "invented-bearer-of-the-partner";
    static final int PATIENCE = 60_000;
    /** A French name, Inuktitut syllabics, and an emoji that takes two chars. */
    static final String WORLD = "Ren\u00e9e-\u00c8ve N\u2019Deye \u1403\u14c4\u1483\u144e\u1450\u1466 \ud83e\ude7a";

    final Engine engine;
    final String address;

    /** Its partner "rms" takes messages at that address. */
    Clinic(Path folder, String partnerAddress) {
        this(folder, partnerAddress, "Fakeville Family Health");
    }

    Clinic(Path folder, String partnerAddress, String name) {
        try (Config config = new Config()) {
            config.setSecret("partner", BEARER).parseJson(document(folder, partnerAddress, name));
            engine = new Engine(config);
        }
        engine.start();
        Matcher found = Pattern.compile("127\\.0\\.0\\.1:\\d+").matcher(engine.statusJson());
        assertTrue(found.find());
        address = found.group();
    }

    static String document(Path folder, String partnerAddress, String name) {
        return ("{'system': {'name': '" + name + "', 'software': 'java', 'version': '1', 'roles': ['smart-server', 'rms-source', 'rms-target'],"
            + " 'time_zone': 'America/Toronto', 'referral_system': 'https://pos.test/fhir/NamingSystem/referral'},"
            + " 'public_url': 'https://pos.test', 'test': true, 'base_dir': '" + folder + "', 'listen': [{'address': '127.0.0.1:0'}],"
            + " 'store': {'url': 'sqlite:pos.db', 'key_file': 'pos.key'},"
            + " 'partners': [{'name': 'rms', 'roles': ['rms-source', 'rms-target', 'smart-app'],"
            + "   'messaging': {'endpoint': 'http://" + partnerAddress + "/fhir/$process-message', 'auth': {'bearer': {'named': 'partner'}},"
            + "                 'inbound': {'bearer': {'named': 'partner'}}},"
            + "   'smart_app': {'client_id': 'app', 'launch_url': 'https://rms.test/launch', 'redirect_uris': ['https://rms.test/back'],"
            + "                 'scopes': 'launch openid fhirUser patient/*.rs'}}]}").replace('\'', '"');
    }

    static String launchRequest(String name) {
        return ("{'partner': 'rms', 'user': {'id': 'u1', 'name': '" + name + "'}, 'patient': 'p1', 'session': '" + name + "',"
            + " 'chart': [{'resourceType': 'Patient', 'id': 'p1', 'name': [{'family': '" + name + "'}]}]}").replace('\'', '"');
    }

    /** A referral of an invented patient. */
    Draft draft(String number) {
        Draft draft = engine.newDraft("rms", "add-service-request");
        String[] fields = {
            Fields.REFERRAL_CATEGORY_CODE, "183545006", Fields.REFERRAL_CATEGORY_DISPLAY, "Orthopaedic surgery",
            Fields.REFERRAL_REASON, "Genou douloureux, " + WORLD, Fields.REFERRAL_PRIORITY, "routine",
            Fields.PATIENT_NAME_FAMILY, "Testpatient", Fields.PATIENT_NAME_GIVEN, WORLD, Fields.PATIENT_GENDER, "female",
            Fields.PATIENT_BIRTH_DATE, "1980-02-29", Fields.PATIENT_HEALTH_NUMBER, "9999999999",
            Fields.REQUESTER_NAME_FAMILY, "Fakename", Fields.REQUESTER_NAME_GIVEN, "Paul", Fields.REQUESTER_LICENCE, "99999",
            Fields.REQUESTER_ORGANIZATION, "Fakeville Family Health", Fields.USER_NAME, "Dr. Paul Fakename",
            Fields.TARGET_ORGANIZATION, "Testwater Dental Clinic",
            Fields.REFERRAL_IDENTIFIER_SYSTEM, "https://pos.test/fhir/NamingSystem/referral", Fields.REFERRAL_IDENTIFIER_VALUE, number,
        };
        for (int at = 0; at < fields.length; at += 2) {
            draft.set(fields[at], fields[at + 1]);
        }
        return draft;
    }

    byte[] bundle(String number) {
        try (Draft draft = draft(number); Message message = draft.build()) {
            return message.bundle();
        }
    }

    /** Posts a message to this clinic as its partner does; gives back the HTTP status. */
    int receive(byte[] bundle) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL("http://" + address + "/fhir/$process-message").openConnection();
        connection.setRequestMethod("POST");
        connection.setRequestProperty("Authorization", "Bearer " + BEARER);
        connection.setRequestProperty("Content-Type", "application/fhir+json");
        connection.setDoOutput(true);
        try (OutputStream body = connection.getOutputStream()) {
            body.write(bundle);
        }
        int status = connection.getResponseCode();
        try (InputStream answer = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            while (answer.read() >= 0) {
                continue;
            }
        }
        return status;
    }

    /** The next event of these kinds, which must come. */
    Event event(int kinds) {
        Event event = engine.nextEvent(kinds, PATIENCE, null);
        assertNotNull(event);
        return event;
    }

    @Override
    public void close() {
        engine.stop(PATIENCE);
        engine.close();
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Path folder(Path parent, String name) throws IOException {
        return Files.createDirectories(parent.resolve(name));
    }
}
