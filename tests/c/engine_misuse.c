/* Calls on an engine at the wrong time, from the wrong process, and with calls under way. Usage: engine_misuse CONFIG */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED
#define CHECK(condition) do { if (!(condition)) { printf("line %d: %s\n", __LINE__, #condition); return 1; } } while (0)

static eref_engine *engine;
static eref_cancel *cancel;

static int explain(int line, int32_t status, eref_error *error)
{
    eref_text text;
    if (status == EREF_OK) return 0;
    eref_error_message(error, &text);
    printf("line %d: %s: %s\n", line, eref_status_name(status), text.data ? text.data : "");
    eref_error_free(error);
    return 1;
}
#define OK(call) do { eref_error *error = NULL; int32_t status_ = (call); if (explain(__LINE__, status_, error)) return 1; } while (0)

static void *wait_for_event(void *status)
{
    eref_event *event = NULL;
    *(int32_t *)status = eref_event_next(engine, EREF_EVENT_ALL, EREF_NO_TIMEOUT, cancel, &event, NULL);
    eref_event_free(event);
    return NULL;
}

static int launch_and_its_event(void)
{
    static const char request[] = "{\"partner\": \"sandbox\", \"user\": {\"id\": \"u1\"}, \"patient\": \"p1\", \"session\": \"s1\","
                                  " \"chart\": [{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \"Testpatient\"}]}]}";
    eref_launch *launch = NULL;
    eref_event *event = NULL;
    eref_text id, found;
    uint32_t ended = 0;

    OK(eref_launch_start(engine, request, N, &launch, &error));
    eref_launch_id(launch, &id);
    OK(eref_session_end(engine, "s1", N, &ended, &error));
    CHECK(ended == 1);
    CHECK(eref_launch_end(engine, id.data, id.len, NULL) == EREF_NOT_FOUND); /* it has ended */
    OK(eref_event_next(engine, EREF_EVENT_LAUNCH, 10000, NULL, &event, &error));
    CHECK(eref_event_kind(event) == EREF_EVENT_LAUNCH && eref_event_attempt(event) == 1 && eref_event_message(event) == NULL);
    OK(eref_event_field(event, "launch_id", N, &found, &error));
    CHECK(found.data != NULL && strcmp(found.data, id.data) == 0);
    CHECK(eref_event_answer(event, "{}", N, NULL) == EREF_WRONG_STATE); /* not a question */
    CHECK(eref_event_refuse(event, 7, "no", N, NULL) == EREF_INVALID_ARGUMENT);
    CHECK(eref_event_retry(event, 0, "later", N, NULL) == EREF_WRONG_STATE); /* not durable */
    eref_event_partner(event, &found);
    CHECK(found.data != NULL && strcmp(found.data, "sandbox") == 0);
    eref_event_free(event);
    eref_launch_free(launch);
    return 0;
}

/* The configuration turns browser binding off, which is a standing alert about that partner. */
static int alert_of_a_weak_setting(void)
{
    eref_event *event = NULL;
    eref_text partner;

    OK(eref_event_next(engine, EREF_EVENT_ALERT, 10000, NULL, &event, &error));
    eref_event_partner(event, &partner);
    CHECK(partner.data != NULL && strcmp(partner.data, "sandbox") == 0);
    OK(eref_event_done(event, &error));
    CHECK(eref_event_done(event, NULL) == EREF_WRONG_STATE);
    eref_event_free(event);
    return 0;
}

static int forked_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        eref_string *text = NULL;
        int wrong = eref_engine_status_json(engine, &text, NULL) != EREF_FORKED || eref_engine_stop(engine, 0, NULL) != EREF_FORKED;
        eref_engine_free(engine);
        _exit(wrong);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

int main(int argc, char **argv)
{
    eref_config *config = NULL;
    eref_event *event = NULL;
    eref_draft *draft = NULL;
    eref_message *message = NULL;
    eref_string *text = NULL;
    pthread_t waiter;
    int32_t waited = EREF_OK;
    eref_text value;

    CHECK(argc == 2);
    OK(eref_config_new(&config, &error));
    CHECK(eref_engine_new(config, &engine, NULL) == EREF_CONFIG && engine == NULL); /* nothing configured yet */
    OK(eref_config_read_file(config, argv[1], N, &error));
    OK(eref_engine_new(config, &engine, &error));

    /* Before the start. */
    CHECK(eref_engine_pump(engine, 0, &waited, NULL) == EREF_WRONG_STATE);
    CHECK(eref_engine_stop(engine, 100, NULL) == EREF_WRONG_STATE);
    CHECK(alert_of_a_weak_setting() == 0);
    CHECK(eref_event_next(engine, EREF_EVENT_ALL, 0, NULL, &event, NULL) == EREF_TIMEOUT && event == NULL);

    OK(eref_engine_start(engine, &error));
    CHECK(eref_engine_start(engine, NULL) == EREF_WRONG_STATE);
    CHECK(eref_event_next(engine, 0, 0, NULL, &event, NULL) == EREF_INVALID_ARGUMENT);
    CHECK(eref_draft_new(engine, "nobody", N, "add-service-request", N, &draft, NULL) == EREF_NOT_FOUND && draft == NULL);
    CHECK(eref_draft_new(engine, "sandbox", N, "no-such-event", N, &draft, NULL) == EREF_UNKNOWN_EVENT && draft == NULL);
    CHECK(eref_delivery_list(engine, 99, 10, &text, NULL) == EREF_INVALID_ARGUMENT && text == NULL);
    CHECK(launch_and_its_event() == 0);
    CHECK(forked_child() == 0);

    /* Frees with calls under way: the waiting call goes on and is cancelled; the draft keeps what it needs of the engine. */
    OK(eref_cancel_new(&cancel, &error));
    OK(eref_draft_new(engine, "sandbox", N, "add-service-request", N, &draft, &error));
    CHECK(pthread_create(&waiter, NULL, wait_for_event, &waited) == 0);
    eref_cancel_signal(cancel);
    CHECK(pthread_join(waiter, NULL) == 0);
    CHECK(waited == EREF_CANCELLED || waited == EREF_OK); /* OK: an event came first */
    OK(eref_engine_stop(engine, 10000, &error));
    eref_engine_free(engine);
    OK(eref_draft_fields_json(draft, &text, &error));
    value.data = eref_string_data(text);
    CHECK(value.data != NULL && value.data[0] == '{');
    eref_string_free(text);
    CHECK(eref_draft_build(draft, &message, NULL) != EREF_OK && message == NULL); /* an empty form */
    eref_draft_free(draft);
    eref_cancel_free(cancel);
    eref_config_free(config);
    return 0;
}
