/* What only the tests need: the export that panics, and how much native memory is in use. */
#include <malloc.h>

#include "../../../native/shim.h"

int32_t eref_test_panic(eref_config *config, eref_error **error); /* only in libraries built with the feature test-panic */

JNIEXPORT void JNICALL Java_ca_ereferral_TestNatives_panic(JNIEnv *env, jclass type, jlong config)
{
    (void)type;
    CALL(eref_test_panic(AS(eref_config, config), &error));
}

JNIEXPORT jlong JNICALL Java_ca_ereferral_TestNatives_bytesInUse(JNIEnv *env, jclass type)
{
    struct mallinfo2 info = mallinfo2();
    (void)env;
    (void)type;
    return (jlong)(info.uordblks + info.hblkhd);
}
