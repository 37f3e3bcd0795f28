/* Messages, drafts, and sending. */
#include "shim.h"

/* ---- messages ---- */

FN(jlong, messageParse)(JAVA, jbyteArray bundle)
{
    eref_message *out = NULL;
    input x;
    (void)native;
    if (!take(env, bundle, &x)) return 0;
    CALL(eref_message_parse(x.data, x.len, &out, &error));
    done(&x);
    return LONG(out);
}

TEXT_OF(messageEvent, eref_message, eref_message_event)

FN(jbyteArray, messageField)(JAVA, jlong message, jbyteArray name)
{
    eref_text out = { NULL, 0 };
    input x;
    (void)native;
    if (!take(env, name, &x)) return NULL;
    CALL(eref_message_field(AS(eref_message, message), x.data, x.len, &out, &error));
    done(&x);
    return text(env, out);
}

FN(jlong, messageFieldCount)(JAVA, jlong message, jbyteArray name)
{
    size_t count = 0;
    input x;
    (void)native;
    if (!take(env, name, &x)) return 0;
    CALL(eref_message_field_count(AS(eref_message, message), x.data, x.len, &count, &error));
    done(&x);
    return (jlong)count;
}

TEXT_OF(messageJson, eref_message, eref_message_json)
TEXT_OF(messageBundle, eref_message, eref_message_bundle)
TEXT_OF(messageIssues, eref_message, eref_message_issues)
NUMBER_OF(messageAttachmentCount, jlong, eref_message, eref_message_attachment_count)

/* Reads into part of an array, at most one piece at a time; Java has checked the bounds. */
FN(jint, messageAttachmentRead)(JAVA, jlong message, jlong index, jlong offset, jbyteArray buffer, jint at, jint length)
{
    uint8_t piece[16384];
    size_t wanted = (size_t)length < sizeof piece ? (size_t)length : sizeof piece, got = 0;
    (void)native;
    CALL(eref_message_attachment_read(AS(eref_message, message), (size_t)index, (size_t)offset, piece, wanted, &got, &error));
    if (got) (*env)->SetByteArrayRegion(env, buffer, at, (jsize)got, (const jbyte *)piece);
    return (jint)got;
}

FN(void, messageAttachmentCheck)(JAVA, jlong message, jlong index)
{
    (void)native;
    CALL(eref_message_attachment_check(AS(eref_message, message), (size_t)index, &error));
}

FN(jbyteArray, messageAttachmentType)(JAVA, jlong message, jlong index)
{
    eref_text out = { NULL, 0 };
    (void)native;
    CALL(eref_message_attachment_type(AS(eref_message, message), (size_t)index, &out, &error));
    return text(env, out);
}

FN(void, attachmentFetch)(JAVA, jlong engine, jlong message, jlong index, jint timeout, jlong cancel)
{
    (void)native;
    CALL(eref_attachment_fetch(AS(eref_engine, engine), AS(eref_message, message), (size_t)index, (uint32_t)timeout,
                               AS(eref_cancel, cancel), &error));
}

FREE(messageFree, eref_message, eref_message_free)

/* ---- drafts ---- */

FN(jlong, draftNew)(JAVA, jlong engine, jbyteArray partner, jbyteArray event)
{
    eref_draft *out = NULL;
    input x, y;
    (void)native;
    if (!take(env, partner, &x)) return 0;
    if (take(env, event, &y)) {
        CALL(eref_draft_new(AS(eref_engine, engine), x.data, x.len, y.data, y.len, &out, &error));
        done(&y);
    }
    done(&x);
    return LONG(out);
}

FN(jlong, draftNewFor)(JAVA, jlong engine, jbyteArray partner, jbyteArray event, jbyteArray referral, jbyteArray relation)
{
    eref_draft *out = NULL;
    input x, y, z, w;
    (void)native;
    if (!take(env, partner, &x)) return 0;
    if (take(env, event, &y)) {
        if (take(env, referral, &z)) {
            if (take(env, relation, &w)) {
                CALL(eref_draft_new_for(AS(eref_engine, engine), x.data, x.len, y.data, y.len, z.data, z.len, w.data, w.len, &out, &error));
                done(&w);
            }
            done(&z);
        }
        done(&y);
    }
    done(&x);
    return LONG(out);
}

