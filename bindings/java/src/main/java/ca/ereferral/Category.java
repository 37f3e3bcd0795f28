package ca.ereferral;

/** Kinds of failure: {@link EReferralException#category}. Made by {@code tests/java_sources.rs}. */
public final class Category {
    private Category() {
    }

    /** The call itself was wrong. */
    public static final int USAGE = 1;

    /** The data handed in or received is wrong. */
    public static final int DATA = 2;

    /** A rule of the protocol forbids it. */
    public static final int PROTOCOL = 3;

    /** Network or TLS. */
    public static final int NETWORK = 4;

    /** The remote system said no. */
    public static final int REMOTE = 5;

    /** A deadline or a cancellation. */
    public static final int TIME = 6;

    /** The store. */
    public static final int STORE = 7;

    /** The library itself. */
    public static final int INTERNAL = 9;
}
