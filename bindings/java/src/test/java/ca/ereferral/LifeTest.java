package ca.ereferral;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Who holds what, and for how long: closing during calls, cancelling, and what nobody closed. */
final class LifeTest {
    @TempDir
    Path folder;

    private static int status(Future<?> call) throws Exception {
        ExecutionException failure = assertThrows(ExecutionException.class, () -> call.get(60, TimeUnit.SECONDS));
        return ((EReferralException) failure.getCause()).status();
    }

    @Test
    void aCancelEndsAWait() throws Exception {
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9"); Cancel cancel = new Cancel()) {
            CompletableFuture<Event> waiting =
                CompletableFuture.supplyAsync(() -> clinic.engine.nextEvent(EventKind.MESSAGE, Engine.NO_TIMEOUT, cancel));
            cancel.signal();
            assertEquals(Status.CANCELLED, status(waiting));
            // It stays signalled, and other waits go on as they are.
            assertEquals(Status.CANCELLED,
                assertThrows(EReferralException.class, () -> clinic.engine.nextEvent(EventKind.MESSAGE, Clinic.PATIENCE, cancel)).status());
            assertNull(clinic.engine.nextEvent(EventKind.MESSAGE, 0, null));
        }
    }

    @Test
    void whatIsClosedDuringACallEndsWithThatCall() throws Exception {
        Clinic clinic = new Clinic(folder, "127.0.0.1:9");
        Cancel cancel = new Cancel();
        int before = NativeRef.live();
        CountDownLatch entered = new CountDownLatch(1);
        CompletableFuture<Event> waiting = CompletableFuture.supplyAsync(() -> {
            entered.countDown();
            return clinic.engine.with(engine -> cancel.with(token -> {
                // Inside both: from here on closing must not free.
                long event = Native.eventNext(engine, EventKind.MESSAGE, Engine.NO_TIMEOUT, token);
                return event == 0 ? null : new Event(event);
            }));
        });
        entered.await();
        clinic.engine.run(engine -> {
            // This thread is in a call too, and closes what it is using.
            clinic.engine.close();
            assertThrows(IllegalStateException.class, clinic.engine::statusJson);
            assertTrue(Utf8.text(Native.engineStatusJson(engine)).contains("addresses"));
            cancel.signal();
            cancel.close();
            Native.engineStop(engine, Clinic.PATIENCE);
        });
        Throwable failure = assertThrows(ExecutionException.class, () -> waiting.get(60, TimeUnit.SECONDS)).getCause();
        // The wait began before the close, or it found a closed engine: nothing else.
        assertTrue(failure instanceof IllegalStateException || ((EReferralException) failure).status() == Status.CANCELLED, failure.toString());
        assertEquals(before - 2, NativeRef.live());
    }

    @Test
    void manyThreadsCloseWhatTheyAllUse() throws Exception {
        byte[] bundle;
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9")) {
            bundle = clinic.bundle("R-1");
        }
        int before = NativeRef.live();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        for (int round = 0; round < 200; round++) {
            Message message = Message.parse(bundle);
            List<Future<?>> calls = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                boolean closes = thread % 4 == 3;
                calls.add(threads.submit(() -> {
                    try {
                        for (int call = 0; call < 20; call++) {
                            assertEquals("add-service-request", message.event());
                            assertEquals(Clinic.WORLD, message.field(Fields.PATIENT_NAME_GIVEN));
                        }
                    } catch (IllegalStateException closed) {
                        assertTrue(closed.getMessage().contains("Message is closed"));
                    }
                    if (closes) {
                        message.close();
                    }
                }));
            }
            for (Future<?> call : calls) {
                call.get(60, TimeUnit.SECONDS);
            }
        }
        threads.shutdown();
        assertEquals(before, NativeRef.live());
    }

    @Test
    void anExclusiveHandleServesOneCallAtATime() throws Exception {
        try (Config config = new Config()) {
            StringBuilder large = new StringBuilder("{\"a\": [0");
            for (int number = 0; number < 100_000; number++) {
                large.append(",1");
            }
            String document = large.append("]}").toString();
            ExecutorService threads = Executors.newFixedThreadPool(4);
            List<Future<Integer>> calls = new ArrayList<>();
            for (int call = 0; call < 40; call++) {
                calls.add(threads.submit(() -> {
                    try {
                        config.parseJson(document);
                        return Status.OK;
                    } catch (EReferralException failure) {
                        return failure.status();
                    }
                }));
            }
            for (Future<Integer> call : calls) {
                int status = call.get(60, TimeUnit.SECONDS);
                assertTrue(status == Status.BUSY || status == Status.CONFIG, "status " + status);
            }
            threads.shutdown();
            config.setSecret("a", "b");
        }
    }

    @Test
    void anEventThatNobodyClosedComesAgain() throws Exception {
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9")) {
            assertEquals(200, clinic.receive(clinic.bundle("R-1")));
            assertEquals(1, clinic.event(EventKind.MESSAGE).attempt());
            Event again = null;
            for (int patience = 0; again == null && patience < 600; patience++) {
                System.gc();
                // Making anything looks for what was lost.
                new Cancel().close();
                again = clinic.engine.nextEvent(EventKind.MESSAGE, 100, null);
            }
            assertEquals(2, again.attempt());
            again.done();
            again.close();
        }
    }
}
