package ca.ereferral;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Many events with a garbage collector that a second thread keeps running. In a thousand there is one of a message, which is handed out
 * again and again: its event is given back each time; parked after its tenth time it is made available again. The others are events of
 * launches, which cost next to nothing to make.
 */
final class ManyEventsTest {
    private static final int EVENTS = Integer.getInteger("ereferral.test.events", 1_000);
    /** With the message's, a thousand. */
    private static final int BATCH = 999;
    /** What the runtime itself may come to use meanwhile; 1,000,000 leaks of 16 bytes are more. */
    private static final long ROOM = 12 << 20;

    @TempDir
    Path folder;
    private final Semaphore rounds = new Semaphore(0);

    private void take(Clinic clinic, int count) {
        for (int taken = 0; taken < count;) {
            takeMessage(clinic);
            taken++;
            int batch = Math.min(BATCH, count - taken);
            clinic.engine.run(engine -> TestNatives.events(engine, batch));
            for (int end = taken + batch; taken < end; taken++) {
                Event event = clinic.engine.nextEvent(EventKind.LAUNCH, 0, null);
                assertEquals("ended", event.field("what"));
                assertTrue(event.id().length() > 0 && event.json().length() > 0);
                event.close();
            }
            rounds.release();
        }
    }

    private static void takeMessage(Clinic clinic) {
        Event event = clinic.engine.nextEvent(EventKind.MESSAGE, 0, null);
        if (event == null) {
            assertEquals(1, clinic.engine.unparkEvents());
            event = clinic.event(EventKind.MESSAGE);
        }
        assertEquals(Clinic.WORLD, event.message().field(Fields.PATIENT_NAME_GIVEN));
        event.retry(0, "again");
        event.close();
    }

    @Test
    void manyEventsLeaveNothingBehind() throws Exception {
        // The disk is not what is tested: where there is memory to write to, the store lies there.
        Path memory = Paths.get("/dev/shm");
        Path place = Files.isWritable(memory) ? Files.createTempDirectory(memory, "ereferral-java") : folder;
        AtomicBoolean over = new AtomicBoolean();
        Thread stress = new Thread(() -> {
            for (rounds.acquireUninterruptibly(); !over.get(); rounds.acquireUninterruptibly()) {
                System.gc();
            }
        });
        try (Clinic clinic = new Clinic(place, "127.0.0.1:9")) {
            assertEquals(200, clinic.receive(clinic.bundle("R-1")));
            stress.start();
            take(clinic, EVENTS / 10);
            int objects = NativeRef.live();
            long bytes = TestNatives.bytesInUse();
            take(clinic, EVENTS);
            // What an earlier test left to the collector may go meanwhile; nothing may come.
            int left = NativeRef.live();
            assertTrue(left <= objects, left + " live objects, " + objects + " before");
            long more = TestNatives.bytesInUse() - bytes;
            System.out.println(EVENTS + " events, native memory grew by " + more + " bytes");
            assertTrue(more < ROOM, "native memory grew by " + more);
        } finally {
            over.set(true);
            rounds.release();
            stress.join();
            try (java.util.stream.Stream<Path> files = Files.list(place)) {
                files.map(Path::toFile).forEach(java.io.File::delete);
            }
            Files.deleteIfExists(place);
        }
    }
}
