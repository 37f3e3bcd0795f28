/*
 * A small point-of-service system: launches the app of its RMS, shows what arrives as a clinic's inbox would, sends a referral.
 *
 *   pos CONFIG serve          listens, launches the app for the first patient, shows its inbox until it reads "quit"
 *   pos CONFIG launch         launches the app for the second patient (CONFIG of a desk: "serve": false)
 *   pos CONFIG send PDF KEY   refers the first patient with a letter; KEY is this program's own id of that act
 *
 * The people are invented. The partner is the one named "sandbox" in the configuration.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED
#define PARTNER "sandbox"
#define OUR_REFERRALS "https://pos.test/fhir/NamingSystem/referral"

/* The chart. The first two entries of a launch are pushed with it; the rest is there for questions. */
struct entry { const char *type, *id, *json; };
static const struct entry chart[] = {
    { "Patient", "p1", "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"gender\": \"female\", \"birthDate\": \"1980-02-29\","
      " \"name\": [{\"family\": \"Testpatient\", \"given\": [\"Ren\xC3\xA9" "e\"]}]}" },
    { "Patient", "p2", "{\"resourceType\": \"Patient\", \"id\": \"p2\", \"gender\": \"male\", \"birthDate\": \"1955-10-05\","
      " \"name\": [{\"family\": \"Sampleman\", \"given\": [\"Max\"]}]}" },
    { "Practitioner", "dr1", "{\"resourceType\": \"Practitioner\", \"id\": \"dr1\","
      " \"name\": [{\"family\": \"Fakename\", \"given\": [\"Paul\"], \"prefix\": [\"Dr.\"]}]}" },
    { "AllergyIntolerance", "a1", "{\"resourceType\": \"AllergyIntolerance\", \"id\": \"a1\", \"patient\": {\"reference\": \"Patient/p1\"},"
      " \"code\": {\"text\": \"Penicillin\"}}" },
};

static eref_engine *engine;
static eref_error *error;

/* Every call of the library goes through here: a failure is said and ends the program. */
static void must(int32_t status, const char *what)
{
    eref_text message, detail;
    if (status == EREF_OK) return;
    eref_error_message(error, &message);
    eref_error_detail(error, &detail);
    fprintf(stderr, "%s: %s: %s\n", what, eref_status_name(status), message.data ? message.data : "");
    if (detail.data) fprintf(stderr, "%s\n", detail.data);
    exit(1);
}

static void open_engine(const char *file)
{
    eref_config *config;
    must(eref_config_new(&config, &error), "config");
    must(eref_config_read_file(config, file, N, &error), file);
    must(eref_engine_new(config, &engine, &error), "open");
    eref_config_free(config);
    must(eref_engine_start(engine, &error), "start");
}

static int close_engine(void)
{
    must(eref_engine_stop(engine, 10000, &error), "stop");
    eref_engine_free(engine);
    return 0;
}

static const struct entry *find(const char *type, const char *id)
{
    size_t i;
    for (i = 0; i < sizeof chart / sizeof *chart; i++)
        if (!strcmp(chart[i].type, type) && !strcmp(chart[i].id, id)) return &chart[i];
    return NULL;
}

/* Everything of a type, as a JSON array. */
static const char *all_of(const char *type)
{
    static char array[4096];
    size_t i, length = 1;
    strcpy(array, "[");
    for (i = 0; i < sizeof chart / sizeof *chart; i++)
        if (!strcmp(chart[i].type, type))
            length += (size_t)snprintf(array + length, sizeof array - length, "%s%s", length > 1 ? "," : "", chart[i].json);
    strcpy(array + length, "]");
    return array;
}

/* What a click on "Refer" does: the real program would open the URL in the user's browser. */
static void launch(const char *patient)
{
    char request[4096];
    eref_launch *started;
    eref_text url;
    snprintf(request, sizeof request,
             "{\"partner\": \"" PARTNER "\", \"user\": {\"id\": \"u1\", \"fhir_user\": \"Practitioner/dr1\", \"name\": \"Dr. Paul Fakename\"},"
             " \"patient\": \"%s\", \"session\": \"desk-1\", \"chart\": [%s, %s]}",
             patient, find("Patient", patient)->json, find("Practitioner", "dr1")->json);
    must(eref_launch_start(engine, request, N, &started, &error), "launch");
    eref_launch_url(started, &url);
    printf("LAUNCH-URL %s\n", url.data);
    eref_launch_free(started);
}

static const char *of_message(const eref_message *message, const char *name)
{
    eref_text text;
    must(eref_message_field(message, name, N, &text, &error), name);
    return text.data;
}

static const char *of_event(const eref_event *event, const char *name)
{
    eref_text text;
    must(eref_event_field(event, name, N, &text, &error), name);
    return text.data ? text.data : "";
}

/* It is stored here: it need not come again. Too late is no failure: if it comes again, its id says that it is known. */
static void done(eref_event *event)
{
    int32_t status = eref_event_done(event, &error);
    if (status == EREF_LEASE_LOST) eref_error_free(error);
    else must(status, "done");
}

