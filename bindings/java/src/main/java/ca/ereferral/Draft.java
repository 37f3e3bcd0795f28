package ca.ereferral;

import java.util.Objects;

/** A message being composed from plain fields, the host's own FHIR resources, and files. One call at a time. */
public final class Draft extends Handle {
    Draft(long pointer) {
        super(pointer, Native::draftFree);
    }

    /**
     * The form to fill ({@code eref_draft_fields_json}, docs/schema/form.json).
     *
     * @return a JSON object with name, format, codes and an example of every field that means something for this event
     */
    public String fieldsJson() {
        return text(Native::draftFieldsJson);
    }

    /**
     * Sets a field by its plain name ({@code eref_draft_set}).
     *
     * @param name one of {@link Fields}; {@link Fields#at} and {@link Fields#next} reach further repetitions
     * @param value the value; empty removes the field
     * @return this draft
     * @throws EReferralException {@link Status#UNKNOWN_FIELD}, {@link Status#INVALID_FIELD} (the message names field and expected form)
     */
    public Draft set(String name, String value) {
        byte[] key = Utf8.needed(name, "name");
        byte[] text = Utf8.bytes(value);
        run(draft -> Native.draftSet(draft, key, text));
        return this;
    }

    /**
     * Adds a FHIR resource of the host's own; what it says wins over fields of the same meaning ({@code eref_draft_add_resource}).
     *
     * @param json the resource
     * @return this draft
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_CONTENT}, {@link Status#TOO_LARGE}
     */
    public Draft addResource(String json) {
        byte[] resource = Utf8.needed(json, "json");
        run(draft -> Native.draftAddResource(draft, resource));
        return this;
    }

    /**
     * Adds a file that goes in the message ({@code eref_draft_add_attachment}).
     *
     * @param title a file name with its extension
     * @param contentType its MIME type
     * @param data its content
     * @return this draft
     * @throws EReferralException {@link Status#TOO_LARGE}, {@link Status#INVALID_ARGUMENT}
     */
    public Draft addAttachment(String title, String contentType, byte[] data) {
        byte[] name = Utf8.needed(title, "title");
        byte[] type = Utf8.needed(contentType, "contentType");
        Objects.requireNonNull(data, "data");
        run(draft -> Native.draftAddAttachment(draft, name, type, data));
        return this;
    }

    /**
     * Adds a file that the partner fetches from our FHIR API ({@code eref_draft_add_attachment_served}).
     *
     * @param title a file name with its extension
     * @param contentType its MIME type
     * @param data its content
     * @return this draft
     * @throws EReferralException {@link Status#TOO_LARGE}, {@link Status#INVALID_ARGUMENT}, {@link Status#CONFIG} (the partner has no
     *     credentials in messaging.inbound)
     */
    public Draft addAttachmentServed(String title, String contentType, byte[] data) {
        byte[] name = Utf8.needed(title, "title");
        byte[] type = Utf8.needed(contentType, "contentType");
        Objects.requireNonNull(data, "data");
        run(draft -> Native.draftAddAttachmentServed(draft, name, type, data));
        return this;
    }

    /**
     * Adds a file that the partner fetches from an address ({@code eref_draft_add_attachment_url}).
     *
     * @param title a file name with its extension
     * @param contentType its MIME type
     * @param url the address
     * @return this draft
     * @throws EReferralException {@link Status#INVALID_ARGUMENT}
     */
    public Draft addAttachmentUrl(String title, String contentType, String url) {
        byte[] name = Utf8.needed(title, "title");
        byte[] type = Utf8.needed(contentType, "contentType");
        byte[] address = Utf8.needed(url, "url");
        run(draft -> Native.draftAddAttachmentUrl(draft, name, type, address));
        return this;
    }

    /**
     * Composes the message and checks it for the partner ({@code eref_draft_build}). The draft stays as it is.
     *
     * @return the message
     * @throws EReferralException {@link Status#INVALID_FIELD} or {@link Status#INVALID_CONTENT} (the detail is an OperationOutcome with all
     *     findings at once), {@link Status#TOO_LARGE}
     */
    public Message build() {
        return new Message(with(Native::draftBuild));
    }
}
