package ca.ereferral;

/** A launch that was started; a value, read from any thread. Closing it does not end the launch: {@link Engine#endLaunch} does. */
public final class Launch extends Handle {
    Launch(long pointer) {
        super(pointer, Native::launchFree);
    }

    /**
     * What to open in the user's browser. Good once and only for a minute: a bearer of it becomes the user, so do not log it.
     *
     * @return the URL
     */
    public String url() {
        return text(Native::launchUrl);
    }

    /**
     * The library's id of the launch, as in LAUNCH, WRITE and QUESTION events.
     *
     * @return the id
     */
    public String id() {
        return text(Native::launchId);
    }

    /**
     * The number under which the app's system may name the referral that this launch leads to ({@code eref_launch_correlation}).
     *
     * @return the number
     */
    public String correlation() {
        return text(Native::launchCorrelation);
    }
}
