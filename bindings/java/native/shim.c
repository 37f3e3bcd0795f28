/* What the functions share: text across the border, failures, and what belongs to no object. */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

/* Weak, as a strong one would keep the class loader, and all that it loaded, for the life of the process. */
static jweak exception_class;
static jmethodID exception_new;

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    JNIEnv *env;
    jclass found;
    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
    found = (*env)->FindClass(env, "ca/ereferral/EReferralException");
    if (!found) return JNI_ERR;
    exception_class = (*env)->NewWeakGlobalRef(env, found);
    exception_new = (*env)->GetMethodID(env, found, "<init>", "(I[BIIZ[B[B)V");
    return exception_class && exception_new ? JNI_VERSION_1_8 : JNI_ERR;
}

static void no_memory(JNIEnv *env)
{
    jclass type = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
    if (type) (*env)->ThrowNew(env, type, "no memory for a text");
}

int take(JNIEnv *env, jbyteArray array, input *in)
{
    in->len = array ? (size_t)(*env)->GetArrayLength(env, array) : 0;
    in->data = in->len <= sizeof in->small ? in->small : malloc(in->len);
    if (!in->data) {
        no_memory(env);
        return 0;
    }
    if (in->len) (*env)->GetByteArrayRegion(env, array, 0, (jsize)in->len, (jbyte *)in->data);
    return 1;
}

/* Through a pointer that may change, so that the compiler cannot leave it out. */
static void *(*const volatile wipe)(void *, int, size_t) = memset;

void done(input *in)
{
    wipe(in->data, 0, in->len);
    if (in->data != in->small) free(in->data);
}

jbyteArray bytes(JNIEnv *env, const char *data, size_t len)
{
    jbyteArray array;
    if (!data) return NULL;
    if (len > INT32_MAX) {
        no_memory(env);
        return NULL;
    }
    array = (*env)->NewByteArray(env, (jsize)len);
    if (array) (*env)->SetByteArrayRegion(env, array, 0, (jsize)len, (const jbyte *)data);
    return array;
}

jbyteArray text(JNIEnv *env, eref_text from)
{
    return bytes(env, from.data, from.len);
}

jbyteArray constant(JNIEnv *env, const char *from)
{
    return bytes(env, from, from ? strlen(from) : 0);
}

void raise_failure(JNIEnv *env, eref_error *error)
{
    eref_text message, detail;
    int32_t status = eref_error_status(error);
    jbyteArray name, said, more;
    jobject thrown;
    /* There while one of its class loader's methods is running, as now. */
    jclass type = (*env)->NewLocalRef(env, exception_class);
    eref_error_message(error, &message);
    eref_error_detail(error, &detail);
    name = constant(env, eref_status_name(status));
    said = name ? text(env, message) : NULL;
    more = name && !(*env)->ExceptionCheck(env) ? text(env, detail) : NULL;
    if (!(*env)->ExceptionCheck(env)) {
        thrown = (*env)->NewObject(env, type, exception_new, (jint)status, name, (jint)eref_error_category(error),
                                   (jint)eref_error_http_status(error), (jboolean)eref_error_is_retriable(error), said, more);
        if (thrown) (*env)->Throw(env, (jthrowable)thrown);
    }
    eref_error_free(error);
}

jbyteArray owned(JNIEnv *env, eref_string *string)
{
    jbyteArray array = bytes(env, eref_string_data(string), eref_string_len(string));
    eref_string_free(string);
    return array;
}

/* ---- version ---- */

FN(jint, abiNumber)(JAVA)
{
    UNUSED;
    return eref_abi_number();
}

FN(jbyteArray, versionText)(JAVA)
{
    (void)native;
    return constant(env, eref_version_text());
}

FN(jbyteArray, buildInfo)(JAVA)
{
    (void)native;
    return constant(env, eref_build_info());
}

FN(jbyteArray, statusName)(JAVA, jint status)
{
    (void)native;
    return constant(env, eref_status_name(status));
}

/* ---- cancelling ---- */

NEW(cancelNew, eref_cancel, eref_cancel_new)
FREE(cancelSignal, const eref_cancel, eref_cancel_signal)
FREE(cancelFree, eref_cancel, eref_cancel_free)