/* A row of the clinic's inbox: the sentence, the patient, the referral, what happened. Times as the event shows them, in our zone. */
static void show_message(eref_event *event)
{
    static const struct { const char *label, *field; } rows[] = {
        { "born", "patient.birth_date" }, { "health number", "patient.health_number" }, { "referral", "referral.identifier[0].value" },
        { "about", "referral.category.display" }, { "reason", "referral.reason" }, { "status", "task.status" },
        { "progress", "task.business_status" }, { "where", "appointment.location" }, { "they write", "communication.text[0]" },
        { "attachment", "attachment[0].title" },
    };
    const eref_message *message = eref_event_message(event);
    const char *from;
    size_t i;
    if (!message) {
        /* Its body could not be read just now: it comes again. */
        eref_event_retry(event, 1000, "no message", N, NULL);
        return;
    }
    from = of_message(message, "source.name");
    printf("EVENT MESSAGE %s from %s\n", of_event(event, "event"), from ? from : "?");
    printf("    %s\n", of_event(event, "summary"));
    printf("    %-14s %s\n", "patient", of_event(event, "patient.name"));
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = of_message(message, rows[i].field);
        if (value) printf("    %-14s %s\n", rows[i].label, value);
    }
    if (*of_event(event, "appointment.start.shown"))
        printf("    %-14s %s\n", "appointment", of_event(event, "appointment.start.shown"));
    done(event);
}

/* The app waits for it. It may be too late for an answer; the app has been told so, and there is nothing to do about it here. */
static void answer(eref_event *event)
{
    const char *question = of_event(event, "question");
    printf("EVENT QUESTION %s %s/%s\n", question, of_event(event, "type"), of_event(event, "id"));
    if (!strcmp(question, "resource")) {
        const struct entry *entry = find(of_event(event, "type"), of_event(event, "id"));
        if (entry) eref_event_answer(event, entry->json, N, NULL);
        else eref_event_refuse(event, EREF_REFUSE_NOT_FOUND, "not in this chart", N, NULL);
    } else if (!strcmp(question, "search")) {
        /* What does not fit the search, or is about another patient, the library leaves out. */
        eref_event_answer(event, all_of(of_event(event, "type")), N, NULL);
    } else {
        /* authorize, pick_patient, access: the real program asks its user. */
        eref_event_refuse(event, EREF_REFUSE_FORBIDDEN, "This program has nobody to ask", N, NULL);
    }
}

/* The app waits some seconds for what we make of it, and its user reads the words. */
static void decide(eref_event *event)
{
    printf("EVENT WRITE %s \"%s\" for patient %s\n", of_event(event, "type"), of_event(event, "title"), of_event(event, "patient"));
    if (!strcmp(of_event(event, "type"), "DocumentReference") && !*of_event(event, "title"))
        must(eref_event_refuse(event, EREF_REFUSE_FORBIDDEN, "A letter needs a title to be filed", N, &error), "refuse");
    else
        done(event);
}

/* One event. A real program writes it and eref_event_id into its database in one transaction before it says "done". */
static void handle(eref_event *event)
{
    eref_text json;
    switch (eref_event_kind(event)) {
    case EREF_EVENT_QUESTION: answer(event); break;
    case EREF_EVENT_MESSAGE: show_message(event); break;
    case EREF_EVENT_WRITE: decide(event); break;
    case EREF_EVENT_LAUNCH: printf("EVENT LAUNCH %s, app of %s\n", of_event(event, "what"), of_event(event, "partner")); break;
    case EREF_EVENT_DELIVERY:
        printf("EVENT DELIVERY %s to %s: %s", of_event(event, "event"), of_event(event, "partner"), of_event(event, "state"));
        printf(", HTTP %s, their answer: %s %s\n", of_event(event, "http_status"),
               of_event(event, "answer.entry[0].resource.response.code"), of_event(event, "error"));
        done(event);
        break;
    case EREF_EVENT_ALERT:
        printf("EVENT ALERT %s: %s\n", strcmp(of_event(event, "started"), "true") ? "over" : "now", of_event(event, "text"));
        break;
    default:
        eref_event_json(event, &json);
        printf("EVENT OTHER %s\n", json.data);
        break;
    }
    eref_event_free(event);
}

/* Takes what there is; what became of sent messages is left to the window that sent them. */
static void take_events(void)
{
    eref_event *event;
    eref_string *line;
    int32_t status;
    while ((status = eref_event_next(engine, EREF_EVENT_ALL & ~(uint32_t)EREF_EVENT_DELIVERY, 0, NULL, &event, &error)) == EREF_OK)
        handle(event);
    if (status != EREF_TIMEOUT) must(status, "event");
    while (eref_log_next(engine, NULL, &line, NULL) == EREF_OK && line) {
        fprintf(stderr, "%s\n", eref_string_data(line));
        eref_string_free(line);
    }
}

