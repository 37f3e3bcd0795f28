package ca.ereferral;

/** Where a delivery stands: {@link Delivery#state}. Made by {@code tests/java_sources.rs}. */
public final class DeliveryState {
    private DeliveryState() {
    }

    /** State of a delivery: stored, waiting for its turn. */
    public static final int QUEUED = 1;

    /** State of a delivery: being sent right now. */
    public static final int SENDING = 2;

    /** State of a delivery: the partner has it. */
    public static final int DELIVERED = 3;

    /** State of a delivery: the partner refused it for good. A changed message with a new host key is needed. */
    public static final int REFUSED = 4;

    /** State of a delivery: it went out and no answer came, so the partner may have it. It is sent again with the same ids. */
    public static final int UNKNOWN_OUTCOME = 5;

    /** State of a delivery: given up after the last retry, parked because the partner does not take our credential, or dropped. eref_delivery_resend tries again, unless it was dropped or replaced. */
    public static final int DEAD = 6;
}
