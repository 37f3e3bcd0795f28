/* A fault inside the library ends as EREF_PANIC; the process, and other handles, go on. */
#include <stdio.h>
#include <string.h>
#include "ereferral.h"

int32_t eref_test_panic(eref_config *config, eref_error **error); /* only in libraries built with the feature test-panic */

#define CHECK(condition) do { if (!(condition)) { printf("line %d: %s\n", __LINE__, #condition); return 1; } } while (0)

int main(void)
{
    eref_config *broken = NULL, *whole = NULL;
    eref_error *error = NULL;
    eref_text text;

    CHECK(eref_test_panic(NULL, NULL) == EREF_PANIC);
    CHECK(eref_test_panic(NULL, &error) == EREF_PANIC);
    eref_error_message(error, &text);
    CHECK(strstr(text.data, "eref_test_panic") != NULL && strstr(text.data, "test_panic.rs:") != NULL);
    CHECK(strstr(text.data, "Testpatient") == NULL);
    CHECK(eref_error_category(error) == EREF_CATEGORY_INTERNAL && !eref_error_is_retriable(error));
    eref_error_free(error);

    CHECK(eref_config_new(&broken, NULL) == EREF_OK && eref_config_new(&whole, NULL) == EREF_OK);
    CHECK(eref_test_panic(broken, NULL) == EREF_PANIC);
    CHECK(eref_config_set_secret(broken, "a", 1, "b", 1, NULL) == EREF_POISONED);
    CHECK(eref_config_set_secret(whole, "a", 1, "b", 1, NULL) == EREF_OK);
    eref_config_free(broken);
    eref_config_free(whole);
    return 0;
}
