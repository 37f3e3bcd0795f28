/* A host with several threads for messages and one for questions. Prints ADDRESS, begins when a byte comes in, says QUESTION and TAKEN, ends
   after COUNT messages.
   referral.reason of each message is its number within the referral, from 1.
   Usage: inbox CONFIG THREADS COUNT [until-question]: with the last, whoever takes a message sleeps on it until a question was answered. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED
#define REFERRALS 64

static eref_engine *engine;
static eref_cancel *cancel;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int last[REFERRALS], busy[REFERRALS], taken, wanted, wrong, questions, sleeping;

static void must(int32_t status, eref_error *error, const char *what)
{
    eref_text why;
    if (status == EREF_OK) return;
    eref_error_message(error, &why);
    printf("%s: %s: %s\n", what, eref_status_name(status), why.data ? why.data : "");
    exit(1);
}

static const char *field(const eref_message *message, const char *name)
{
    eref_text text;
    eref_error *error = NULL;
    int32_t status = eref_message_field(message, name, N, &text, &error);
    must(status, error, name);
    return text.data ? text.data : "";
}

/* What a thread does with a message that only it has: no other message of the referral is out, and it is the next one. */
static void work(eref_event *event)
{
    const eref_message *message = eref_event_message(event);
    eref_text whole;
    const char *referral = strrchr(field(message, "referral.identifier[0].value"), '-');
    int number = atoi(field(message, "referral.reason")), index = referral ? atoi(referral + 1) % REFERRALS : 0;
    pthread_mutex_lock(&lock);
    if (busy[index] || number != last[index] + 1) {
        printf("referral %d: %d after %d%s\n", index, number, last[index], busy[index] ? ", while another is out" : "");
        wrong = 1;
    }
    busy[index] = 1;
    pthread_mutex_unlock(&lock);
    eref_message_json(message, &whole);
    pthread_mutex_lock(&lock);
    if (whole.len == 0) wrong = 1;
    if (sleeping) printf("SLEEPING\n");
    while (sleeping && !questions) pthread_cond_wait(&answered, &lock);
    busy[index] = 0;
    last[index] = number;
    pthread_mutex_unlock(&lock);
}

static void *take_messages(void *unused)
{
    for (;;) {
        eref_event *event = NULL;
        eref_error *error = NULL;
        int32_t status = eref_event_next(engine, EREF_EVENT_MESSAGE, EREF_NO_TIMEOUT, cancel, &event, &error);
        if (status == EREF_CANCELLED) return eref_error_free(error), unused;
        must(status, error, "event");
        work(event);
        status = eref_event_done(event, &error);
        must(status, error, "done");
        eref_event_free(event);
        pthread_mutex_lock(&lock);
        if (++taken == wanted) eref_cancel_signal(cancel);
        pthread_mutex_unlock(&lock);
    }
}

static void *answer_questions(void *unused)
{
    static const char allergy[] = "{\"resourceType\": \"AllergyIntolerance\", \"id\": \"a1\", \"patient\": {\"reference\": \"Patient/p1\"}}";
    for (;;) {
        eref_event *event = NULL;
        eref_error *error = NULL;
        int32_t status = eref_event_next(engine, EREF_EVENT_QUESTION, EREF_NO_TIMEOUT, cancel, &event, &error);
        if (status == EREF_CANCELLED) return eref_error_free(error), unused;
        must(status, error, "question");
        status = eref_event_answer(event, allergy, N, &error);
        must(status, error, "answer");
        eref_event_free(event);
        printf("QUESTION\n");
        pthread_mutex_lock(&lock);
        questions++;
        pthread_cond_broadcast(&answered);
        pthread_mutex_unlock(&lock);
    }
}

static void launch(void)
{
    static const char request[] = "{\"partner\": \"self\", \"user\": {\"id\": \"u1\"}, \"patient\": \"p1\", \"session\": \"s1\","
                                  " \"chart\": [{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \"Testpatient\"}]}]}";
    eref_launch *started = NULL;
    eref_error *error = NULL;
    eref_text url;
    int32_t status = eref_launch_start(engine, request, N, &started, &error);
    must(status, error, "launch");
    eref_launch_url(started, &url);
    printf("LAUNCH %s\n", url.data);
    eref_launch_free(started);
}

static void open_engine(const char *file)
{
    eref_config *config = NULL;
    eref_string *status_json = NULL;
    eref_error *error = NULL;
    const char *address;
    int32_t status = eref_config_new(&config, &error);
    if (!status) status = eref_config_read_file(config, file, N, &error);
    if (!status) status = eref_engine_new(config, &engine, &error);
    if (!status) status = eref_engine_start(engine, &error);
    if (!status) status = eref_engine_status_json(engine, &status_json, &error);
    must(status, error, "open");
    address = strstr(eref_string_data(status_json), "\"addresses\":[\"");
    if (address) printf("ADDRESS %.*s\n", (int)strcspn(address + 14, "\""), address + 14);
    eref_string_free(status_json);
    eref_config_free(config);
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    eref_error *error = NULL;
    int i, count = argc > 3 ? atoi(argv[2]) : 0;
    int32_t status;
    if (count < 1 || count > 63) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(300); /* it may hang, but not for ever */
    wanted = atoi(argv[3]);
    sleeping = argc > 4;
    status = eref_cancel_new(&cancel, &error);
    must(status, error, "cancel");
    open_engine(argv[1]);
    launch();
    getchar(); /* until told to begin */
    for (i = 0; i <= count; i++)
        if (pthread_create(&threads[i], NULL, i ? take_messages : answer_questions, NULL) != 0) return 3;
    for (i = 0; i <= count; i++) pthread_join(threads[i], NULL);
    status = eref_engine_stop(engine, 60000, &error);
    must(status, error, "stop");
    eref_engine_free(engine);
    eref_cancel_free(cancel);
    printf("TAKEN %d\n", taken);
    return wrong || taken != wanted;
}
