/*
 * The Java package ca.ereferral on the C ABI of include/ereferral.h: one function here for one export there, and no rule of its own.
 *
 * Handles are longs. Text is UTF-8 in byte arrays both ways (what JNI calls UTF-8 is not); a null array is the empty text going in and
 * "there is none" coming out. A failure becomes an EReferralException. Who holds which handle, and for how long, is NativeRef's matter:
 * it never frees one that a call is using.
 *
 * The prototypes are those that javac -h writes for Native.java, so that both sides agree or this does not compile.
 */
#ifndef EREFERRAL_SHIM_H
#define EREFERRAL_SHIM_H

#include "ca_ereferral_Native.h"
#include "ereferral.h"

#define FN(type, name) JNIEXPORT type JNICALL Java_ca_ereferral_Native_##name
#define JAVA JNIEnv *env, jclass native
#define UNUSED ((void)env, (void)native)
#define AS(type, handle) ((type *)(intptr_t)(handle))
#define LONG(pointer) ((jlong)(intptr_t)(pointer))

/* A text from Java. Short ones need no allocation. */
typedef struct {
    char *data;
    size_t len;
    char small[256];
} input;

/* Copies a text out of Java; 0 with an exception when there is no memory. Give it back with done, which
 * wipes the copy: it may be a secret. */
int take(JNIEnv *env, jbyteArray array, input *in);
void done(input *in);

/* Text for Java; NULL where there is none. */
jbyteArray bytes(JNIEnv *env, const char *data, size_t len);
jbyteArray text(JNIEnv *env, eref_text from);
jbyteArray constant(JNIEnv *env, const char *from);
/* A document that the library made for us, which is freed; Java gets a copy. */
jbyteArray owned(JNIEnv *env, eref_string *string);

/* Makes a failure an exception, and frees it. */
void raise_failure(JNIEnv *env, eref_error *error);

#define CALL(call)                                       \
    do {                                                 \
        eref_error *error = NULL;                        \
        if ((call) != EREF_OK) raise_failure(env, error);\
    } while (0)

/* ---- the shapes that most functions have ---- */

#define TEXT_OF(name, type, export)                  \
    FN(jbyteArray, name)(JAVA, jlong handle)         \
    {                                                \
        eref_text out;                               \
        (void)native;                                \
        export(AS(type, handle), &out);              \
        return text(env, out);                       \
    }

#define NUMBER_OF(name, java, type, export)          \
    FN(java, name)(JAVA, jlong handle)               \
    {                                                \
        UNUSED;                                      \
        return (java)export(AS(type, handle));       \
    }

#define FREE(name, type, export)                     \
    FN(void, name)(JAVA, jlong handle)               \
    {                                                \
        UNUSED;                                      \
        export(AS(type, handle));                    \
    }

#define NEW(name, type, export)                      \
    FN(jlong, name)(JAVA)                            \
    {                                                \
        type *out = NULL;                            \
        (void)native;                                \
        CALL(export(&out, &error));                  \
        return LONG(out);                            \
    }

/* A call on a handle, without anything else. */
#define DO(name, type, export)                       \
    FN(void, name)(JAVA, jlong handle)               \
    {                                                \
        (void)native;                                \
        CALL(export(AS(type, handle), &error));      \
    }

/* A call on a handle with a text. */
#define DO1(name, type, export)                                          \
    FN(void, name)(JAVA, jlong handle, jbyteArray a)                     \
    {                                                                    \
        input x;                                                         \
        (void)native;                                                    \
        if (!take(env, a, &x)) return;                                   \
        CALL(export(AS(type, handle), x.data, x.len, &error));           \
        done(&x);                                                        \
    }

/* A call on a handle with two texts. */
#define DO2(name, type, export)                                                          \
    FN(void, name)(JAVA, jlong handle, jbyteArray a, jbyteArray b)                       \
    {                                                                                    \
        input x, y;                                                                      \
        (void)native;                                                                    \
        if (!take(env, a, &x)) return;                                                   \
        if (take(env, b, &y)) {                                                          \
            CALL(export(AS(type, handle), x.data, x.len, y.data, y.len, &error));        \
            done(&y);                                                                    \
        }                                                                                \
        done(&x);                                                                        \
    }

/* A call on an engine with a text, that makes a handle. */
#define MAKE1(name, type, export)                                        \
    FN(jlong, name)(JAVA, jlong engine, jbyteArray a)                    \
    {                                                                    \
        type *out = NULL;                                                \
        input x;                                                         \
        (void)native;                                                    \
        if (!take(env, a, &x)) return 0;                                 \
        CALL(export(AS(eref_engine, engine), x.data, x.len, &out, &error)); \
        done(&x);                                                        \
        return LONG(out);                                                \
    }

/* A document about an engine, asked for with a text. */
#define DOCUMENT1(name, export)                                          \
    FN(jbyteArray, name)(JAVA, jlong engine, jbyteArray a)               \
    {                                                                    \
        eref_string *out = NULL;                                         \
        input x;                                                         \
        (void)native;                                                    \
        if (!take(env, a, &x)) return NULL;                              \
        CALL(export(AS(eref_engine, engine), x.data, x.len, &out, &error)); \
        done(&x);                                                        \
        return owned(env, out);                                          \
    }

/* A document about an engine, asked for with a text and a limit. */
#define LIST1(name, export)                                              \
    FN(jbyteArray, name)(JAVA, jlong engine, jbyteArray a, jint limit)   \
    {                                                                    \
        eref_string *out = NULL;                                         \
        input x;                                                         \
        (void)native;                                                    \
        if (!take(env, a, &x)) return NULL;                              \
        CALL(export(AS(eref_engine, engine), x.data, x.len, (uint32_t)limit, &out, &error)); \
        done(&x);                                                        \
        return owned(env, out);                                          \
    }

#endif
