package ca.ereferral;

/**
 * Something the host must know or decide. Write a durable one (MESSAGE, WRITE, DELIVERY) into your own storage together with its
 * {@link #id}, call {@link #done}, close it: closed without {@code done} it comes again, with a higher {@link #attempt}. The calls that
 * change it go one at a time; reading it goes from any thread.
 */
public final class Event extends Handle {
    Event(long pointer) {
        super(pointer, Native::eventFree);
    }

    /**
     * Which kind of event it is.
     *
     * @return one of {@link EventKind}
     */
    public int kind() {
        return number(Native::eventKind);
    }

    /**
     * The id of the event; it stays the same when the event comes again, also after a restart.
     *
     * @return the id
     */
    public String id() {
        return text(Native::eventId);
    }

    /**
     * The name of the partner the event concerns.
     *
     * @return the name, null when it concerns none
     */
    public String partner() {
        return text(Native::eventPartner);
    }

    /**
     * The library's id of the referral the event belongs to.
     *
     * @return the id, null when it belongs to none
     */
    public String referralId() {
        return text(Native::eventReferralId);
    }

    /**
     * How often the event was handed out, this time included.
     *
     * @return 1 for the first time
     */
    public long attempt() {
        return number(Native::eventAttempt) & 0xffff_ffffL;
    }

    /**
     * The message of a MESSAGE event. It ends with this event.
     *
     * @return the message; null for other kinds, and when its body could not be read just now ({@link #retry} brings the event again)
     */
    public Message message() {
        long message = with(Native::eventMessage);
        return message == 0 ? null : new Message(this, message);
    }

    /**
     * What happened, or what is asked; {@link EventKind} names the schema of each kind.
     *
     * @return a JSON object
     */
    public String json() {
        return text(Native::eventJson);
    }

    /**
     * One member of that object, so that no JSON has to be read ({@code eref_event_field}).
     *
     * @param name for example "launch_id", "answer.id", "attachments[0].title"
     * @return text without quotes, objects and arrays as JSON; null when there is no such member
     */
    public String field(String name) {
        byte[] key = Utf8.needed(name, "name");
        return text(event -> Native.eventField(event, key));
    }

    /**
     * Says that the host has the event in its own storage: it will not come again ({@code eref_event_done}).
     *
     * @throws EReferralException {@link Status#LEASE_LOST} (too late: it may have been handed out again), {@link Status#WRONG_STATE},
     *     {@link Status#STORE}, {@link Status#BUSY}
     */
    public void done() {
        run(Native::eventDone);
    }

    /**
     * Gives a durable event back, to come again later ({@code eref_event_retry}).
     *
     * @param afterMillis after how many milliseconds
     * @param reason kept for people who look into it; keep it free of personal data
     * @throws EReferralException {@link Status#LEASE_LOST}, {@link Status#WRONG_STATE}, {@link Status#STORE}, {@link Status#BUSY}
     */
    public void retry(int afterMillis, String reason) {
        int after = Numbers.atLeastZero(afterMillis, "afterMillis");
        byte[] why = Utf8.bytes(reason);
        run(event -> Native.eventRetry(event, after, why));
    }

    /**
     * Prolongs the lease of a durable event by its full length, 60 seconds ({@code eref_event_extend}).
     *
     * @throws EReferralException {@link Status#LEASE_LOST}, {@link Status#WRONG_STATE}, {@link Status#STORE}, {@link Status#BUSY}
     */
    public void extend() {
        run(Native::eventExtend);
    }

    /**
     * Answers a QUESTION with the JSON document it asks for ({@code eref_event_answer}).
     *
     * @param json the document
     * @throws EReferralException {@link Status#WRONG_STATE}, {@link Status#INVALID_JSON}, {@link Status#LEASE_LOST} (too late),
     *     {@link Status#BUSY}
     */
    public void answer(String json) {
        byte[] document = Utf8.needed(json, "json");
        run(event -> Native.eventAnswer(event, document));
    }

    /**
     * Refuses a QUESTION ({@code eref_event_refuse}).
     *
     * @param reason one of {@link Refusal}
     * @param text shown to the app
     * @throws EReferralException {@link Status#WRONG_STATE}, {@link Status#INVALID_ARGUMENT}, {@link Status#LEASE_LOST} (too late),
     *     {@link Status#BUSY}
     */
    public void refuse(int reason, String text) {
        byte[] said = Utf8.bytes(text);
        run(event -> Native.eventRefuse(event, reason, said));
    }
}
