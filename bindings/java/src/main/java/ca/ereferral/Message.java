package ca.ereferral;

import java.io.InputStream;
import java.util.Objects;

/**
 * A message: received, parsed or composed; a value, read from any thread. The message of an event ends with that event, and closing it
 * does nothing.
 */
public final class Message extends Handle {
    /** Keeps the event from being taken for lost while its message is in use. */
    private final Event event;

    Message(long pointer) {
        super(pointer, Native::messageFree);
        event = null;
    }

    Message(Event event, long pointer) {
        super(event, pointer);
        this.event = event;
    }

    /**
     * Reads a message that did not come through an engine: a FHIR Bundle of type "message" ({@code eref_message_parse}). Needs no engine.
     *
     * @param bundle the Bundle as JSON, in UTF-8
     * @return the message
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_CONTENT} (the detail is an OperationOutcome naming the
     *     elements), {@link Status#TOO_LARGE}
     */
    public static Message parse(byte[] bundle) {
        Objects.requireNonNull(bundle, "bundle");
        NativeLibrary.load();
        return new Message(Native.messageParse(bundle));
    }

    /**
     * What happened, as the guide's event code.
     *
     * @return for example "notify-add-appointment"
     */
    public String event() {
        return text(Native::messageEvent);
    }

    /**
     * One field by its plain name ({@code eref_message_field}).
     *
     * @param name one of {@link Fields}, or with the numbers of its repetitions: "patient.identifier[1].value"
     * @return the value, null when the message does not say
     * @throws EReferralException {@link Status#UNKNOWN_FIELD}
     */
    public String field(String name) {
        byte[] key = Utf8.needed(name, "name");
        return text(message -> Native.messageField(message, key));
    }

    /**
     * How often a repeating field or group occurs ({@code eref_message_field_count}).
     *
     * @param name for example "patient.identifier"
     * @return how often
     * @throws EReferralException {@link Status#UNKNOWN_FIELD}
     */
    public long fieldCount(String name) {
        byte[] key = Utf8.needed(name, "name");
        return with(message -> Native.messageFieldCount(message, key));
    }

    /**
     * The whole notification (docs/schema/notification.json): referral, patient, what happened.
     *
     * @return a JSON object
     */
    public String json() {
        return text(Native::messageJson);
    }

    /**
     * The Bundle, byte for byte as it was received or will be sent.
     *
     * @return a copy of the bytes
     */
    public byte[] bundle() {
        return with(Native::messageBundle);
    }

    /**
     * Everything found wrong or odd in the message ({@code eref_message_issues}); the first call checks it. Findings refuse nothing.
     *
     * @return an OperationOutcome as JSON
     */
    public String issues() {
        return text(Native::messageIssues);
    }

    /**
     * How many attachments the message has, those included that are only a URL.
     *
     * @return how many
     */
    public long attachmentCount() {
        return with(Native::messageAttachmentCount);
    }

    /**
     * Decodes a piece of an attachment ({@code eref_message_attachment_read}); {@link #attachment} reads it as a stream.
     *
     * @param index which attachment, from 0
     * @param offset where in the decoded content to begin
     * @param buffer where to put the bytes
     * @param at where in the buffer to begin
     * @param length how many bytes at most
     * @return how many bytes it was, perhaps fewer than wanted; 0 at the end
     * @throws EReferralException {@link Status#NOT_FOUND} (no such attachment, or only a URL and not fetched), {@link Status#INVALID_CONTENT}
     *     (not base64)
     */
    public int readAttachment(long index, long offset, byte[] buffer, int at, int length) {
        if (at < 0 || length < 0 || length > buffer.length - at || index < 0 || offset < 0) {
            throw new IndexOutOfBoundsException("index " + index + ", offset " + offset + ", at " + at + ", length " + length);
        }
        return number(message -> Native.messageAttachmentRead(message, index, offset, buffer, at, length));
    }

    /**
     * An attachment as a stream, decoded while it is read. The stream fails with {@link IllegalStateException} after the message is closed.
     *
     * @param index which attachment, from 0
     * @return the stream; it need not be closed
     */
    public InputStream attachment(long index) {
        return new AttachmentStream(this, index);
    }

    /**
     * Compares an attachment with the size and the hash that the message states of it ({@code eref_message_attachment_check}).
     *
     * @param index which attachment, from 0
     * @throws EReferralException {@link Status#INVALID_CONTENT} when they differ, {@link Status#NOT_FOUND}
     */
    public void checkAttachment(long index) {
        run(message -> Native.messageAttachmentCheck(message, index));
    }

    /**
     * The media type of an attachment ({@code eref_message_attachment_type}).
     *
     * @param index which attachment, from 0
     * @return the media type, null when nobody said
     * @throws EReferralException {@link Status#NOT_FOUND}
     */
    public String attachmentType(long index) {
        return text(message -> Native.messageAttachmentType(message, index));
    }

    /** Frees the message; one that belongs to an event stays until the event is closed. */
    @Override
    public void close() {
        if (event == null) {
            super.close();
        }
    }
}
