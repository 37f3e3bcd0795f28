/* A native library of another version: it knows who it is, and nothing else. Compiled with -DABI=N -DVERSION="...". */
#include <jni.h>
#include <string.h>

JNIEXPORT jint JNICALL Java_ca_ereferral_Native_abiNumber(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    return ABI;
}

JNIEXPORT jbyteArray JNICALL Java_ca_ereferral_Native_versionText(JNIEnv *env, jclass type)
{
    static const char version[] = VERSION;
    jbyteArray array = (*env)->NewByteArray(env, (jsize)strlen(version));
    (void)type;
    if (array) (*env)->SetByteArrayRegion(env, array, 0, (jsize)strlen(version), (const jbyte *)version);
    return array;
}
