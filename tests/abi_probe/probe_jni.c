/* What stands between Java and the C ABI. Handles are longs; text is UTF-8 in byte arrays, because the text of JNI's own
   GetStringUTFChars is not UTF-8; a failure becomes an exception "STATUS NAME: message". */
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ereferral.h"

int32_t eref_test_panic(eref_config *config, eref_error **error); /* only in libraries built with the feature test-panic */

#define N EREF_NUL_TERMINATED
#define FN(type, name) JNIEXPORT type JNICALL Java_Probe_##name
#define JAVA JNIEnv *env, jclass type_
#define HANDLE(type, value) ((type *)(intptr_t)(value))
#define UNUSED (void)type_

static void check(JNIEnv *env, int32_t status, eref_error *error)
{
    char said[1000];
    eref_text why;
    if (status == EREF_OK) return;
    eref_error_message(error, &why);
    snprintf(said, sizeof said, "%d %s: %s", (int)status, eref_status_name(status), why.data ? why.data : "");
    eref_error_free(error);
    (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/IllegalStateException"), said);
}

/* The call comes first: C does not say in which order arguments are worked out. */
#define CALL(call) do { int32_t status_ = (call); check(env, status_, error); } while (0)

/* A copy with a NUL behind it; the caller frees it. */
static char *copy(JNIEnv *env, jbyteArray bytes)
{
    jsize len = (*env)->GetArrayLength(env, bytes);
    char *text = malloc((size_t)len + 1);
    if (!text) abort();
    (*env)->GetByteArrayRegion(env, bytes, 0, len, (jbyte *)text);
    text[len] = 0;
    return text;
}

static jbyteArray bytes(JNIEnv *env, eref_text text)
{
    jbyteArray array = text.data ? (*env)->NewByteArray(env, (jsize)text.len) : NULL;
    if (array) (*env)->SetByteArrayRegion(env, array, 0, (jsize)text.len, (const jbyte *)text.data);
    return array;
}

FN(jint, abiNumber)(JAVA) { (void)env; UNUSED; return eref_abi_number() == EREF_ABI_NUMBER ? EREF_ABI_NUMBER : 0; }

FN(jlong, open)(JAVA, jbyteArray file)
{
    char *path = copy(env, file);
    eref_config *config = NULL; eref_engine *engine = NULL; eref_error *error = NULL;
    int32_t status = eref_config_new(&config, &error);
    UNUSED;
    if (!status) status = eref_config_read_file(config, path, N, &error);
    if (!status) status = eref_engine_new(config, &engine, &error);
    if (!status) status = eref_engine_start(engine, &error);
    if (status) { eref_engine_free(engine); engine = NULL; }
    eref_config_free(config);
    free(path);
    check(env, status, error);
    return (jlong)(intptr_t)engine;
}

FN(void, close)(JAVA, jlong engine)
{
    eref_error *error = NULL;
    UNUSED;
    CALL(eref_engine_stop(HANDLE(eref_engine, engine), 10000, &error));
    eref_engine_free(HANDLE(eref_engine, engine));
}

FN(jbyteArray, launch)(JAVA, jlong engine, jbyteArray request)
{
    char *text = copy(env, request);
    eref_launch *launch = NULL; eref_error *error = NULL; eref_text url;
    jbyteArray result;
    int32_t status = eref_launch_start(HANDLE(eref_engine, engine), text, N, &launch, &error);
    UNUSED;
    free(text);
    eref_launch_url(launch, &url);
    result = bytes(env, url);
    eref_launch_free(launch);
    check(env, status, error);
    return result;
}

FN(jlong, eventNext)(JAVA, jlong engine, jint kinds, jint timeout)
{
    eref_event *event = NULL; eref_error *error = NULL;
    UNUSED;
    CALL(eref_event_next(HANDLE(eref_engine, engine), (uint32_t)kinds, (uint32_t)timeout, NULL, &event, &error));
    return (jlong)(intptr_t)event;
}

/* A field of the event's message, or of the event itself where it has none. */
FN(jbyteArray, eventField)(JAVA, jlong event, jbyteArray name)
{
    char *text = copy(env, name);
    const eref_message *message = eref_event_message(HANDLE(eref_event, event));
    eref_error *error = NULL; eref_text value;
    int32_t status = message ? eref_message_field(message, text, N, &value, &error)
                             : eref_event_field(HANDLE(eref_event, event), text, N, &value, &error);
    UNUSED;
    free(text);
    check(env, status, error);
    return bytes(env, value);
}

FN(void, eventDone)(JAVA, jlong event)
{
    eref_error *error = NULL;
    UNUSED;
    CALL(eref_event_done(HANDLE(eref_event, event), &error));
    eref_event_free(HANDLE(eref_event, event));
}

FN(jlong, draft)(JAVA, jlong engine)
{
    eref_draft *draft = NULL; eref_error *error = NULL;
    UNUSED;
    CALL(eref_draft_new(HANDLE(eref_engine, engine), "self", N, "add-service-request", N, &draft, &error));
    return (jlong)(intptr_t)draft;
}

FN(void, draftSet)(JAVA, jlong draft, jbyteArray name, jbyteArray value)
{
    char *field = copy(env, name), *text = copy(env, value);
    eref_error *error = NULL;
    UNUSED;
    CALL(eref_draft_set(HANDLE(eref_draft, draft), field, N, text, N, &error));
    free(field);
    free(text);
}

FN(void, send)(JAVA, jlong engine, jlong draft, jbyteArray key)
{
    char *text = copy(env, key);
    eref_message *message = NULL; eref_delivery *delivery = NULL; eref_error *error = NULL;
    int32_t status = eref_draft_build(HANDLE(eref_draft, draft), &message, &error);
    UNUSED;
    if (!status) status = eref_send(HANDLE(eref_engine, engine), "self", N, text, N, message, &delivery, &error);
    free(text);
    eref_delivery_free(delivery);
    eref_message_free(message);
    eref_draft_free(HANDLE(eref_draft, draft));
    check(env, status, error);
}

FN(void, panic)(JAVA)
{
    eref_error *error = NULL;
    UNUSED;
    CALL(eref_test_panic(NULL, &error));
}
