/* A partner that takes the connection and never answers: stop during a delivery, the delivery goes on with the next start, and free
   with a delivery under way on the host's own thread. Usage: delivery FOLDER */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED
#define CHECK(condition) do { if (!(condition)) { printf("line %d: %s\n", __LINE__, #condition); return 1; } } while (0)

static const char *folder;
static int partner, port;

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

static int listen_as_partner(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    partner = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(partner >= 0 && bind(partner, (struct sockaddr *)&address, sizeof address) == 0 && listen(partner, 8) == 0);
    CHECK(getsockname(partner, (struct sockaddr *)&address, &size) == 0);
    port = ntohs(address.sin_port);
    return 0;
}

/* Waits for the library to come with a message. */
static int accept_message(void)
{
    char head[100];
    int connection = accept(partner, NULL, NULL);
    return connection >= 0 && read(connection, head, sizeof head) > 0 && memcmp(head, "POST /fhir/", 11) == 0 ? connection : -1;
}

static int open_engine(int threads, eref_engine **engine)
{
    char document[2000];
    eref_config *config = NULL;
    snprintf(document, sizeof document,
             "{\"system\": {\"name\": \"Fakeville Family Health\", \"software\": \"test\", \"version\": \"1\", \"roles\": [\"rms-source\"],"
             " \"time_zone\": \"America/Toronto\", \"referral_system\": \"https://pos.test/fhir/NamingSystem/referral\"},"
             " \"public_url\": \"https://pos.test\", \"test\": true, \"base_dir\": \"%s\","
             " \"threads\": %s, \"listen\": [%s],"
             " \"store\": {\"url\": \"sqlite:pos.db\", \"key_file\": \"pos.key\"}, \"network\": {\"first_retry_ms\": 100},"
             " \"partners\": [{\"name\": \"silent\", \"roles\": [\"rms-target\"],"
             " \"messaging\": {\"endpoint\": \"http://127.0.0.1:%d/fhir/$process-message\"}}]}",
             folder, threads ? "true" : "false", threads ? "{\"address\": \"127.0.0.1:0\"}" : "", port);
    OK(eref_config_new(&config, &error));
    OK(eref_config_parse_json(config, document, N, &error));
    OK(eref_engine_new(config, engine, &error));
    eref_config_free(config);
    OK(eref_engine_start(*engine, &error));
    return 0;
}

static int refer(eref_engine *engine, const char *key)
{
    static const char *const fields[][2] = {
        { "referral.category.code", "103697008" }, { "referral.category.display", "Patient referral for dental care" },
        { "referral.reason", "Toothache for two weeks" }, { "referral.priority", "routine" },
        { "patient.name.family", "Testpatient" }, { "patient.name.given[0]", "Ren\xC3\xA9" "e" }, { "patient.gender", "female" },
        { "patient.birth_date", "1980-02-29" }, { "patient.health_number", "9999999999" },
        { "requester.name.family", "Fakename" }, { "requester.name.given[0]", "Paul" }, { "requester.licence", "99999" },
        { "requester.organization", "Fakeville Family Health" }, { "user.name", "Dr. Paul Fakename" },
        { "target.organization", "Testwater Dental Clinic" },
    };
    eref_draft *draft = NULL;
    eref_message *message = NULL;
    eref_delivery *delivery = NULL;
    size_t i;
    OK(eref_draft_new(engine, "silent", N, "add-service-request", N, &draft, &error));
    for (i = 0; i < sizeof fields / sizeof *fields; i++) OK(eref_draft_set(draft, fields[i][0], N, fields[i][1], N, &error));
    OK(eref_draft_build(draft, &message, &error));
    OK(eref_send(engine, "silent", N, key, N, message, &delivery, &error));
    eref_delivery_free(delivery);
    eref_message_free(message);
    eref_draft_free(draft);
    return 0;
}

static int32_t state_of(eref_engine *engine, const char *key)
{
    eref_delivery *delivery = NULL;
    int32_t state = eref_delivery_find(engine, key, N, &delivery, NULL) == EREF_OK ? eref_delivery_state(delivery) : -1;
    eref_delivery_free(delivery);
    return state;
}

static int stop_during_delivery(void)
{
    eref_engine *engine = NULL;
    int connection, again;
    int32_t stopped;
    CHECK(open_engine(1, &engine) == 0 && refer(engine, "act-1") == 0);
    connection = accept_message();
    CHECK(connection >= 0 && state_of(engine, "act-1") == EREF_DELIVERY_SENDING);
    stopped = eref_engine_stop(engine, 200, NULL);
    CHECK(stopped == EREF_OK || stopped == EREF_TIMEOUT);
    close(connection);
    if (stopped == EREF_TIMEOUT) OK(eref_engine_stop(engine, 60000, &error)); /* now nothing holds it up */
    CHECK(state_of(engine, "act-1") != EREF_DELIVERY_DELIVERED && state_of(engine, "act-1") > 0);
    eref_engine_free(engine);

    CHECK(open_engine(1, &engine) == 0);
    again = accept_message();
    CHECK(again >= 0);
    close(again);
    close(partner); /* from here on it refuses connections */
    OK(eref_engine_stop(engine, 60000, &error));
    eref_engine_free(engine);
    return 0;
}

static void *pump(void *engine)
{
    int32_t more = 0;
    eref_engine_pump(engine, 1, &more, NULL); /* one call: the engine is freed during it */
    return NULL;
}

static int free_during_delivery(void)
{
    eref_engine *engine = NULL;
    pthread_t thread;
    int connection;
    CHECK(open_engine(0, &engine) == 0 && refer(engine, "act-2") == 0);
    CHECK(pthread_create(&thread, NULL, pump, engine) == 0);
    connection = accept_message();
    CHECK(connection >= 0);
    eref_engine_free(engine); /* the pump is in the middle of it, and finishes */
    close(connection);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    folder = argv[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    CHECK(listen_as_partner() == 0 && stop_during_delivery() == 0);
    CHECK(listen_as_partner() == 0 && free_during_delivery() == 0);
    close(partner);
    return 0;
}
