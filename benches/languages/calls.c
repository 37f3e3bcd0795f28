/* What calls cost from C, for the wrappers of other languages to be put beside. usage: calls MESSAGE
 * Prints lines of "name nanoseconds", the best of several rounds with the empty loop subtracted: what else runs on the machine only adds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ereferral.h"

enum { CALLS = 100000, MESSAGES = 100, ROUNDS = 9 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define TIME(ns, count, body)                              \
    do {                                                   \
        int round_, i_;                                    \
        (ns) = 1e18;                                       \
        for (round_ = 0; round_ < ROUNDS; round_++) {      \
            double start_ = now(), took_;                  \
            for (i_ = 0; i_ < (count); i_++) {             \
                body;                                      \
                __asm__ volatile("" ::: "memory");         \
            }                                              \
            took_ = (now() - start_) / (count);            \
            if (took_ < (ns)) (ns) = took_;                \
        }                                                  \
    } while (0)

#define SHOW(name, count, body)                            \
    do {                                                   \
        double ns_;                                        \
        TIME(ns_, count, body);                            \
        printf("%s %.1f\n", name, ns_ > loop ? ns_ - loop : 0); \
    } while (0)

static eref_message *parse(const char *bytes, size_t length)
{
    eref_message *message = NULL;
    if (eref_message_parse(bytes, length, &message, NULL) != EREF_OK) exit(1);
    return message;
}

static void parse_and_tell(const char *bytes, size_t length)
{
    eref_text text;
    eref_message *message = parse(bytes, length);
    eref_message_json(message, &text);
    eref_message_free(message);
}

int main(int argc, char **argv)
{
    static char bytes[1 << 20];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    eref_message *message;
    eref_text text;
    double loop;
    if (length == 0 || eref_abi_number() != EREF_ABI_NUMBER) return 2;
    fclose(file);
    message = parse(bytes, length);
    TIME(loop, CALLS, (void)0);
    SHOW("eref_abi_number", CALLS, eref_abi_number());
    SHOW("eref_message_attachment_count", CALLS, eref_message_attachment_count(message));
    SHOW("eref_message_event", CALLS, eref_message_event(message, &text));
    SHOW("eref_message_field", CALLS, eref_message_field(message, "patient.name.family", 19, &text, NULL));
    SHOW("parse", MESSAGES, eref_message_free(parse(bytes, length)));
    SHOW("parse+json", MESSAGES, parse_and_tell(bytes, length));
    eref_message_free(message);
    return 0;
}
