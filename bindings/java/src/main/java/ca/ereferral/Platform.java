package ca.ereferral;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Locale;

/** The system this process runs on, as the folders of native libraries are named. */
final class Platform {
    private Platform() {
    }

    static boolean windows() {
        return system().equals("windows");
    }

    /** For example "linux-x86_64", "linux-aarch64-musl", "windows-x86". */
    static String name() {
        return system() + "-" + processor() + (system().equals("linux") && musl() ? "-musl" : "");
    }

    /** The width of this process, which is not always that of the system. */
    static String bits() {
        return System.getProperty("sun.arch.data.model", processor().endsWith("64") ? "64" : "32");
    }

    private static String system() {
        String name = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        return name.startsWith("windows") ? "windows" : name.startsWith("mac") ? "macos" : name.replace(' ', '_');
    }

    private static String processor() {
        String name = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        switch (name) {
            case "amd64":
            case "x86_64":
                return "x86_64";
            case "x86":
            case "i386":
            case "i686":
                return "x86";
            case "arm64":
                return "aarch64";
            default:
                return name;
        }
    }

    private static boolean musl() {
        try {
            return new String(Files.readAllBytes(Paths.get("/proc/self/maps")), StandardCharsets.ISO_8859_1).contains("/ld-musl-");
        } catch (Exception unknown) {
            return false;
        }
    }
}
