package ca.ereferral;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static ca.ereferral.Clinic.WORLD;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Names of the whole country, through every call that takes or gives a text, between two engines of one process. */
final class TextTest {
    @TempDir
    Path folder;

    private static byte[] all(InputStream stream) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int got = stream.read(); got >= 0; got = stream.read()) {
            bytes.write(got);
        }
        return bytes.toByteArray();
    }

    @Test
    void aReferralKeepsEveryCharacterFromOneClinicToTheOther() throws IOException {
        byte[] letter = Clinic.utf8("une lettre: " + WORLD);
        try (Clinic target = new Clinic(Clinic.folder(folder, WORLD), "127.0.0.1:9", WORLD);
             Clinic source = new Clinic(Clinic.folder(folder, "source"), target.address)) {
            try (Draft draft = source.draft("R-" + WORLD)) {
                draft.addAttachment(WORLD + ".pdf", "application/pdf", letter);
                assertTrue(draft.fieldsJson().contains("patient.name.family"));
                try (Message message = draft.build(); Delivery delivery = source.engine.send("rms", "key " + WORLD, message)) {
                    assertEquals(WORLD, message.field(Fields.PATIENT_NAME_GIVEN));
                    try (Delivery again = source.engine.send("rms", "key " + WORLD, message)) {
                        assertTrue(again.isRepeat());
                        assertEquals(delivery.id(), again.id());
                    }
                }
            }
            try (Event event = source.event(EventKind.DELIVERY)) {
                assertEquals("delivered", event.field("state"));
                assertEquals("key " + WORLD, event.field("host_key"));
                event.done();
            }
            try (Delivery found = source.engine.findDelivery("key " + WORLD)) {
                assertEquals(DeliveryState.DELIVERED, found.state());
                assertTrue(found.json().contains(WORLD));
            }
            String referral;
            try (Event event = target.event(EventKind.MESSAGE)) {
                Message message = event.message();
                assertEquals(WORLD, message.field(Fields.PATIENT_NAME_GIVEN));
                assertEquals("Genou douloureux, " + WORLD, message.field(Fields.REFERRAL_REASON));
                assertEquals(WORLD + ".pdf", event.field("attachments[0].title"));
                assertEquals(WORLD + ".pdf", message.field(Fields.ATTACHMENT_TITLE));
                assertTrue(event.json().contains(WORLD) && message.json().contains(WORLD));
                assertTrue(new String(message.bundle(), "UTF-8").contains(WORLD));
                assertArrayEquals(letter, all(message.attachment(0)));
                message.checkAttachment(0);
                assertEquals("application/pdf", message.attachmentType(0));
                assertNull(event.field("nothing " + WORLD));
                referral = event.referralId();
                event.retry(0, "plus tard: " + WORLD);
            }
            try (Event event = target.event(EventKind.MESSAGE)) {
                assertEquals(2, event.attempt());
                event.done();
            }
            target.engine.linkReferral(referral, "https://pos.test/" + WORLD, WORLD);
            assertTrue(target.engine.findReferral("https://pos.test/" + WORLD, WORLD).contains(referral));
            assertTrue(target.engine.referralHistory(referral, 10).contains("add-service-request"));
            target.engine.noteAudit("{\"viewed\": \"" + WORLD + "\"}");
            assertTrue(target.engine.verifyAudit(null).contains("\"whole\""));
        }
        assertTrue(Files.exists(folder.resolve(WORLD).resolve("pos.db")));
    }

    @Test
    void launchesConfigurationsAndErrorsKeepThemToo() throws IOException {
        Path place = Clinic.folder(folder, "d\u00e9p\u00f4t " + WORLD);
        Path file = place.resolve(WORLD + ".json");
        Files.write(file, Clinic.utf8(Clinic.document(place, "127.0.0.1:9", WORLD)));
        try (Config config = new Config().setSecret("partner", WORLD).readFile(file); Engine engine = new Engine(config)) {
            try (Launch launch = engine.startLaunch(Clinic.launchRequest(WORLD))) {
                assertTrue(launch.url().startsWith("https://pos.test/auth/start/"));
                engine.putChart(launch.id(), "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \"" + WORLD + "\"}]}");
                assertTrue(launch.correlation().length() > 0);
            }
            assertEquals(0, engine.changePatient("other " + WORLD, WORLD));
            assertEquals(Status.NOT_FOUND, assertThrows(EReferralException.class,
                () -> engine.finishLogin(WORLD, Clinic.launchRequest(WORLD))).status());
            assertEquals(0, engine.revokeGrants(GrantOf.PATIENT, WORLD));
            assertEquals(1, engine.endSession(WORLD));
            EReferralException failure = assertThrows(EReferralException.class, () -> engine.newDraft(WORLD, "add-service-request"));
            assertEquals(Status.NOT_FOUND, failure.status());
        }
        EReferralException missing = assertThrows(EReferralException.class, () -> new Config().readFile(place.resolve("absent-" + WORLD)));
        assertTrue(missing.getMessage().contains("absent-" + WORLD), missing.getMessage());
    }

    @Test
    void halfACharacterAndANulAreRefused() throws IOException {
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9"); Draft draft = clinic.draft("R-1")) {
            assertThrows(IllegalArgumentException.class, () -> draft.set(Fields.PATIENT_NAME_FAMILY, "Test\ud83e"));
            assertThrows(IllegalArgumentException.class, () -> draft.set(Fields.PATIENT_NAME_FAMILY, "\ude7aTest"));
            EReferralException refused =
                assertThrows(EReferralException.class, () -> draft.set(Fields.PATIENT_NAME_FAMILY, "Test\0patient"));
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            assertThrows(NullPointerException.class, () -> draft.set(null, "x"));
            assertThrows(NullPointerException.class, () -> Message.parse(null));
        }
    }

    @Test
    void textsOfEveryLengthCross() {
        StringBuilder text = new StringBuilder();
        try (Config config = new Config()) {
            for (int length = 0; length < 1100; length++) {
                String document = "{\"" + text + "\": 1}";
                EReferralException failure = assertThrows(EReferralException.class, () -> config.parseJson(document));
                assertEquals(Status.CONFIG, failure.status());
                text.append('\u00e9');
            }
        }
    }
}
