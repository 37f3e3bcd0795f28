import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;

/** The C ABI as Java sees it, through the shim probe_jni.c. Usage: Probe SHIM CONFIG FIELDS */
final class Probe {
    static final int MESSAGE = 2, DELIVERY = 8, MINUTE = 60_000;

    static native int abiNumber();
    static native long open(byte[] file);
    static native void close(long engine);
    static native byte[] launch(long engine, byte[] request);
    static native long eventNext(long engine, int kinds, int timeout);
    static native byte[] eventField(long event, byte[] name);
    static native void eventDone(long event);
    static native long draft(long engine);
    static native void draftSet(long draft, byte[] name, byte[] value);
    static native void send(long engine, long draft, byte[] key);
    static native void panic();

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void check(boolean good, String what) {
        if (!good) throw new AssertionError(what);
    }

    /** Takes one event, reads one field of it and says that it is done. */
    static String take(long engine, int kind, String field) {
        long event = eventNext(engine, kind, MINUTE);
        byte[] value = eventField(event, utf8(field));
        eventDone(event);
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        check(abiNumber() == 1, "ABI number");
        long engine = open(utf8(arguments[1]));
        String url = new String(launch(engine, utf8("{\"partner\": \"self\", \"user\": {\"id\": \"u1\"}, \"patient\": \"p1\", \"session\": \"s1\","
            + " \"chart\": [{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \"Testpatient\"}]}]}")), StandardCharsets.UTF_8);
        check(url.startsWith("https://pos.test/auth/start/"), url);

        String[] given = new String[1];
        Thread thread = new Thread(() -> given[0] = take(engine, MESSAGE, "patient.name.given[0]"));
        thread.start();
        long draft = draft(engine);
        for (String line : Files.readAllLines(Paths.get(arguments[2]))) {
            String[] parts = line.split("=", 2);
            draftSet(draft, utf8(parts[0]), utf8(parts[1]));
        }
        send(engine, draft, utf8("probe-1"));
        thread.join();
        check("Ren\u00e9e".equals(given[0]), "given name " + given[0]);
        String state = take(engine, DELIVERY, "state");
        check("delivered".equals(state), "delivery " + state);

        try {
            panic();
            throw new AssertionError("no panic");
        } catch (IllegalStateException failure) {
            check(failure.getMessage().startsWith("900 EREF_PANIC: ") && failure.getMessage().contains("test_panic.rs"), failure.getMessage());
        }
        close(engine);
        System.out.println("probe ok");
    }
}
