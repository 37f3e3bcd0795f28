package ca.ereferral;

/** A line of the library's log: "TIME LEVEL PART: what happened", without a line break and without anything personal. */
public final class LogLine {
    private final int level;
    private final String text;

    LogLine(int level, String text) {
        this.level = level;
        this.text = text;
    }

    /**
     * How grave it is.
     *
     * @return one of {@link LogLevel}
     */
    public int level() {
        return level;
    }

    /**
     * The line.
     *
     * @return the line
     */
    public String text() {
        return text;
    }

    @Override
    public String toString() {
        return text;
    }
}
