package ca.ereferral;

/** What is known of the loaded library as a whole. Any thread. */
public final class EReferral {
    private EReferral() {
    }

    /**
     * The version of the loaded native library ({@code eref_version_text}).
     *
     * @return for example "0.1.0"
     */
    public static String version() {
        NativeLibrary.load();
        return Utf8.text(Native.versionText());
    }

    /**
     * How the loaded native library was built ({@code eref_build_info}). Meant for support tickets.
     *
     * @return a JSON object: version, abi, target, tls, features
     */
    public static String buildInfo() {
        NativeLibrary.load();
        return Utf8.text(Native.buildInfo());
    }

    /**
     * The name of a status ({@code eref_status_name}).
     *
     * @param status one of {@link Status}
     * @return for example "EREF_TIMEOUT" for 600; "EREF_UNKNOWN" for a number the library does not know
     */
    public static String statusName(int status) {
        NativeLibrary.load();
        return Utf8.text(Native.statusName(status));
    }
}
