package ca.ereferral;

/** Numbers that C has without a sign. */
final class Numbers {
    private Numbers() {
    }

    static int atLeastZero(int number, String name) {
        if (number < 0) {
            throw new IllegalArgumentException(name + " is " + number);
        }
        return number;
    }

    /** A time to wait: {@link Engine#NO_TIMEOUT} has the bits of C's EREF_NO_TIMEOUT. */
    static int timeout(int millis) {
        return millis == Engine.NO_TIMEOUT ? millis : atLeastZero(millis, "timeoutMillis");
    }
}
