package ca.ereferral;

/** Reasons to refuse a question: {@link Event#refuse}. Made by {@code tests/java_sources.rs}. */
public final class Refusal {
    private Refusal() {
    }

    /** Reason for eref_event_refuse: the user or the app may not have it. The app sees 403. */
    public static final int FORBIDDEN = 1;

    /** Reason for eref_event_refuse: there is no such thing. The app sees 404. */
    public static final int NOT_FOUND = 2;
}
