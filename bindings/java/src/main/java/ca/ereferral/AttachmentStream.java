package ca.ereferral;

import java.io.InputStream;

/** Reads an attachment piece by piece. */
final class AttachmentStream extends InputStream {
    private final Message message;
    private final long index;
    private long offset;

    AttachmentStream(Message message, long index) {
        this.message = message;
        this.index = index;
    }

    @Override
    public int read() {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int at, int length) {
        int got = message.readAttachment(index, offset, buffer, at, length);
        offset += got;
        return got == 0 && length > 0 ? -1 : got;
    }
}
