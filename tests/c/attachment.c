/* A host that takes one message and reads its attachments: 0 is in the message, 1 is a URL, 2 is a URL elsewhere.
   Prints ADDRESS, then for each what came of it. Usage: attachment CONFIG */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED

static eref_engine *engine;

static void must(int32_t status, eref_error *error, const char *what)
{
    eref_text why;
    if (status == EREF_OK) return;
    eref_error_message(error, &why);
    printf("%s: %s: %s\n", what, eref_status_name(status), why.data ? why.data : "");
    exit(1);
}

/* A call that must fail like this. */
static void fails(int32_t status, eref_error *error, int32_t expected, const char *what)
{
    if (status != expected || eref_error_status(error) != expected) {
        printf("%s: %s instead of %s\n", what, eref_status_name(status), eref_status_name(expected));
        exit(1);
    }
    eref_error_free(error);
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

static void show(const eref_message *message, size_t i)
{
    uint8_t piece[16];
    size_t at = 0, read;
    eref_text type;
    eref_error *error = NULL;
    int32_t status = eref_attachment_fetch(engine, message, i, 60000, NULL, &error);
    if (!status) status = eref_message_attachment_type(message, i, &type, &error);
    if (!status) printf("%d %s ", (int)i, type.data ? type.data : "?");
    while (status == EREF_OK) {
        status = eref_message_attachment_read(message, i, at, piece, sizeof piece, &read, &error);
        if (status != EREF_OK || read == 0) break;
        fwrite(piece, 1, read, stdout);
        at += read;
    }
    if (!status) status = eref_message_attachment_check(message, i, &error);
    must(status, error, "attachment");
    printf("\n");
}

int main(int argc, char **argv)
{
    eref_event *event = NULL;
    eref_cancel *cancel = NULL;
    eref_error *error = NULL;
    const eref_message *message;
    uint8_t byte;
    size_t read;
    int32_t status;
    if (argc != 2) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(120); /* it may hang, but not for ever */
    open_engine(argv[1]);
    status = eref_event_next(engine, EREF_EVENT_MESSAGE, EREF_NO_TIMEOUT, NULL, &event, &error);
    must(status, error, "event");
    message = eref_event_message(event);

    status = eref_message_attachment_read(message, 1, 0, &byte, 1, &read, &error);
    fails(status, error, EREF_NOT_FOUND, "read before it was fetched");
    status = eref_attachment_fetch(engine, message, 1, 0, NULL, &error);
    fails(status, error, EREF_TIMEOUT, "ask the store alone");
    status = eref_cancel_new(&cancel, &error);
    must(status, error, "cancel");
    eref_cancel_signal(cancel);
    status = eref_attachment_fetch(engine, message, 1, 60000, cancel, &error);
    fails(status, error, EREF_CANCELLED, "a cancelled call");
    eref_cancel_free(cancel);
    status = eref_attachment_fetch(engine, message, 2, 60000, NULL, &error);
    fails(status, error, EREF_FORBIDDEN, "a host elsewhere");
    status = eref_attachment_fetch(engine, message, 3, 60000, NULL, &error);
    fails(status, error, EREF_NOT_FOUND, "an index too high");
    status = eref_message_attachment_check(message, 3, &error);
    fails(status, error, EREF_NOT_FOUND, "an index too high");

    show(message, 0);
    show(message, 1);
    status = eref_attachment_fetch(engine, message, 1, 0, NULL, &error); /* it is there now */
    must(status, error, "again");
    status = eref_event_done(event, &error);
    must(status, error, "done");
    eref_event_free(event);
    status = eref_engine_stop(engine, 60000, &error);
    must(status, error, "stop");
    eref_engine_free(engine);
    printf("DONE\n");
    return 0;
}
