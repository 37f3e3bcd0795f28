package ca.ereferral;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What goes wrong comes as an exception that says what, and the process goes on. */
final class ErrorTest {
    @TempDir
    Path folder;

    @Test
    void aFaultInsideTheLibraryBecomesAnException() {
        assertNotNull(EReferral.version());
        EReferralException fault = assertThrows(EReferralException.class, () -> TestNatives.panic(0));
        assertEquals(Status.PANIC, fault.status());
        assertEquals(Category.INTERNAL, fault.category());
        assertTrue(fault.getMessage().startsWith("EREF_PANIC: ") && fault.getMessage().contains("test_panic.rs"), fault.getMessage());
        assertFalse(fault.getMessage().contains("Testpatient"));
        assertFalse(fault.isRetriable());
        assertNull(fault.detail());
    }

    @Test
    void theHandleOfAFaultIsPoisonedAndOnlyThatOne() {
        try (Config config = new Config(); Config other = new Config()) {
            config.run(pointer -> assertThrows(EReferralException.class, () -> TestNatives.panic(pointer)));
            EReferralException failure = assertThrows(EReferralException.class, () -> config.setSecret("a", "b"));
            assertEquals(Status.POISONED, failure.status());
            other.setSecret("a", "b");
        }
    }

    @Test
    void anErrorSaysItsStatusItsKindAndMore() {
        EReferralException failure = assertThrows(EReferralException.class, () -> Message.parse(Clinic.utf8("{\"resourceType\": \"Patient\"}")));
        assertEquals(Status.INVALID_CONTENT, failure.status());
        assertEquals("EREF_INVALID_CONTENT", EReferral.statusName(failure.status()));
        assertEquals(Category.DATA, failure.category());
        assertTrue(failure.detail().contains("OperationOutcome"));
        assertEquals(0, failure.httpStatus());
        assertEquals("EREF_UNKNOWN", EReferral.statusName(123456));
        assertTrue(EReferral.buildInfo().contains("\"abi\""));
    }

    @Test
    void whatIsClosedSaysSo() throws Exception {
        Message kept;
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9")) {
            assertEquals(200, clinic.receive(clinic.bundle("R-1")));
            try (Event event = clinic.event(EventKind.MESSAGE)) {
                kept = event.message();
                // A part of the event: closing it does nothing.
                kept.close();
                assertEquals("add-service-request", kept.event());
                event.done();
                assertEquals(Status.WRONG_STATE, assertThrows(EReferralException.class, event::done).status());
            }
            IllegalStateException closed = assertThrows(IllegalStateException.class, kept::event);
            assertTrue(closed.getMessage().contains("Event is closed"), closed.getMessage());
            assertThrows(IllegalStateException.class, () -> kept.attachment(0).read());
            assertThrows(IllegalArgumentException.class, () -> clinic.engine.nextEvent(EventKind.ALL, -2, null));
            assertThrows(IllegalArgumentException.class, () -> clinic.engine.listInbox(null, -1));
            assertEquals(Status.INVALID_ARGUMENT,
                assertThrows(EReferralException.class, () -> clinic.engine.nextEvent(1 << 30, 0, null)).status());
            clinic.engine.stop(Clinic.PATIENCE);
            clinic.engine.close();
            clinic.engine.close();
            assertThrows(IllegalStateException.class, clinic.engine::statusJson);
            assertThrows(IllegalStateException.class, () -> clinic.engine.nextEvent(EventKind.ALL, 0, null));
        } catch (IllegalStateException closedTwice) {
            // Clinic.close stops an engine that is closed already.
            assertTrue(closedTwice.getMessage().contains("Engine is closed"));
        }
    }

    @Test
    void fieldsCountTheirRepetitions() {
        assertEquals("patient.identifier[2].value", Fields.at(Fields.PATIENT_IDENTIFIER_VALUE, 2));
        assertEquals("patient.identifier[+].value", Fields.next(Fields.PATIENT_IDENTIFIER_VALUE));
        assertThrows(IllegalArgumentException.class, () -> Fields.at(Fields.PATIENT_GENDER, 1));
        assertThrows(IllegalArgumentException.class, () -> Fields.next(Fields.PATIENT_GENDER));
    }
}
