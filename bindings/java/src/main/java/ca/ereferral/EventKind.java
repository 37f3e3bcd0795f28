package ca.ereferral;

/** Kinds of event, to be joined by |: {@link Engine#nextEvent}. Made by {@code tests/java_sources.rs}. */
public final class EventKind {
    private EventKind() {
    }

    /** Kind of event: the app asks for what the host did not push. Not durable; answer it within 20 seconds. Handed out in the serving process only. Document: docs/schema/question.json. */
    public static final int QUESTION = 1;

    /** Kind of event: a message arrived. Durable; eref_event_message gives it. Document: docs/schema/notification.json. */
    public static final int MESSAGE = 2;

    /** Kind of event: the app wrote a resource back to the chart. Durable. Document: docs/schema/write.json. */
    public static final int WRITE = 4;

    /** Kind of event: an outgoing message was accepted, refused, of unknown outcome, or given up. Durable. Document: docs/schema/delivery.json. */
    public static final int DELIVERY = 8;

    /** Kind of event: a launch was authorized, denied, expired or ended. Not durable; handed out in the process that serves the launch, or that ended it. Document: docs/schema/launch-event.json. */
    public static final int LAUNCH = 16;

    /** Kind of event: a condition began or ended, for example a partner that cannot be reached. Not durable; handed out in the process that noticed it, mostly the serving one. Document: docs/schema/alert.json. */
    public static final int ALERT = 32;

    /** All kinds of this version. */
    public static final int ALL = 63;
}
