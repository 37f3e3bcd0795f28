package ca.ereferral;

/** Levels of log lines: {@link LogLine#level}. Made by {@code tests/java_sources.rs}. */
public final class LogLevel {
    private LogLevel() {
    }

    /** Level of a log line: something failed that a person should look at. */
    public static final int ERROR = 1;

    /** Level of a log line: something odd was accepted, or a weak setting is in force. */
    public static final int WARN = 2;

    /** Level of a log line: what was done. */
    public static final int INFO = 3;

    /** Level of a log line: more of it. */
    public static final int DEBUG = 4;
}