static int serve(void)
{
    char line[80] = "";
    struct pollfd ready[2] = { { 0, POLLIN, 0 }, { -1, POLLIN, 0 } };
    must(eref_engine_wakeup_fd(engine, &ready[1].fd, &error), "wakeup");
    launch("p1");
    do {
        take_events();
        /* The loop a program with windows has anyway: wake up for input or for the library, and look every second. */
        if (poll(ready, 2, 1000) > 0 && ready[0].revents && !fgets(line, sizeof line, stdin)) break;
    } while (strcmp(line, "quit\n") != 0);
    return close_engine();
}

static unsigned char *read_file(const char *name, size_t *size)
{
    static unsigned char data[4 << 20];
    FILE *file = fopen(name, "rb");
    *size = file ? fread(data, 1, sizeof data, file) : 0;
    if (!file || ferror(file) || !feof(file)) {
        fprintf(stderr, "%s cannot be read, or is larger than 4 MiB\n", name);
        exit(1);
    }
    fclose(file);
    return data;
}

static eref_message *compose(const char *pdf, const char *key)
{
    static const char *const fields[][2] = {
        { "referral.category.code", "103697008" }, { "referral.category.display", "Patient referral for dental care" },
        { "referral.reason", "Toothache for two weeks" }, { "referral.priority", "routine" },
        { "patient.name.family", "Testpatient" }, { "patient.name.given[0]", "Ren\xC3\xA9" "e" }, { "patient.gender", "female" },
        { "patient.birth_date", "1980-02-29" }, { "patient.health_number", "9999999999" },
        { "requester.name.family", "Fakename" }, { "requester.name.given[0]", "Paul" }, { "requester.licence", "99999" },
        { "requester.organization", "Fakeville Family Health" }, { "user.name", "Dr. Paul Fakename" },
        { "target.organization", "Testwater Dental Clinic" }, { "referral.identifier[0].system", OUR_REFERRALS },
    };
    size_t i, size;
    unsigned char *data = read_file(pdf, &size);
    eref_draft *draft;
    eref_message *message;
    must(eref_draft_new(engine, PARTNER, N, "add-service-request", N, &draft, &error), "draft");
    for (i = 0; i < sizeof fields / sizeof *fields; i++)
        must(eref_draft_set(draft, fields[i][0], N, fields[i][1], N, &error), fields[i][0]);
    must(eref_draft_set(draft, "referral.identifier[0].value", N, key, N, &error), "referral number");
    must(eref_draft_add_attachment(draft, "letter.pdf", N, "application/pdf", N, data, size, &error), "attachment");
    must(eref_draft_build(draft, &message, &error), "build");
    eref_draft_free(draft);
    return message;
}

/* Shows how a delivery stands; true when nothing more will happen to it. */
static int show_delivery(const char *key)
{
    eref_delivery *delivery;
    int32_t state;
    must(eref_delivery_find(engine, key, N, &delivery, &error), "delivery");
    state = eref_delivery_state(delivery);
    printf("DELIVERY of key %s: %s\n", key, state == EREF_DELIVERY_DELIVERED ? "delivered" : "not (yet) delivered");
    eref_delivery_free(delivery);
    return state == EREF_DELIVERY_DELIVERED || state == EREF_DELIVERY_REFUSED || state == EREF_DELIVERY_DEAD;
}

static int send_referral(const char *pdf, const char *key)
{
    eref_message *message = compose(pdf, key);
    eref_delivery *delivery;
    eref_event *event;
    eref_text id;
    int repeat;
    must(eref_send(engine, PARTNER, N, key, N, message, &delivery, &error), "send");
    eref_message_free(message);
    eref_delivery_id(delivery, &id);
    repeat = eref_delivery_is_repeat(delivery);
    printf("SENT key %s, delivery %s%s\n", key, id.data, repeat ? ": this call was made before, nothing is sent again" : "");
    eref_delivery_free(delivery);
    if (repeat) {
        show_delivery(key);
        return close_engine();
    }
    do {
        must(eref_event_next(engine, EREF_EVENT_DELIVERY, 60000, NULL, &event, &error), "no word about the delivery in a minute");
        handle(event);
    } while (!show_delivery(key));
    return close_engine();
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (eref_abi_number() != EREF_ABI_NUMBER) return fprintf(stderr, "libereferral has another ABI number\n"), 1;
    if (argc < 3) return fprintf(stderr, "usage: pos CONFIG serve|launch|send PDF KEY\n"), 2;
    open_engine(argv[1]);
    if (!strcmp(argv[2], "serve")) return serve();
    if (!strcmp(argv[2], "send") && argc == 5) return send_referral(argv[3], argv[4]);
    if (!strcmp(argv[2], "launch")) return launch("p2"), close_engine();
    return fprintf(stderr, "usage: pos CONFIG serve|launch|send PDF KEY\n"), 2;
}