FN(jbyteArray, draftFieldsJson)(JAVA, jlong draft)
{
    eref_string *out = NULL;
    (void)native;
    CALL(eref_draft_fields_json(AS(eref_draft, draft), &out, &error));
    return owned(env, out);
}

DO2(draftSet, eref_draft, eref_draft_set)
DO1(draftAddResource, eref_draft, eref_draft_add_resource)

/* The three ways to add a file take three texts; the third is a URL, or the content. */
#define ATTACH(name, third, export)                                                                       \
    FN(void, name)(JAVA, jlong draft, jbyteArray title, jbyteArray type, jbyteArray last)                 \
    {                                                                                                     \
        input x, y, z;                                                                                    \
        (void)native;                                                                                     \
        if (!take(env, title, &x)) return;                                                                \
        if (take(env, type, &y)) {                                                                        \
            if (take(env, last, &z)) {                                                                    \
                CALL(export(AS(eref_draft, draft), x.data, x.len, y.data, y.len, (third *)z.data, z.len, &error)); \
                done(&z);                                                                                 \
            }                                                                                             \
            done(&y);                                                                                     \
        }                                                                                                 \
        done(&x);                                                                                         \
    }

ATTACH(draftAddAttachment, const uint8_t, eref_draft_add_attachment)
ATTACH(draftAddAttachmentServed, const uint8_t, eref_draft_add_attachment_served)
ATTACH(draftAddAttachmentUrl, const char, eref_draft_add_attachment_url)

FN(jlong, draftBuild)(JAVA, jlong draft)
{
    eref_message *out = NULL;
    (void)native;
    CALL(eref_draft_build(AS(eref_draft, draft), &out, &error));
    return LONG(out);
}

FREE(draftFree, eref_draft, eref_draft_free)

/* ---- sending ---- */

/* send and deliveryReplace: two texts and a message make a delivery. */
#define SEND(name, export)                                                                                \
    FN(jlong, name)(JAVA, jlong engine, jbyteArray a, jbyteArray b, jlong message)                        \
    {                                                                                                     \
        eref_delivery *out = NULL;                                                                        \
        input x, y;                                                                                       \
        (void)native;                                                                                     \
        if (!take(env, a, &x)) return 0;                                                                  \
        if (take(env, b, &y)) {                                                                           \
            CALL(export(AS(eref_engine, engine), x.data, x.len, y.data, y.len, AS(eref_message, message), &out, &error)); \
            done(&y);                                                                                     \
        }                                                                                                 \
        done(&x);                                                                                         \
        return LONG(out);                                                                                 \
    }

SEND(send, eref_send)

FN(jlong, sendWith)(JAVA, jlong engine, jbyteArray partner, jbyteArray key, jlong message, jbyteArray options)
{
    eref_delivery *out = NULL;
    input x, y, z;
    (void)native;
    if (!take(env, partner, &x)) return 0;
    if (take(env, key, &y)) {
        if (take(env, options, &z)) {
            CALL(eref_send_with(AS(eref_engine, engine), x.data, x.len, y.data, y.len, AS(eref_message, message), z.data, z.len, &out, &error));
            done(&z);
        }
        done(&y);
    }
    done(&x);
    return LONG(out);
}

MAKE1(deliveryFind, eref_delivery, eref_delivery_find)
MAKE1(deliveryResend, eref_delivery, eref_delivery_resend)
SEND(deliveryReplace, eref_delivery_replace)
DO2(deliveryDrop, eref_engine, eref_delivery_drop)

FN(jbyteArray, deliveryList)(JAVA, jlong engine, jint state, jint limit)
{
    eref_string *out = NULL;
    (void)native;
    CALL(eref_delivery_list(AS(eref_engine, engine), state, (uint32_t)limit, &out, &error));
    return owned(env, out);
}

TEXT_OF(deliveryId, eref_delivery, eref_delivery_id)
NUMBER_OF(deliveryState, jint, eref_delivery, eref_delivery_state)
NUMBER_OF(deliveryIsRepeat, jboolean, eref_delivery, eref_delivery_is_repeat)
TEXT_OF(deliveryJson, eref_delivery, eref_delivery_json)
FREE(deliveryFree, eref_delivery, eref_delivery_free)
