package ca.ereferral;

/** Which native library this package is made for. Made by {@code tests/java_sources.rs}. */
final class Header {
    private Header() {
    }

    static final int ABI_NUMBER = 1;
    static final String VERSION_TEXT = "0.1.0";
}
