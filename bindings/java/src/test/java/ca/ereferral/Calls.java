package ca.ereferral;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.function.IntSupplier;

/**
 * What calls from Java cost, and whole messages: nanoseconds, the best of several rounds; docs/performance.md has them beside those of C.
 * Usage: Calls MESSAGE
 */
final class Calls {
    private static final int ROUNDS = 9;
    private static int sink;

    private Calls() {
    }

    private static void show(String name, int calls, IntSupplier call) {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            for (int done = 0; done < calls; done++) {
                sink += call.getAsInt();
            }
            best = Math.min(best, (double) (System.nanoTime() - start) / calls);
        }
        System.out.printf("%s %.1f%n", name, best);
    }

    public static void main(String[] arguments) throws Exception {
        byte[] bundle = Files.readAllBytes(Paths.get(arguments[0]));
        NativeLibrary.load();
        show("eref_abi_number", 1_000_000, Native::abiNumber);
        show("eref_status_name", 1_000_000, () -> EReferral.statusName(0).length());
        try (Message message = Message.parse(bundle)) {
            show("eref_message_event", 1_000_000, () -> message.event().length());
            show("eref_message_attachment_count", 1_000_000, () -> (int) message.attachmentCount());
            show("field", 1_000_000, () -> message.field(Fields.PATIENT_NAME_FAMILY).length());
            show("bundle", 20_000, () -> message.bundle().length);
        }
        show("eref_message_parse", 500, () -> {
            Message.parse(bundle).close();
            return 1;
        });
    }
}
