package ca.ereferral;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds and loads the native library, once, at the first use of this package. The first of these that is there and can be loaded wins:
 *
 * <ol>
 *   <li>the file that the property {@code ereferral.native.path} names; with it nothing else is tried;
 *   <li>what the host loaded itself, after {@link #assumeLoaded};
 *   <li>{@code libereferral-jni.so} or {@code ereferral-jni.dll} in {@code java.library.path};
 *   <li>the same file beside the jar of this package;
 *   <li>the one inside the jar, copied into the folder of the property {@code ereferral.native.dir}, or else into a private folder of the
 *       user ({@code ~/.cache/ereferral}; on Windows {@code %LOCALAPPDATA%\ereferral}). The system's folder for temporary files is never
 *       used. The copy is deleted as soon as the system allows, on Unix at once.
 * </ol>
 *
 * <p>When nothing can be loaded, {@link UnsatisfiedLinkError} says every place that was tried, why not, and whether this process has 32 or
 * 64 bits. A library with another ABI number, or older than this package, is refused in the same way, with its path and both numbers.
 *
 * <p>Several class loaders of one process can use the package: Java lets only one of them load a file, so that the others load a copy.
 */
public final class NativeLibrary {
    /** The property that names the file to load. */
    public static final String PATH_PROPERTY = "ereferral.native.path";
    /** The property that names the folder to copy the library into, where it is taken from the jar. */
    public static final String FOLDER_PROPERTY = "ereferral.native.dir";

    private static final String FILE = System.mapLibraryName("ereferral-jni");
    private static boolean assumed;
    private static boolean loaded;
    private static String refusal;

    private NativeLibrary() {
    }

    /**
     * Says that the host has loaded the native library itself ({@link System#load}), in the class loader of this package, and that none is
     * to be looked for. Call it before anything else of this package.
     */
    public static synchronized void assumeLoaded() {
        assumed = true;
    }

    /** Loads it if that was not done yet. A failure is the same one every time. */
    static synchronized void load() {
        if (loaded) {
            return;
        }
        if (refusal == null) {
            refusal = attempt();
        }
        if (refusal != null) {
            throw new UnsatisfiedLinkError(refusal);
        }
        loaded = true;
    }

    /** Null when the library is there, else why not. */
    private static String attempt() {
        String explicit = System.getProperty(PATH_PROPERTY);
        if (explicit == null && assumed) {
            return mismatch("the library that the host loaded");
        }
        List<String> tried = new ArrayList<>();
        for (Path file : explicit == null ? candidates() : only(Paths.get(explicit))) {
            if (loads(file, tried)) {
                return mismatch(file.toString());
            }
        }
        if (explicit == null) {
            String inside = "natives/" + Platform.name() + "/" + FILE;
            Path copy = Extraction.fromJar(inside, tried);
            if (copy != null && loadsCopy(copy, tried)) {
                return mismatch(inside + " of the jar");
            }
        }
        return "the native library of ereferral could not be loaded in this " + Platform.bits() + "-bit process (" + Platform.name()
            + "). Tried:\n  " + String.join("\n  ", tried);
    }

    private static List<Path> only(Path file) {
        List<Path> files = new ArrayList<>();
        files.add(file.toAbsolutePath());
        return files;
    }

    private static List<Path> candidates() {
        List<Path> files = new ArrayList<>();
        for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            if (!folder.isEmpty()) {
                files.add(Paths.get(folder, FILE).toAbsolutePath());
            }
        }
        CodeSource source = NativeLibrary.class.getProtectionDomain().getCodeSource();
        try {
            files.add(Paths.get(source.getLocation().toURI()).resolveSibling(FILE));
        } catch (Exception notAFile) {
            // The package does not come from a file: there is nothing beside it.
        }
        return files;
    }

    private static boolean loads(Path file, List<String> tried) {
        if (!Files.exists(file)) {
            tried.add(file + ": there is no such file");
            return false;
        }
        try {
            System.load(file.toString());
            return true;
        } catch (UnsatisfiedLinkError failure) {
            if (String.valueOf(failure.getMessage()).contains("already loaded in another classloader")) {
                Path copy = Extraction.fromFile(file, tried);
                return copy != null && loadsCopy(copy, tried);
            }
            tried.add(file + ": " + failure.getMessage());
            return false;
        }
    }

    private static boolean loadsCopy(Path copy, List<String> tried) {
        try {
            System.load(copy.toString());
            return true;
        } catch (UnsatisfiedLinkError failure) {
            tried.add(copy + ": " + failure.getMessage() + " (is the folder mounted noexec, or does a policy forbid it? The property "
                + FOLDER_PROPERTY + " names another one)");
            return false;
        } finally {
            Extraction.delete(copy);
        }
    }

    /** What speaks against the library that was just loaded from there; null when nothing does. */
    private static String mismatch(String where) {
        int abi;
        String version;
        try {
            abi = Native.abiNumber();
            version = Utf8.text(Native.versionText());
        } catch (UnsatisfiedLinkError strange) {
            return where + " is not the native library of this package: " + strange.getMessage();
        }
        if (abi != Header.ABI_NUMBER) {
            return where + " has the ABI number " + abi + " (version " + version + "), this package needs " + Header.ABI_NUMBER;
        }
        if (older(version, Header.VERSION_TEXT)) {
            return where + " is version " + version + ", this package needs at least " + Header.VERSION_TEXT;
        }
        return null;
    }

    /** Whether the first of two versions ("0.10.2") comes before the other. */
    static boolean older(String version, String other) {
        String[] left = version.split("[.+-]");
        String[] right = other.split("[.+-]");
        for (int part = 0; part < 3; part++) {
            int difference = number(left, part) - number(right, part);
            if (difference != 0) {
                return difference < 0;
            }
        }
        return false;
    }

    private static int number(String[] parts, int index) {
        try {
            return Integer.parseInt(parts[index]);
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException none) {
            return 0;
        }
    }
}
