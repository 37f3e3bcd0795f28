/* What only the tests need: the exports that panic and make events, and how much native memory is in use. */
#include <malloc.h>

#include "../../../native/shim.h"

/* Only in libraries built with the feature test-panic. */
int32_t eref_test_panic(eref_config *config, eref_error **error);
int32_t eref_test_events(const eref_engine *engine, uint32_t count, eref_error **error);

JNIEXPORT void JNICALL Java_ca_ereferral_TestNatives_panic(JNIEnv *env, jclass type, jlong config)
{
    (void)type;
    CALL(eref_test_panic(AS(eref_config, config), &error));
}

JNIEXPORT void JNICALL Java_ca_ereferral_TestNatives_events(JNIEnv *env, jclass type, jlong engine, jint count)
{
    (void)type;
    CALL(eref_test_events(AS(eref_engine, engine), (uint32_t)count, &error));
}

JNIEXPORT jlong JNICALL Java_ca_ereferral_TestNatives_bytesInUse(JNIEnv *env, jclass type)
{
    struct mallinfo2 info = mallinfo2();
    (void)env;
    (void)type;
    return (jlong)(info.uordblks + info.hblkhd);
}
