package ca.ereferral;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * A configuration being put together: one JSON document (docs/configuration.md) and the secrets it names. One call at a time: a second
 * one at the same time gets {@link Status#BUSY}. Engines made from it have their own copy.
 */
public final class Config extends Handle {
    /** Begins an empty configuration. */
    public Config() {
        super(create(), Native::configFree);
    }

    private static long create() {
        NativeLibrary.load();
        return Native.configNew();
    }

    /**
     * Takes the document from a text ({@code eref_config_parse_json}). Paths in it must be absolute, unless it sets "base_dir".
     *
     * @param json the document
     * @return this configuration
     * @throws EReferralException {@link Status#CONFIG}: the message names the path in the document, what was found and what was expected
     */
    public Config parseJson(String json) {
        byte[] text = Utf8.needed(json, "json");
        run(config -> Native.configParseJson(config, text));
        return this;
    }

    /**
     * Takes the document from a file ({@code eref_config_read_file}). Paths in it are relative to the file's folder.
     *
     * @param file the file
     * @return this configuration
     * @throws EReferralException {@link Status#CONFIG}, also when the file cannot be read or is not JSON
     */
    public Config readFile(Path file) {
        byte[] path = Utf8.bytes(file.toString());
        run(config -> Native.configReadFile(config, path));
        return this;
    }

    /**
     * Sets a secret that the document refers to as {"named": "name"} ({@code eref_config_set_secret}).
     *
     * @param name the name in the document
     * @param secret the secret; every copy made of it here is wiped when it is no longer needed, the String is the caller's
     * @return this configuration
     * @throws EReferralException {@link Status#INVALID_ARGUMENT}
     */
    public Config setSecret(String name, String secret) {
        byte[] key = Utf8.needed(name, "name");
        byte[] value = Utf8.needed(secret, "secret");
        try {
            run(config -> Native.configSetSecret(config, key, value));
        } finally {
            Arrays.fill(value, (byte) 0);
        }
        return this;
    }
}
