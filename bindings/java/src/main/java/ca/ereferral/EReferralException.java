package ca.ereferral;

/**
 * A call of the library failed. Decide by {@link #category} and {@link #isRetriable}, not by a closed list of statuses: versions to come
 * add some. The message begins with the name of the status; it never holds anything personal or secret and can be logged.
 */
public final class EReferralException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Which failure; see {@link #status}. */
    private final int status;
    /** Which kind; see {@link #category}. */
    private final int category;
    /** What the remote system answered with; see {@link #httpStatus}. */
    private final int httpStatus;
    /** Whether trying again may help; see {@link #isRetriable}. */
    private final boolean retriable;
    /** More about it; see {@link #detail}. */
    private final String detail;

    /** Called from native code. */
    private EReferralException(int status, byte[] name, int category, int httpStatus, boolean retriable, byte[] message, byte[] detail) {
        super(Utf8.text(name) + ": " + Utf8.text(message));
        this.status = status;
        this.category = category;
        this.httpStatus = httpStatus;
        this.retriable = retriable;
        this.detail = Utf8.text(detail);
    }

    /**
     * Which failure it is.
     *
     * @return one of {@link Status}, or a number that this version does not know
     */
    public int status() {
        return status;
    }

    /**
     * Which kind of failure it is.
     *
     * @return one of {@link Category}
     */
    public int category() {
        return category;
    }

    /**
     * What the remote system answered with.
     *
     * @return the HTTP status, 0 when there was no answer
     */
    public int httpStatus() {
        return httpStatus;
    }

    /**
     * Whether the same call may succeed later without a change.
     *
     * @return true when it may
     */
    public boolean isRetriable() {
        return retriable;
    }

    /**
     * More about it: an OperationOutcome as JSON, or what the remote system said. It may be personal: show it to the user, do not log it.
     *
     * @return the detail, null when there is no more to say
     */
    public String detail() {
        return detail;
    }
}
