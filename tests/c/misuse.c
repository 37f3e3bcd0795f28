/* Wrong types, wrong texts, freeing twice, two threads on one exclusive handle: refused, never a crash. Needs no engine.
   With an argument, nothing is freed twice: that reads freed memory, which valgrind rightly reports. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "ereferral.h"

#define CHECK(condition) do { if (!(condition)) { printf("line %d: %s\n", __LINE__, #condition); return 1; } } while (0)

static int texts(eref_config *config)
{
    eref_error *error = NULL;
    eref_text text;
    char big[4] = { 'a', '\0', 'b', '\xE9' };

    CHECK(eref_config_set_secret(config, big, 3, "x", 1, &error) == EREF_INVALID_ARGUMENT); /* a NUL inside a name */
    eref_error_free(error);
    CHECK(eref_config_set_secret(config, "name", 4, big, 4, &error) == EREF_INVALID_UTF8);
    eref_error_message(error, &text);
    CHECK(strstr(text.data, "offset 3") != NULL && strlen(text.data) == text.len);
    eref_error_free(error);
    CHECK(eref_config_set_secret(config, "name", (size_t)-2, "x", 1, NULL) == EREF_INVALID_ARGUMENT); /* no buffer is that long */
    CHECK(eref_config_set_secret(config, NULL, 4, "x", 1, NULL) == EREF_INVALID_ARGUMENT);
    return 0;
}

static void *hammer(void *config)
{
    int i, other = 0;
    for (i = 0; i < 2000; i++) {
        int32_t status = eref_config_set_secret(config, "name", EREF_NUL_TERMINATED, "value", EREF_NUL_TERMINATED, NULL);
        other += status != EREF_OK && status != EREF_BUSY;
    }
    return other ? config : NULL;
}

static int two_threads(eref_config *config)
{
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, hammer, config) == 0);
    CHECK(hammer(config) == NULL);
    CHECK(pthread_join(thread, &result) == 0 && result == NULL);
    return 0;
}

int main(int argc, char **argv)
{
    eref_config *config = NULL;
    eref_cancel *cancel = NULL;
    eref_error *error = NULL;
    eref_message *message = NULL;

    CHECK(eref_config_new(&config, NULL) == EREF_OK && eref_cancel_new(&cancel, NULL) == EREF_OK);
    CHECK(texts(config) == 0);
    CHECK(two_threads(config) == 0);

    /* A handle of another type. */
    CHECK(eref_config_set_secret((eref_config *)(void *)cancel, "a", 1, "b", 1, NULL) == EREF_INVALID_ARGUMENT);
    CHECK(eref_engine_start((eref_engine *)(void *)config, NULL) == EREF_INVALID_ARGUMENT);
    eref_config_free((eref_config *)(void *)cancel);
    eref_cancel_signal(cancel);

    /* No JSON, and no message. */
    CHECK(eref_message_parse("{", 1, &message, &error) != EREF_OK && message == NULL && error != NULL);
    eref_error_free(error);

    eref_config_free(config);
    eref_cancel_free(cancel);
    if (argc > 1) return argv[1] == NULL;
    /* Freed twice: the second does nothing. */
    eref_config_free(config);
    eref_cancel_free(cancel);
    return 0;
}
