package ca.ereferral;

/** Ends a waiting call from another thread. Once signalled it stays signalled: take a new one for the next wait. Any thread. */
public final class Cancel extends Handle {
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
        run(Native::cancelSignal);
    }
}
