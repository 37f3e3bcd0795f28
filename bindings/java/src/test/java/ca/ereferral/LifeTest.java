package ca.ereferral;

import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Who holds what, and for how long: closing during calls, cancelling, and what nobody closed. */
final class LifeTest {
    @TempDir
    Path folder;

    /** A thread that waits for an event. */
    private static final class Waiter extends FutureTask<Event> {
        private final Thread thread = new Thread(this);

        Waiter(Callable<Event> wait) {
            super(wait);
            thread.setDaemon(true);
            thread.start();
        }

        /** Returns when the thread is inside the library. */
        void untilItWaits() {
            for (StackTraceElement[] stack = thread.getStackTrace(); ; stack = thread.getStackTrace()) {
                if (stack.length > 0 && stack[0].isNativeMethod() && stack[0].getMethodName().equals("eventNext")) {
                    return;
                }
                assertFalse(isDone(), "it does not wait");
                Thread.yield();
            }
        }
    }

    private static int status(Future<?> call) throws Exception {
        ExecutionException failure = assertThrows(ExecutionException.class, () -> call.get(60, TimeUnit.SECONDS));
        return ((EReferralException) failure.getCause()).status();
    }

    @Test
    void aCancelEndsAWait() throws Exception {
        try (Clinic clinic = new Clinic(folder, "127.0.0.1:9"); Cancel cancel = new Cancel()) {
            Waiter waiting = new Waiter(() -> clinic.engine.nextEvent(EventKind.MESSAGE, Engine.NO_TIMEOUT, cancel));
            waiting.untilItWaits();
            cancel.signal();
            assertEquals(Status.CANCELLED, status(waiting));
            // It stays signalled, and other waits go on as they are.
            assertEquals(Status.CANCELLED,
                assertThrows(EReferralException.class, () -> clinic.engine.nextEvent(EventKind.MESSAGE, Clinic.PATIENCE, cancel)).status());
            assertNull(clinic.engine.nextEvent(EventKind.MESSAGE, 0, null));
        }
    }

    @Test
    void closingAnEngineEndsItsWaitsAndGivesBackItsPort() throws Exception {
        int before = NativeRef.live();
        Clinic clinic = new Clinic(folder, "127.0.0.1:9");
        Cancel cancel = new Cancel();
        Waiter without = new Waiter(() -> clinic.engine.nextEvent(EventKind.MESSAGE, Engine.NO_TIMEOUT, null));
        Waiter with = new Waiter(() -> clinic.engine.nextEvent(EventKind.MESSAGE, Engine.NO_TIMEOUT, cancel));
        without.untilItWaits();
        with.untilItWaits();
        clinic.engine.close();
        clinic.engine.close();
        for (Waiter waiter : new Waiter[] {without, with}) {
            Throwable failure = assertThrows(ExecutionException.class, () -> waiter.get(60, TimeUnit.SECONDS)).getCause();
            assertTrue(failure instanceof IllegalStateException && failure.getMessage().contains("closed"), failure.toString());
        }
        // The caller's token is as it was, and nothing is held any more.
        assertFalse(cancel.signalled());
        cancel.close();
        assertEquals(before, NativeRef.live());
        String[] address = clinic.address.split(":");
        bindWithinPatience(new InetSocketAddress(address[0], Integer.parseInt(address[1])));
    }

    /** Freeing an engine does not wait for its listener to end, so the port comes free a little later. */
    private static void bindWithinPatience(InetSocketAddress address) throws Exception {
        for (long end = System.nanoTime() + Clinic.PATIENCE * 1_000_000L;;) {
            try (ServerSocket again = new ServerSocket()) {
                again.bind(address);
                return;
            } catch (BindException stillTaken) {
                if (System.nanoTime() > end) {
                    throw stillTaken;
                }
                Thread.sleep(20);
            }
        }
    }

    @Test
    void whatIsClosedDuringACallEndsWithThatCall() throws Exception {
        Clinic clinic = new Clinic(folder, "127.0.0.1:9");
        Cancel cancel = new Cancel();
        int before = NativeRef.live();
        Waiter waiting = new Waiter(() -> clinic.engine.with(engine -> cancel.with(token -> {
            // Inside both: from here on closing must not free.
            long event = Native.eventNext(engine, EventKind.MESSAGE, Engine.NO_TIMEOUT, token);
            return event == 0 ? null : new Event(event);
        })));
        waiting.untilItWaits();
        clinic.engine.run(engine -> {
            // This thread is in a call too, and closes what it is using.
            clinic.engine.close();
            assertThrows(IllegalStateException.class, clinic.engine::statusJson);
            assertTrue(Utf8.text(Native.engineStatusJson(engine)).contains("addresses"));
            cancel.signal();
            cancel.close();
            Native.engineStop(engine, Clinic.PATIENCE);
        });
        assertEquals(Status.CANCELLED, status(waiting));
        // The engine, its own token, and this one.
        assertEquals(before - 3, NativeRef.live());
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
