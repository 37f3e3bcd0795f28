package ca.ereferral;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongFunction;

/** Ends a waiting call from another thread. Once signalled it stays signalled: take a new one for the next wait. Any thread. */
public final class Cancel extends Handle {
    /** The waits that this token ends beside another one: each has a token of its own. */
    private final Set<Cancel> joined = ConcurrentHashMap.newKeySet();
    private volatile boolean signalled;

    /** Makes a cancel token. */
    public Cancel() {
        super(create(), Native::cancelFree);
    }

    private static long create() {
        NativeLibrary.load();
        return Native.cancelNew();
    }

    /** Ends the calls that wait with this token, at once or as soon as they begin to wait; they fail with {@link Status#CANCELLED}. */
    public void signal() {
        run(token -> {
            signalled = true;
            Native.cancelSignal(token);
        });
        joined.forEach(Cancel::end);
    }

    /** Signals, unless it is closed: then nobody waits with it. */
    void end() {
        try {
            signal();
        } catch (IllegalStateException closed) {
            // Nothing left to end.
        }
    }

    boolean signalled() {
        return signalled;
    }

    /** A call that this token ends, or the other one. */
    <T> T withEither(Cancel other, LongFunction<T> call) {
        try (Cancel either = new Cancel()) {
            joined.add(either);
            other.joined.add(either);
            try {
                // One of them may have been signalled before it knew of this wait.
                if (signalled || other.signalled) {
                    either.signal();
                }
                return other.with(open -> either.with(call));
            } finally {
                joined.remove(either);
                other.joined.remove(either);
            }
        }
    }
}
