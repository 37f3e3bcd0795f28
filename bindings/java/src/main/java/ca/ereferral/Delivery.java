package ca.ereferral;

/** A message on its way, or arrived, as it stood when this was asked; a value, read from any thread. */
public final class Delivery extends Handle {
    Delivery(long pointer) {
        super(pointer, Native::deliveryFree);
    }

    /**
     * The id of the delivery, as in DELIVERY events.
     *
     * @return the id
     */
    public String id() {
        return text(Native::deliveryId);
    }

    /**
     * Where the delivery stood.
     *
     * @return one of {@link DeliveryState}
     */
    public int state() {
        return number(Native::deliveryState);
    }

    /**
     * Whether the same call of {@link Engine#send} was made before, so that nothing is sent again.
     *
     * @return true when it was
     */
    public boolean isRepeat() {
        return with(Native::deliveryIsRepeat);
    }

    /**
     * The whole of it (docs/schema/delivery.json): partner, state, attempts, times, the partner's answer.
     *
     * @return a JSON object
     */
    public String json() {
        return text(Native::deliveryJson);
    }
}
