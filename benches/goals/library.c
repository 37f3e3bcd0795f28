/* What calls into the library cost, and what an idle engine takes.
 * usage: library calls CONFIG | library open CONFIG
 * Prints lines of "name value": nanoseconds per call; or "open_ms" and "rss_kb". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ereferral.h"

enum { CALLS = 1000000, ROUNDS = 9 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(int32_t status, eref_error *error)
{
    eref_text why;
    if (status == EREF_OK) return;
    eref_error_message(error, &why);
    fprintf(stderr, "%s: %s\n", eref_status_name(status), why.data);
    exit(1);
}

/* The best of several rounds: what else runs on the machine only adds. */
#define TIME(ns, body)                                     \
    do {                                                   \
        int round_, i_;                                    \
        (ns) = 1e18;                                       \
        for (round_ = 0; round_ < ROUNDS; round_++) {      \
            double start_ = now(), took_;                  \
            for (i_ = 0; i_ < CALLS; i_++) {               \
                body;                                      \
                __asm__ volatile("" ::: "memory");         \
            }                                              \
            took_ = (now() - start_) / CALLS;              \
            if (took_ < (ns)) (ns) = took_;                \
        }                                                  \
    } while (0)

#define SHOW(name, body)                                   \
    do {                                                   \
        double ns_;                                        \
        TIME(ns_, body);                                   \
        ns_ = ns_ > loop ? ns_ - loop : 0;                 \
        printf("%s %.2f\n", name, ns_);                    \
    } while (0)

static eref_engine *open_engine(const char *file)
{
    eref_config *config = NULL;
    eref_engine *engine = NULL;
    eref_error *error = NULL;
    check(eref_config_new(&config, &error), error);
    check(eref_config_read_file(config, file, EREF_NUL_TERMINATED, &error), error);
    check(eref_engine_new(config, &engine, &error), error);
    check(eref_engine_start(engine, &error), error);
    eref_config_free(config);
    return engine;
}

static char *read_all(FILE *file, size_t *length)
{
    size_t room = 1 << 20;
    char *bytes = malloc(room);
    *length = fread(bytes, 1, room, file);
    return bytes;
}

static void calls(const char *file)
{
    eref_engine *engine = open_engine(file);
    eref_error *error = NULL, *sample = NULL;
    eref_event *event = NULL;
    eref_message *message = NULL;
    eref_text text;
    size_t length;
    double loop;
    char *bundle = read_all(stdin, &length);
    check(eref_message_parse(bundle, length, &message, &error), error);
    eref_message_parse("{", 1, &(eref_message *){NULL}, &sample);
    check(eref_event_next(engine, EREF_EVENT_ALERT, 5000, NULL, &event, &error), error);
    TIME(loop, (void)0);
    SHOW("eref_abi_number", eref_abi_number());
    SHOW("eref_status_name", eref_status_name(EREF_OK));
    SHOW("eref_error_status", eref_error_status(sample));
    SHOW("eref_error_message", eref_error_message(sample, &text));
    SHOW("eref_event_kind", eref_event_kind(event));
    SHOW("eref_event_attempt", eref_event_attempt(event));
    SHOW("eref_event_id", eref_event_id(event, &text));
    SHOW("eref_message_event", eref_message_event(message, &text));
    SHOW("eref_message_attachment_count", eref_message_attachment_count(message));
    SHOW("field", eref_message_field(message, "patient.name.family", EREF_NUL_TERMINATED, &text, NULL));
    eref_event_free(event);
    eref_error_free(sample);
    eref_message_free(message);
    check(eref_engine_stop(engine, 10000, &error), error);
    eref_engine_free(engine);
    free(bundle);
}

static void idle(const char *file)
{
    double start = now();
    eref_engine *engine = open_engine(file);
    double took = now() - start;
    eref_error *error = NULL;
    char line[256];
    long rss = 0;
    FILE *status;
    /* The timer has gone round and all threads wait. */
    nanosleep(&(struct timespec){3, 0}, NULL);
    status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &rss) == 1) break;
    if (status) fclose(status);
    printf("open_ms %.2f\nrss_kb %ld\n", took / 1e6, rss);
    check(eref_engine_stop(engine, 10000, &error), error);
    eref_engine_free(engine);
}

int main(int argc, char **argv)
{
    if (argc != 3 || eref_abi_number() != EREF_ABI_NUMBER) return 2;
    if (strcmp(argv[1], "calls") == 0) calls(argv[2]);
    else idle(argv[2]);
    return 0;
}
