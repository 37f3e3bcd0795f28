package ca.ereferral;

/** Which failure it is: {@link EReferralException#status}. Versions to come add some. Made by {@code tests/java_sources.rs}. */
public final class Status {
    private Status() {
    }

    /** Success. */
    public static final int OK = 0;

    /** An argument was NULL, out of range or of the wrong form. The message names the argument. */
    public static final int INVALID_ARGUMENT = 1;

    /** Text passed in is not UTF-8. The message gives the offset of the first bad byte. */
    public static final int INVALID_UTF8 = 2;

    /** The handle is in use by another call. Exclusive handles serve one call at a time. */
    public static final int BUSY = 3;

    /** The call came at the wrong time, for example a second start, or an answer to an event that is not a question. */
    public static final int WRONG_STATE = 4;

    /** A fault inside the library made this handle unusable. It can only be freed. */
    public static final int POISONED = 5;

    /** The process was forked after the engine was opened. Open a new engine in the child. */
    public static final int FORKED = 6;

    /** What was asked for does not exist. */
    public static final int NOT_FOUND = 7;

    /** The configuration is wrong. The message names the path, the value found and what was expected. */
    public static final int CONFIG = 8;

    /** The bytes are not well-formed JSON. The detail gives line and column. */
    public static final int INVALID_JSON = 100;

    /** The input is larger than a configured limit. The message names the limit. */
    public static final int TOO_LARGE = 101;

    /** The FHIR content cannot be used. The detail is an OperationOutcome naming the elements. */
    public static final int INVALID_CONTENT = 200;

    /** The name of a field is not in the field table. */
    public static final int UNKNOWN_FIELD = 201;

    /** A field was given a value it cannot take, or a required one is missing. The detail is an OperationOutcome. */
    public static final int INVALID_FIELD = 202;

    /** Test data in a production engine. Set {@code "test": true} to take messages labelled HTEST. */
    public static final int TEST_DATA = 203;

    /** The event is not one this library or this partner's dialect knows. */
    public static final int UNKNOWN_EVENT = 204;

    /** The partner is not party to this referral, or may not do this. */
    public static final int FORBIDDEN = 300;

    /** The network failed: name lookup, connection refused, connection lost. */
    public static final int NETWORK = 400;

    /** The TLS handshake failed. The message says why (unknown issuer, expired, name mismatch, ...). */
    public static final int TLS = 450;

    /** The remote system answered with an error. {@code eref_error_http_status} gives the number. */
    public static final int REMOTE = 500;

    /** A deadline passed. For {@code eref_event_next} it only means that no event arrived. */
    public static final int TIMEOUT = 600;

    /** The call was cancelled. */
    public static final int CANCELLED = 601;

    /** The store cannot be read or written. Retriable when the cause may pass (locked, disk full). */
    public static final int STORE = 700;

    /** Another serving engine holds this store. The message names its process and host. */
    public static final int STORE_IN_USE = 701;

    /** The key of the store is missing or wrong. The message names the path and the key id. */
    public static final int STORE_KEY = 702;

    /** The store was written by a newer version of the library. */
    public static final int STORE_VERSION = 703;

    /** The store lies on a network share, where its locks cannot be trusted. */
    public static final int STORE_NETWORK = 704;

    /** This host key was used before, for other content. */
    public static final int KEY_REUSED = 705;

    /** The event is no longer leased to this handle: the lease ran out, or the event is done. */
    public static final int LEASE_LOST = 706;

    /** The address cannot be listened on. */
    public static final int LISTEN = 800;

    /** A fault in the library itself. The message names the place. Please report it. */
    public static final int PANIC = 900;

    /** Memory could not be allocated. */
    public static final int NO_MEMORY = 901;
}
