package ca.ereferral;

/** What only the native library of the tests has. */
final class TestNatives {
    private TestNatives() {
    }

    /** Panics inside the library, in a call on a config unless that is 0. */
    static native void panic(long config);

    /** Queues so many LAUNCH events, at most 1,000. */
    static native void events(long engine, int count);

    /** The bytes that C has allocated in this process. */
    static native long bytesInUse();
}
