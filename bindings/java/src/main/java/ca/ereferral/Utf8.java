package ca.ereferral;

import java.nio.CharBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text across the border: strict going in, so that nothing is ever replaced by a question mark, and as it comes coming out. */
final class Utf8 {
    private Utf8() {
    }

    /** The bytes of a text; null is the empty text of C. Half a character (a lone surrogate) is refused. */
    static byte[] bytes(String text) {
        if (text == null) {
            return null;
        }
        for (int at = 0; at < text.length(); at++) {
            if (Character.isSurrogate(text.charAt(at))) {
                return strict(text);
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] strict(String text) {
        try {
            ByteBuffer buffer = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            return bytes;
        } catch (CharacterCodingException unpaired) {
            throw new IllegalArgumentException("the text has half a character (a lone surrogate)", unpaired);
        }
    }

    /** Like {@link #bytes}, for a text that has to be there. */
    static byte[] needed(String text, String name) {
        if (text == null) {
            throw new NullPointerException(name);
        }
        return bytes(text);
    }

    /** A text that came from C; null when there was none. */
    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
