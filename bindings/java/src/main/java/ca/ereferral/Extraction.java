package ca.ereferral;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Copies of the native library in a folder that nobody else can write to. Each copy has a name of its own (version, content, chance), so
 * that two processes, two class loaders or two versions are never in each other's way.
 */
final class Extraction {
    private static final String PREFIX = "ereferral-jni-";
    /** What a crashed process, or Windows, left behind is deleted when it is that old. Nobody takes that long between copying and loading. */
    private static final long STALE_MILLIS = TimeUnit.HOURS.toMillis(1);

    private Extraction() {
    }

    /** A copy of what is in the jar; null, and said in {@code tried}, when there is none. */
    static Path fromJar(String inside, List<String> tried) {
        try (InputStream resource = Extraction.class.getClassLoader().getResourceAsStream(inside)) {
            if (resource == null) {
                tried.add(inside + " in the jar: this jar has no library for this system");
                return null;
            }
            return write(all(resource));
        } catch (IOException failure) {
            tried.add(folder() + ": " + inside + " could not be copied there: " + failure);
            return null;
        }
    }

    /** A copy of a file that another class loader has taken. */
    static Path fromFile(Path file, List<String> tried) {
        try {
            return write(Files.readAllBytes(file));
        } catch (IOException failure) {
            tried.add(folder() + ": " + file + " could not be copied there: " + failure);
            return null;
        }
    }

    /** Windows cannot delete a library that is loaded: it stays until some later process finds it stale. */
    static void delete(Path copy) {
        try {
            Files.deleteIfExists(copy);
        } catch (IOException inUse) {
            // Left for sweep.
        }
    }

    private static Path folder() {
        String named = System.getProperty(NativeLibrary.FOLDER_PROPERTY);
        if (named != null) {
            return Paths.get(named).toAbsolutePath();
        }
        String home = System.getProperty("user.home", ".");
        String local = System.getenv("LOCALAPPDATA");
        Path own = Platform.windows() ? Paths.get(local == null ? home : local, "ereferral") : Paths.get(home, ".cache", "ereferral");
        return own.toAbsolutePath();
    }

    private static Path write(byte[] content) throws IOException {
        Path folder = folder();
        makePrivate(folder);
        sweep(folder);
        String name = PREFIX + Header.VERSION_TEXT + "-" + hash(content) + "-" + UUID.randomUUID() + (Platform.windows() ? ".dll" : ".so");
        Path copy = folder.resolve(name);
        Files.write(copy, content, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        if (!Arrays.equals(Files.readAllBytes(copy), content)) {
            delete(copy);
            throw new IOException("the copy differs from the original");
        }
        return copy;
    }

    private static void makePrivate(Path folder) throws IOException {
        boolean posix = folder.getFileSystem().supportedFileAttributeViews().contains("posix");
        if (!Files.isDirectory(folder)) {
            FileAttribute<?>[] owner =
                posix ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))} : new FileAttribute<?>[0];
            Files.createDirectories(folder, owner);
        }
        if (posix) {
            Set<PosixFilePermission> others = EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);
            others.retainAll(Files.getPosixFilePermissions(folder));
            if (!others.isEmpty()) {
                throw new IOException("others can write to this folder");
            }
        }
    }

    /** Tidying never keeps a library from being loaded. */
    private static void sweep(Path folder) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, PREFIX + "*")) {
            for (Path file : files) {
                if (stale(file)) {
                    delete(file);
                }
            }
        } catch (IOException | DirectoryIteratorException unreadable) {
            // Left for the next time.
        }
    }

    private static boolean stale(Path file) {
        try {
            return System.currentTimeMillis() - Files.getLastModifiedTime(file).toMillis() > STALE_MILLIS;
        } catch (IOException gone) {
            // Another process, or class loader, has just deleted its own copy.
            return false;
        }
    }

    private static String hash(byte[] content) throws IOException {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            StringBuilder text = new StringBuilder();
            for (int at = 0; at < 8; at++) {
                text.append(String.format("%02x", digest[at]));
            }
            return text.toString();
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new IOException(impossible);
        }
    }

    private static byte[] all(InputStream from) throws IOException {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        byte[] piece = new byte[65536];
        for (int got = from.read(piece); got >= 0; got = from.read(piece)) {
            to.write(piece, 0, got);
        }
        return to.toByteArray();
    }
}
