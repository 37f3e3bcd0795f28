package ca.ereferral;

import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Where the native library is looked for, and what is said when it is not there. Each attempt is that of a class loader of its own. */
final class LoaderTest {
    /** The library of these tests. */
    private static final Path LIBRARY = Paths.get(System.getProperty(NativeLibrary.PATH_PROPERTY, "none"));
    private static final String[] PROPERTIES = {NativeLibrary.PATH_PROPERTY, NativeLibrary.FOLDER_PROPERTY, "java.library.path"};

    private final Map<String, String> before = new HashMap<>();
    @TempDir
    Path folder;

    @BeforeEach
    void forget() {
        for (String name : PROPERTIES) {
            before.put(name, System.getProperty(name));
        }
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        System.setProperty(NativeLibrary.FOLDER_PROPERTY, folder.resolve("copies").toString());
        System.setProperty("java.library.path", folder.resolve("nothing").toString());
    }

    @AfterEach
    void remember() {
        before.forEach((name, value) -> {
            if (value == null) {
                System.clearProperty(name);
            } else {
                System.setProperty(name, value);
            }
        });
    }

    private static URL url(Path path) throws IOException {
        return path.toUri().toURL();
    }

    /** This package in a class loader of its own, from a copy of its classes; {@code more} is searched for the natives of "the jar". */
    private ClassLoader apart(Path... more) throws IOException {
        Path classes = Files.createTempDirectory(folder, "classes").resolve("package");
        Path from = Paths.get(new File(NativeLibrary.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getPath(), "ca", "ereferral");
        Files.createDirectories(classes.resolve("ca/ereferral"));
        for (Path tests : new Path[] {from, from.resolve("../../../test-classes/ca/ereferral").normalize()}) {
            try (Stream<Path> files = Files.list(tests)) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    Files.copy(file, classes.resolve("ca/ereferral").resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
        URL[] urls = new URL[more.length + 1];
        urls[0] = url(classes);
        for (int at = 0; at < more.length; at++) {
            urls[at + 1] = url(more[at]);
        }
        // JUnit comes from the parent, this package does not: it is looked for here first.
        return new URLClassLoader(urls, getClass().getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                synchronized (getClassLoadingLock(name)) {
                    if (!name.startsWith("ca.ereferral.")) {
                        return super.loadClass(name, resolve);
                    }
                    Class<?> known = findLoadedClass(name);
                    return known == null ? findClass(name) : known;
                }
            }

            @Override
            public URL getResource(String name) {
                return findResource(name);
            }
        };
    }

    /** A folder that looks like the jar with this library inside. */
    private Path jar() throws IOException {
        Path place = Files.createDirectories(folder.resolve("jar/natives").resolve(Platform.name()));
        Path file = place.resolve(System.mapLibraryName("ereferral-jni"));
        if (!Files.exists(file)) {
            Files.createLink(file, LIBRARY.toRealPath());
        }
        return folder.resolve("jar");
    }

    private static String version(ClassLoader loader) throws Throwable {
        try {
            Method method = loader.loadClass("ca.ereferral.EReferral").getMethod("version");
            return (String) method.invoke(null);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private String refusal(ClassLoader loader) {
        UnsatisfiedLinkError error = assertThrows(UnsatisfiedLinkError.class, () -> version(loader));
        // The same one the second time.
        assertEquals(error.getMessage(), assertThrows(UnsatisfiedLinkError.class, () -> version(loader)).getMessage());
        return error.getMessage();
    }

    private long copies() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("copies"))) {
            return files.count();
        }
    }

    @Test
    void withoutALibraryEveryPlaceIsNamed() throws Exception {
        String said = refusal(apart());
        String file = System.mapLibraryName("ereferral-jni");
        assertTrue(said.contains("64-bit process (" + Platform.name() + ")"), said);
        assertTrue(said.contains(folder.resolve("nothing").resolve(file) + ": there is no such file"), said);
        assertTrue(said.contains("classes"), said);
        assertTrue(said.contains("natives/" + Platform.name() + "/" + file + " in the jar"), said);
    }

    @Test
    void aNamedFileIsTheOnlyOneTried() throws Exception {
        System.setProperty(NativeLibrary.PATH_PROPERTY, folder.resolve("absent.so").toString());
        String said = refusal(apart(jar()));
        assertTrue(said.contains("absent.so: there is no such file") && !said.contains("in the jar"), said);
    }

    @Test
    void aLibraryOfAnotherWidthIsRefusedWithTheSystemsReason() throws Exception {
        byte[] bytes = Files.readAllBytes(LIBRARY);
        // The class byte of ELF: 32 bits.
        bytes[4] = 1;
        Path wrong = Files.write(folder.resolve("wrong.so"), bytes);
        System.setProperty(NativeLibrary.PATH_PROPERTY, wrong.toString());
        String said = refusal(apart());
        assertTrue(said.contains("wrong.so") && said.contains("ELFCLASS32") && said.contains("64-bit process"), said);
    }

    @Test
    void aLibraryOfAnotherAbiOrAnOlderOneIsRefusedByName() throws Exception {
        String others = System.getProperty("ereferral.test.others");
        Assumptions.assumeTrue(others != null, "needs a C compiler");
        System.setProperty(NativeLibrary.PATH_PROPERTY, others + "/other-abi.so");
        String said = refusal(apart());
        assertTrue(said.contains("other-abi.so has the ABI number 0 (version 0.0.1), this package needs 1"), said);
        System.setProperty(NativeLibrary.PATH_PROPERTY, others + "/older.so");
        said = refusal(apart());
        assertTrue(said.contains("older.so is version 0.0.9, this package needs at least " + Header.VERSION_TEXT), said);
        System.setProperty(NativeLibrary.PATH_PROPERTY, others + "/strange.so");
        said = refusal(apart());
        assertTrue(said.contains("strange.so is not the native library of this package"), said);
    }

    @Test
    void versionsAreComparedByTheirNumbers() {
        assertTrue(NativeLibrary.older("0.9.3", "0.10.0") && NativeLibrary.older("0.1", "0.1.1") && NativeLibrary.older("1.2.3", "2.0.0"));
        assertFalse(NativeLibrary.older("0.10.0", "0.9.3") || NativeLibrary.older("0.1.0", "0.1.0") || NativeLibrary.older("1.0.0-rc1", "1.0.0"));
    }

    @Test
    void theLibraryPathAndTheFolderBesideTheJarAreSearched() throws Throwable {
        Path place = Files.createDirectories(folder.resolve("path"));
        Files.copy(LIBRARY, place.resolve(System.mapLibraryName("ereferral-jni")));
        System.setProperty("java.library.path", folder.resolve("nothing") + File.pathSeparator + place);
        assertEquals(Header.VERSION_TEXT, version(apart()));

        System.setProperty("java.library.path", "");
        ClassLoader loader = apart();
        Path classes = Paths.get(loader.loadClass("ca.ereferral.NativeLibrary").getProtectionDomain().getCodeSource().getLocation().toURI());
        Files.copy(LIBRARY, classes.resolveSibling(System.mapLibraryName("ereferral-jni")));
        assertEquals(Header.VERSION_TEXT, version(loader));
    }

    @Test
    void theOneInTheJarIsCopiedPrivatelyAndLeavesNothing() throws Throwable {
        Path copies = Files.createDirectories(folder.resolve("copies"), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path stale = Files.createFile(copies.resolve("ereferral-jni-0.0.1-stale.so"));
        Path fresh = Files.createFile(copies.resolve("ereferral-jni-0.0.1-fresh.so"));
        Path foreign = Files.createFile(copies.resolve("something-else.so"));
        Files.setLastModifiedTime(stale, FileTime.fromMillis(1));
        Files.setLastModifiedTime(foreign, FileTime.fromMillis(1));
        assertEquals(Header.VERSION_TEXT, version(apart(jar())));
        assertTrue(!Files.exists(stale) && Files.exists(fresh) && Files.exists(foreign));
        assertEquals(2, copies());
    }

    @Test
    void copiesThatComeAndGoInManyThreadsDisturbNoneOfThem() throws Exception {
        Path file = Files.write(folder.resolve("any.so"), new byte[] {1, 2, 3});
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Future<List<String>>> refused = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            refused.add(threads.submit(() -> {
                List<String> tried = new ArrayList<>();
                for (int copy = 0; copy < 1_000 && tried.isEmpty(); copy++) {
                    Path made = Extraction.fromFile(file, tried);
                    if (made != null) {
                        Extraction.delete(made);
                    }
                }
                return tried;
            }));
        }
        for (Future<List<String>> tried : refused) {
            assertEquals(Collections.emptyList(), tried.get(60, TimeUnit.SECONDS));
        }
        threads.shutdown();
        assertEquals(0, copies());
    }

    @Test
    void theFolderOfCopiesIsMadeForItsOwnerAloneAndNotUsedWhenOthersCanWrite() throws Throwable {
        assertEquals(Header.VERSION_TEXT, version(apart(jar())));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("copies"))));
        Files.setPosixFilePermissions(folder.resolve("copies"), PosixFilePermissions.fromString("rwxrwxrwx"));
        String said = refusal(apart(jar()));
        assertTrue(said.contains(folder.resolve("copies") + ": ") && said.contains("others can write to this folder"), said);
    }

    @Test
    void aFolderThatForbidsExecutionIsNamed() throws Exception {
        String noexec = System.getProperty("ereferral.test.noexec");
        Assumptions.assumeTrue(noexec != null, "needs a folder mounted noexec");
        System.setProperty(NativeLibrary.FOLDER_PROPERTY, noexec);
        String said = refusal(apart(jar()));
        assertTrue(said.contains(noexec) && said.contains("noexec") && said.contains(NativeLibrary.FOLDER_PROPERTY), said);
    }

    @Test
    void twoClassLoadersUseTheLibraryAtOnce() throws Throwable {
        // From the same file, which Java lets only one of them load; and from the jar.
        System.setProperty(NativeLibrary.PATH_PROPERTY, LIBRARY.toString());
        ClassLoader first = apart();
        ClassLoader second = apart();
        assertEquals(Header.VERSION_TEXT, version(first));
        assertEquals(Header.VERSION_TEXT, version(second));
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        ClassLoader third = apart(jar());
        CompletableFuture<?>[] clinics = new CompletableFuture<?>[3];
        ClassLoader[] loaders = {first, second, third};
        for (int at = 0; at < 3; at++) {
            ClassLoader loader = loaders[at];
            Path place = Clinic.folder(folder, "clinic-" + at);
            clinics[at] = CompletableFuture.runAsync(() -> {
                try {
                    Method day = loader.loadClass("ca.ereferral.LoaderTest").getDeclaredMethod("aDay", Path.class);
                    day.setAccessible(true);
                    day.invoke(null, place);
                } catch (ReflectiveOperationException failure) {
                    throw new IllegalStateException(failure.getCause() == null ? failure : failure.getCause());
                }
            });
        }
        CompletableFuture.allOf(clinics).get();
        assertEquals(0, copies());
    }

    @Test
    void aClassLoaderThatNobodyUsesAnyMoreIsCollected() throws Throwable {
        WeakReference<ClassLoader> loader = new WeakReference<>(apart(jar()));
        Method day = loader.get().loadClass("ca.ereferral.LoaderTest").getDeclaredMethod("aDay", Path.class);
        day.setAccessible(true);
        day.invoke(null, Clinic.folder(folder, "clinic"));
        day = null;
        for (int patience = 0; loader.get() != null && patience < 100; patience++) {
            System.gc();
        }
        assertNull(loader.get());
    }

    /** What each of the class loaders does with its own copy of this package. */
    static void aDay(Path place) throws IOException {
        try (Clinic clinic = new Clinic(place, "127.0.0.1:9")) {
            assertEquals(200, clinic.receive(clinic.bundle("R-1")));
            try (Event event = clinic.event(EventKind.MESSAGE)) {
                assertEquals(Clinic.WORLD, event.message().field(Fields.PATIENT_NAME_GIVEN));
                event.done();
            }
            EReferralException failure = assertThrows(EReferralException.class, () -> clinic.engine.newDraft("nobody", "x"));
            assertEquals(Status.NOT_FOUND, failure.status());
        }
    }

    @Test
    void aHostCanLoadTheLibraryItself() throws Throwable {
        Path copy = Files.copy(LIBRARY, folder.resolve("loaded-by-the-host.so"));
        ClassLoader loader = apart();
        Method load = loader.loadClass("ca.ereferral.LoaderTest").getDeclaredMethod("loadItself", String.class);
        load.setAccessible(true);
        load.invoke(null, copy.toString());
        assertEquals(Header.VERSION_TEXT, version(loader));
    }

    static void loadItself(String file) {
        System.load(file);
        NativeLibrary.assumeLoaded();
    }

    @Test
    void aHostThatLoadedNothingIsToldSo() throws Exception {
        ClassLoader loader = apart(jar());
        Method assume = loader.loadClass("ca.ereferral.NativeLibrary").getMethod("assumeLoaded");
        assume.invoke(null);
        assertTrue(refusal(loader).contains("the library that the host loaded is not the native library of this package"));
    }
}
