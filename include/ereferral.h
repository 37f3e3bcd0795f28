/*
 * ereferral.h: takes a point-of-service system into Ontario's eReferral-eConsult exchange.
 *
 * WHAT IT IS
 *
 * A point-of-service system (POS: the program a clinic, hospital or pharmacy works with) uses this library to
 *
 *   launch    start the web app of a referral management system (RMS) in the clinician's browser, with the right user and patient:
 *             eref_launch_start makes the link, and the library is the SMART server behind it;
 *   receive   take Direct Messaging notifications: the library stores each one before it answers the sender, and hands it over,
 *             parsed, as an event;
 *   send      hand over a referral: the library composes the message, stores it, delivers it, retries, and reports the answer.
 *
 * The functions use the C calling convention (cdecl), also on 32-bit Windows.
 *
 * The host program opens one engine with a JSON configuration (docs/configuration.md) and takes events. Several processes of one
 * clinic share one store: one of them serves ("serve": true), the others are desks ("serve": false) that start launches, send, and
 * take events.
 *
 * OWNERSHIP
 *
 * "owned by the caller"  The caller frees it with the function named there, once. Nothing is ever freed with free().
 * "borrowed from X"      It belongs to X and is good until X is freed. Copy it to keep it longer. Never free it.
 * "copied"               The library takes its own copy during the call; what was passed in stays the caller's.
 *
 * Every handle comes from this library and is not used after it was freed. Each eref_..._free ignores NULL. A handle that was freed, or
 * is of another type, is mostly found out and answered with EREF_INVALID_ARGUMENT, but do not count on it. Order of freeing does not
 * matter: what hangs on an engine keeps what it needs.
 *
 * THREADS
 *
 * There are three kinds of handles:
 *
 *   shared     eref_engine, eref_cancel: any thread, any number of calls at once. They may be freed during a call, which then finishes,
 *              but not while another thread is just beginning one.
 *   exclusive  eref_config, eref_draft, eref_event: any thread, one call at a time. A second call at the same time gets EREF_BUSY.
 *              After EREF_PANIC such a handle answers EREF_POISONED and can only be freed.
 *   values     eref_message, eref_delivery, eref_launch, eref_string, eref_error: never change; read from any thread.
 *
 * The library never calls the host: there are no callbacks. It runs threads of its own, named "eref-...", only between
 * eref_engine_start and eref_engine_stop, and none with "threads": false. It installs no signal handler and changes neither locale,
 * environment, floating-point state nor working directory. C++ exceptions and longjmp must not cross these functions.
 *
 * After fork, calls in the child with an engine of the parent, or what came from it, answer EREF_FORKED and touch nothing; open a new
 * engine in the child. Do not unload the library (dlclose, FreeLibrary): it stays until the process ends.
 *
 * TEXT
 *
 * Text is UTF-8. It goes in as pointer and length in bytes; the length EREF_NUL_TERMINATED means "up to the first NUL". NULL with
 * length 0 is the empty text. The pointer must lead to that many bytes, which stay unchanged during the call. Programs that work in
 * another encoding convert first (Windows: WideCharToMultiByte with CP_UTF8; .NET: Encoding.UTF8.GetBytes, not a marshalled string;
 * JNI: String.getBytes(UTF_8), not GetStringUTFChars, whose bytes are not UTF-8). Text that is not UTF-8 is refused with
 * EREF_INVALID_UTF8 and the place of the first bad byte. Text comes out as eref_text (borrowed) or eref_string (owned), always with a
 * NUL behind it that the length does not count; eref_message_bundle alone has none. Documents are JSON; their schemas in docs/schema
 * are part of this interface and only gain members. Times in them are RFC 3339, ids are strings.
 *
 * OUTPUTS
 *
 * An output is the address of a variable of that type. It is set to NULL or 0 at once and filled on success only. It must not be NULL,
 * unless its function says so. Functions that only read one property take NULL handles and answer NULL or 0.
 *
 * ERRORS
 *
 * A function that can fail returns an int32_t status: EREF_OK (0) or one of EREF_*. error is NULL or the address of a pointer: it is
 * set to NULL, and on failure to an error owned by the caller (eref_error_free). Only the EREF_TIMEOUT of eref_event_next comes without
 * one. Statuses named at a function are the ones to expect there; EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8, EREF_PANIC and
 * EREF_NO_MEMORY are possible everywhere. New statuses may be added: decide by eref_error_category and eref_error_is_retriable, not by
 * a closed list. A fault inside the library ends as EREF_PANIC, which names the place; the process goes on.
 *
 * EVENTS
 *
 * What the host must know or decide comes from eref_event_next. Durable events (MESSAGE, WRITE, DELIVERY) are leased for 60 seconds:
 * write the event into your own storage together with eref_event_id, call eref_event_done, free it. Without eref_event_done it comes
 * again, with a higher eref_event_attempt. A host that saw an id before skips the work and calls eref_event_done again. So nothing is
 * lost, and nothing is done twice, whoever crashes when. A QUESTION is answered (eref_event_answer) or refused (eref_event_refuse)
 * within 20 seconds; let one thread wait for questions alone, so that slow work on messages does not hold them up. To wait in a loop
 * of your own, see eref_engine_wakeup_fd.
 *
 * Every process on a store is handed the durable kinds, each event goes to one of them. QUESTION, LAUNCH and ALERT come only in the
 * process they arise in: the serving one, except a launch that this process ended, and an alert about its own configuration.
 *
 * OTHER LANGUAGES
 *
 * The calling convention is C's own, cdecl: on 32-bit Windows say so where stdcall is the default (.NET: CallingConvention.Cdecl; Delphi:
 * cdecl). Handles and texts are pointers, size_t is as wide as a pointer: declare them so, as ctypes and others take an undeclared
 * result for 32 bits. Where there are no unsigned numbers, -1 is EREF_NO_TIMEOUT, and a size_t of -1 is EREF_NUL_TERMINATED. An output
 * is filled by the call, so the call has to be finished before error is read: not both as arguments of one function in C.
 *
 * VERSIONS
 *
 * Within one ABI number nothing is removed and no signature or meaning changes; functions, statuses, event kinds and members of
 * documents are added. Check eref_abi_number() == EREF_ABI_NUMBER first. ereferral.symbols lists every export.
 *
 * EXAMPLE
 *
 *   eref_config *config = NULL; eref_engine *engine = NULL; eref_event *event = NULL; eref_error *error = NULL;
 *   eref_text id, text, family;
 *   if (eref_config_new(&config, &error) ||
 *       eref_config_read_file(config, "ereferral.json", EREF_NUL_TERMINATED, &error) ||
 *       eref_engine_new(config, &engine, &error) ||
 *       eref_engine_start(engine, &error)) {
 *       eref_error_message(error, &text);
 *       fprintf(stderr, "%s: %s\n", eref_status_name(eref_error_status(error)), text.data);
 *       eref_error_free(error);
 *       return 1;
 *   }
 *   eref_config_free(config);
 *   for (;;) {
 *       int32_t status = eref_event_next(engine, EREF_EVENT_MESSAGE, 1000, NULL, &event, &error);
 *       if (status == EREF_TIMEOUT) continue;
 *       if (status != EREF_OK) break;
 *       eref_message_event(eref_event_message(event), &text);
 *       eref_message_field(eref_event_message(event), "patient.name.family", EREF_NUL_TERMINATED, &family, NULL);
 *       eref_event_id(event, &id);
 *       if (store_in_my_database(id.data, text.data, family.data)) eref_event_done(event, NULL);
 *       eref_event_free(event);
 *   }
 *   eref_error_free(error);
 *   eref_engine_stop(engine, 10000, NULL);
 *   eref_engine_free(engine);
 */

#ifndef EREFERRAL_H
#define EREFERRAL_H

#include <stddef.h>
#include <stdint.h>

/* How functions are declared. Define EREF_STATIC when linking the static library on Windows. */
#if defined(_WIN32) && !defined(EREF_STATIC)
#define EREF_API __declspec(dllimport)
#else
#define EREF_API
#endif

/* As a length: the text ends at its first NUL. */
#define EREF_NUL_TERMINATED SIZE_MAX

/* The version this header belongs to. eref_version_text tells which library was loaded. */
#define EREF_VERSION_TEXT "0.1.0"


/**
 * Success.
 */
#define EREF_OK 0

/**
 * An argument was NULL, out of range or of the wrong form. The message names the argument.
 */
#define EREF_INVALID_ARGUMENT 1

/**
 * Text passed in is not UTF-8. The message gives the offset of the first bad byte.
 */
#define EREF_INVALID_UTF8 2

/**
 * The handle is in use by another call. Exclusive handles serve one call at a time.
 */
#define EREF_BUSY 3

/**
 * The call came at the wrong time, for example a second start, or an answer to an event that is not a question.
 */
#define EREF_WRONG_STATE 4

/**
 * A fault inside the library made this handle unusable. It can only be freed.
 */
#define EREF_POISONED 5

/**
 * The process was forked after the engine was opened. Open a new engine in the child.
 */
#define EREF_FORKED 6

/**
 * What was asked for does not exist.
 */
#define EREF_NOT_FOUND 7

/**
 * The configuration is wrong. The message names the path, the value found and what was expected.
 */
#define EREF_CONFIG 8

/**
 * The bytes are not well-formed JSON. The detail gives line and column.
 */
#define EREF_INVALID_JSON 100

/**
 * The input is larger than a configured limit. The message names the limit.
 */
#define EREF_TOO_LARGE 101

/**
 * The FHIR content cannot be used. The detail is an OperationOutcome naming the elements.
 */
#define EREF_INVALID_CONTENT 200

/**
 * The name of a field is not in the field table.
 */
#define EREF_UNKNOWN_FIELD 201

/**
 * A field was given a value it cannot take, or a required one is missing. The detail is an OperationOutcome.
 */
#define EREF_INVALID_FIELD 202

/**
 * Test data in a production engine. Set `"test": true` to take messages labelled HTEST.
 */
#define EREF_TEST_DATA 203

/**
 * The event is not one this library or this partner's dialect knows.
 */
#define EREF_UNKNOWN_EVENT 204

/**
 * The partner is not party to this referral, or may not do this.
 */
#define EREF_FORBIDDEN 300

/**
 * The network failed: name lookup, connection refused, connection lost.
 */
#define EREF_NETWORK 400

/**
 * The TLS handshake failed. The message says why (unknown issuer, expired, name mismatch, ...).
 */
#define EREF_TLS 450

/**
 * The remote system answered with an error. `eref_error_http_status` gives the number.
 */
#define EREF_REMOTE 500

/**
 * A deadline passed. For `eref_event_next` it only means that no event arrived.
 */
#define EREF_TIMEOUT 600

/**
 * The call was cancelled.
 */
#define EREF_CANCELLED 601

/**
 * The store cannot be read or written. Retriable when the cause may pass (locked, disk full).
 */
#define EREF_STORE 700

/**
 * Another serving engine holds this store. The message names its process and host.
 */
#define EREF_STORE_IN_USE 701

/**
 * The key of the store is missing or wrong. The message names the path and the key id.
 */
#define EREF_STORE_KEY 702

/**
 * The store was written by a newer version of the library.
 */
#define EREF_STORE_VERSION 703

/**
 * The store lies on a network share, where its locks cannot be trusted.
 */
#define EREF_STORE_NETWORK 704

/**
 * This host key was used before, for other content.
 */
#define EREF_KEY_REUSED 705

/**
 * The event is no longer leased to this handle: the lease ran out, or the event is done.
 */
#define EREF_LEASE_LOST 706

/**
 * The address cannot be listened on.
 */
#define EREF_LISTEN 800

/**
 * A fault in the library itself. The message names the place. Please report it.
 */
#define EREF_PANIC 900

/**
 * Memory could not be allocated.
 */
#define EREF_NO_MEMORY 901

/**
 * The call itself was wrong.
 */
#define EREF_CATEGORY_USAGE 1

/**
 * The data handed in or received is wrong.
 */
#define EREF_CATEGORY_DATA 2

/**
 * A rule of the protocol forbids it.
 */
#define EREF_CATEGORY_PROTOCOL 3

/**
 * Network or TLS.
 */
#define EREF_CATEGORY_NETWORK 4

/**
 * The remote system said no.
 */
#define EREF_CATEGORY_REMOTE 5

/**
 * A deadline or a cancellation.
 */
#define EREF_CATEGORY_TIME 6

/**
 * The store.
 */
#define EREF_CATEGORY_STORE 7

/**
 * The library itself.
 */
#define EREF_CATEGORY_INTERNAL 9

/**
 * The ABI this header describes. A library with another `eref_abi_number` must not be used with it.
 */
#define EREF_ABI_NUMBER 1

/**
 * Kind of event: the app asks for what the host did not push. Not durable; answer it within 20 seconds. Handed out in the serving
 * process only. Document: docs/schema/question.json.
 */
#define EREF_EVENT_QUESTION 1

/**
 * Kind of event: a message arrived. Durable; eref_event_message gives it. Document: docs/schema/notification.json.
 */
#define EREF_EVENT_MESSAGE 2

/**
 * Kind of event: the app wrote a resource back to the chart, or changed one. Durable. Document: docs/schema/write.json. The app waits a
 * few seconds (limits.write_wait_ms) for what you make of it: eref_event_done takes it into the chart, eref_event_refuse refuses it with
 * words for the app. An app that is not told in time sees a created resource as pending, and an update not yet, until you decide.
 */
#define EREF_EVENT_WRITE 4

/**
 * Kind of event: an outgoing message was accepted, refused, of unknown outcome, or given up. Durable. Document:
 * docs/schema/delivery.json.
 */
#define EREF_EVENT_DELIVERY 8

/**
 * Kind of event: a launch was authorized, denied, expired or ended. Not durable; handed out in the process that serves the launch, or
 * that ended it. Document: docs/schema/launch-event.json.
 */
#define EREF_EVENT_LAUNCH 16

/**
 * Kind of event: a condition began or ended, for example a partner that cannot be reached. Not durable; handed out in the process that
 * noticed it, mostly the serving one. Document: docs/schema/alert.json.
 */
#define EREF_EVENT_ALERT 32

/**
 * All kinds of this version.
 */
#define EREF_EVENT_ALL 63

/**
 * Reason for eref_event_refuse: the user or the app may not have it. The app sees 403.
 */
#define EREF_REFUSE_FORBIDDEN 1

/**
 * Reason for eref_event_refuse: there is no such thing. The app sees 404.
 */
#define EREF_REFUSE_NOT_FOUND 2

/**
 * As a timeout of eref_event_next: wait until there is an event, a cancel or a stop.
 */
#define EREF_NO_TIMEOUT 4294967295

/**
 * For eref_grant_revoke: the id is that of a user, as in "user.id" of a launch.
 */
#define EREF_GRANT_USER 1

/**
 * For eref_grant_revoke: the id is the client id of an app or a backend service.
 */
#define EREF_GRANT_CLIENT 2

/**
 * For eref_grant_revoke: the id is that of a patient, as in "patient" of a launch.
 */
#define EREF_GRANT_PATIENT 3

/**
 * For eref_grant_revoke: the id is that of a launch.
 */
#define EREF_GRANT_LAUNCH 4

/**
 * State of a delivery: stored, waiting for its turn.
 */
#define EREF_DELIVERY_QUEUED 1

/**
 * State of a delivery: being sent right now.
 */
#define EREF_DELIVERY_SENDING 2

/**
 * State of a delivery: the partner has it.
 */
#define EREF_DELIVERY_DELIVERED 3

/**
 * State of a delivery: the partner refused it for good. A changed message with a new host key is needed.
 */
#define EREF_DELIVERY_REFUSED 4

/**
 * State of a delivery: it went out and no answer came, so the partner may have it. It is sent again with the same ids.
 */
#define EREF_DELIVERY_UNKNOWN_OUTCOME 5

/**
 * State of a delivery: given up after the last retry, parked because the partner does not take our credential, or dropped.
 * eref_delivery_resend tries again, unless it was dropped or replaced.
 */
#define EREF_DELIVERY_DEAD 6

/**
 * Level of a log line: something failed that a person should look at.
 */
#define EREF_LOG_ERROR 1

/**
 * Level of a log line: something odd was accepted, or a weak setting is in force.
 */
#define EREF_LOG_WARN 2

/**
 * Level of a log line: what was done.
 */
#define EREF_LOG_INFO 3

/**
 * Level of a log line: more of it.
 */
#define EREF_LOG_DEBUG 4

/**
 * Ends a waiting call from another thread. Shared. Once signalled it stays signalled: take a new one for the next wait.
 */
typedef struct eref_cancel eref_cancel;

/**
 * A configuration being put together: one JSON document and the secrets it names. Exclusive.
 */
typedef struct eref_config eref_config;

/**
 * A message on its way, or arrived, as it stood when this was asked; a value.
 */
typedef struct eref_delivery eref_delivery;

/**
 * A message being composed from plain fields, the host's own FHIR resources, and files. Exclusive.
 */
typedef struct eref_draft eref_draft;

/**
 * What a host holds: an engine on a store, serving or a desk. Shared: any thread, any number of calls at once.
 */
typedef struct eref_engine eref_engine;

/**
 * Why a call failed. Made by the call that failed, in the variable whose address was passed last; a value.
 */
typedef struct eref_error eref_error;

/**
 * Something the host must know or decide. Exclusive; freeing a durable one without eref_event_done gives it back.
 */
typedef struct eref_event eref_event;

/**
 * A launch that was started; a value. Freeing it does not end the launch.
 */
typedef struct eref_launch eref_launch;

/**
 * A message: received, parsed or composed; a value. Its bytes are exactly what was received or will be sent.
 */
typedef struct eref_message eref_message;

/**
 * A text that the caller owns, mostly a JSON document; a value.
 */
typedef struct eref_string eref_string;

/**
 * A borrowed piece of text (or bytes): valid until the handle it came from is freed. The two members are frozen for ever.
 *
 * `data` is NULL when there is no such text, which is not the same as an empty one.
 */
typedef struct {
    /**
     * The first byte. A NUL follows the last one, so that it can be used as a C string; `eref_message_bundle` alone has none.
     */
    const char *data;
    /**
     * Number of bytes, without the NUL.
     */
    size_t len;
} eref_text;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the loaded library, for example "0.1.0".
 *
 * Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API const char *eref_version_text(void);

/**
 * The ABI number of the loaded library. Compare it with EREF_ABI_NUMBER before the first other call.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_abi_number(void);

/**
 * How the loaded library was built, as a JSON object: version, abi, target, tls, features. Meant for support tickets.
 *
 * Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
 * Threads: any.
 * Errors: none; NULL after a fault inside the library.
 * Since: 0.1.0
 */
EREF_API
const char *eref_build_info(void);

/**
 * The name of a status, for example "EREF_TIMEOUT" for 600; "EREF_UNKNOWN" for a number this library does not know.
 *
 * Ownership: the text belongs to the library and lasts as long as it is loaded; never free it.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
const char *eref_status_name(int32_t status);

/**
 * The status the failed call returned, one of EREF_*; EREF_OK for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_error_status(const eref_error *error);

/**
 * Which kind of failure it is, one of EREF_CATEGORY_*; 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_error_category(const eref_error *error);

/**
 * One English sentence. It never holds anything personal or secret: it can be logged.
 *
 * Ownership: the text is borrowed from the error and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL error.
 * Since: 0.1.0
 */
EREF_API void eref_error_message(const eref_error *error, eref_text *out);

/**
 * More about it: an OperationOutcome as JSON, or what the remote system said. It may be personal: show it to the user, do not log it.
 *
 * Ownership: the text is borrowed from the error and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL when there is no more to say.
 * Since: 0.1.0
 */
EREF_API
void eref_error_detail(const eref_error *error,
                       eref_text *out);

/**
 * The HTTP status the remote system answered with; 0 when there was no answer.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_error_http_status(const eref_error *error);

/**
 * 1 when the same call may succeed later without a change, else 0.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_error_is_retriable(const eref_error *error);

/**
 * Frees an error. NULL is allowed.
 *
 * Ownership: the error and the texts borrowed from it end here.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_error_free(eref_error *error);

/**
 * The text: UTF-8 with a NUL behind it. NULL for NULL.
 *
 * Ownership: the text is borrowed from the string and ends with it.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API const char *eref_string_data(const eref_string *string);

/**
 * Number of bytes, without the NUL. 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API size_t eref_string_len(const eref_string *string);

/**
 * Frees a string. NULL is allowed.
 *
 * Ownership: the string and the text borrowed from it end here.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_string_free(eref_string *string);

/**
 * Begins an empty configuration.
 *
 * Ownership: *out is owned by the caller: eref_config_free.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT.
 * Since: 0.1.0
 */
EREF_API int32_t eref_config_new(eref_config **out, eref_error **error);

/**
 * Takes the document from a text. Paths in it must be absolute, unless it sets "base_dir". A later document replaces an earlier one.
 *
 * Ownership: the text is copied and stays the caller's.
 * Threads: one call at a time on a config.
 * Errors: EREF_CONFIG (also when it is not JSON; the message names the path in the document, what was found, and what was expected),
 * EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_config_parse_json(eref_config *config,
                               const char *json,
                               size_t json_len,
                               eref_error **error);

/**
 * Takes the document from a file. Paths in it are relative to the file's folder.
 *
 * Ownership: the path is copied and stays the caller's; no file stays open.
 * Threads: one call at a time on a config.
 * Errors: EREF_CONFIG (also when the file cannot be read or is not JSON), EREF_INVALID_UTF8 (path), EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_config_read_file(eref_config *config,
                              const char *path,
                              size_t path_len,
                              eref_error **error);

/**
 * Sets a secret that the document refers to as {"named": "name"}, so that the document itself can be shown around.
 *
 * Ownership: both texts are copied and stay the caller's; the copy of the secret is wiped when it is no longer needed.
 * Threads: one call at a time on a config.
 * Errors: EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8, EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_config_set_secret(eref_config *config,
                               const char *name,
                               size_t name_len,
                               const char *secret,
                               size_t secret_len,
                               eref_error **error);

/**
 * Frees a configuration. NULL is allowed. Engines made from it are not touched: they have their own copy.
 *
 * Ownership: the config ends here; freed during a call on it, it ends with that call.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_config_free(eref_config *config);

/**
 * Opens an engine: checks the configuration and opens the store, or makes it at the first time. Starts nothing yet.
 *
 * Ownership: *out is owned by the caller: eref_engine_free. The config is copied and stays the caller's.
 * Threads: any; the config is in use during the call.
 * Errors: EREF_CONFIG, EREF_STORE, EREF_STORE_KEY, EREF_STORE_VERSION, EREF_STORE_NETWORK, EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_new(eref_config *config,
                        eref_engine **out,
                        eref_error **error);

/**
 * Puts another configuration in force, whole or not at all. The store and the addresses cannot change.
 *
 * Ownership: the config is copied and stays the caller's.
 * Threads: any; the config is in use during the call.
 * Errors: EREF_CONFIG (the old one stays in force), EREF_STORE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API int32_t eref_engine_configure(const eref_engine *engine, eref_config *config, eref_error **error);

/**
 * Starts the engine. Serving: takes the store's one serving lease, listens and starts the threads. Desk: watches the store for what
 * other processes do. Calls that only use the store (launches, sends, events that are there already) do not need it.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_WRONG_STATE (started before, or still stopping), EREF_STORE_IN_USE (the message names process and host), EREF_LISTEN,
 * EREF_CONFIG, EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_start(const eref_engine *engine,
                          eref_error **error);

/**
 * Stops listening, ends waiting calls with EREF_CANCELLED, and waits for what is under way, at most timeout_ms milliseconds. The only
 * call that waits for the engine's threads. After EREF_TIMEOUT another call waits on; without it the rest ends by itself, unless the
 * process ends first. What was not finished is in the store and goes on with the next start.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_TIMEOUT (something is still under way), EREF_WRONG_STATE (not started), EREF_STORE (the serving lease could not be given
 * back; it runs out by itself), EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_stop(const eref_engine *engine,
                         uint32_t timeout_ms,
                         eref_error **error);

/**
 * Delivers on the caller's thread for at most budget_ms milliseconds, for engines with "threads": false. *out_more is 1 when more is
 * due already.
 *
 * Ownership: nothing to free.
 * Threads: any; the call uses the network on the calling thread.
 * Errors: EREF_WRONG_STATE (not started, or a desk), EREF_STORE, EREF_STORE_IN_USE (another engine has taken over the serving lease; this
 * one has stopped), EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_pump(const eref_engine *engine,
                         uint32_t budget_ms,
                         int32_t *out_more,
                         eref_error **error);

/**
 * How the engine is doing, as a JSON object: state, addresses in use (with the port the system gave for port 0), partners, queues.
 * Holds nothing personal. A store that cannot be read is said in it, and is no error of this call.
 *
 * Ownership: *out is owned by the caller: eref_string_free.
 * Threads: any.
 * Errors: EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_status_json(const eref_engine *engine,
                                eref_string **out,
                                eref_error **error);

/**
 * A descriptor for poll or select that becomes readable when an event may be waiting. Take events until EREF_TIMEOUT, then wait
 * again; never read from it. A desk learns of what another process committed within 250 ms, if "threads" is true. Unix only.
 *
 * Ownership: the descriptor is borrowed from the engine: do not close it.
 * Threads: any.
 * Errors: EREF_WRONG_STATE (on Windows), EREF_NO_MEMORY (no descriptor is left), EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_wakeup_fd(const eref_engine *engine,
                              int32_t *out_fd,
                              eref_error **error);

/**
 * Names a Windows event object (HANDLE) to be set when an event may be waiting; NULL ends that. Windows only, and not yet there: this
 * version answers EREF_WRONG_STATE everywhere.
 *
 * Ownership: the handle is borrowed until it is replaced or the engine is freed.
 * Threads: any.
 * Errors: EREF_WRONG_STATE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_set_wakeup_event(const eref_engine *engine,
                                     void *handle,
                                     eref_error **error);

/**
 * Names a window (HWND) to which the message number is posted when an event may be waiting; NULL ends that. Windows only, and not yet
 * there: this version answers EREF_WRONG_STATE everywhere.
 *
 * Ownership: the window is borrowed until it is replaced or the engine is freed.
 * Threads: any.
 * Errors: EREF_WRONG_STATE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_engine_set_wakeup_message(const eref_engine *engine,
                                       void *window,
                                       uint32_t message,
                                       eref_error **error);

/**
 * Frees an engine. NULL is allowed. Never waits: calls under way finish, and the threads end by themselves. Call eref_engine_stop
 * first to know that they have; without it nothing is lost either. In a forked child this does nothing.
 *
 * Ownership: the engine ends here; events, drafts and messages taken from it stay good.
 * Threads: any, also while other calls on it are under way, but not while another thread begins one.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
void eref_engine_free(eref_engine *engine);

/**
 * Starts a launch of a partner's app for one user and one patient. The request is a JSON object (docs/schema/launch.json): partner,
 * user, patient, session, fhir_context, and the chart: the resources the app may read. Open eref_launch_url in the user's browser.
 *
 * Ownership: *out is owned by the caller: eref_launch_free. The request is copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (a member is wrong; the message names it), EREF_INVALID_CONTENT (the chart),
 * EREF_NOT_FOUND (no such partner, or it has no "smart_app"), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_launch_start(const eref_engine *engine,
                          const char *request,
                          size_t request_len,
                          eref_launch **out,
                          eref_error **error);

/**
 * Goes on with a launch that an app began by itself, after its user signed in on your own page ("smart.login_url"). The browser came to
 * that page with a parameter eref_login: pass its value on, with the same request as for eref_launch_start, in which "partner" may be
 * left out. Then send this very browser, and no other, to eref_launch_url: it has a cookie by which it is known. When the request names
 * no patient and the app needs one, a QUESTION pick_patient comes; the chart can be put with eref_chart_put before it is answered.
 *
 * Who is signed in is what you say here: call it only for a user whom your page has just signed in or recognised, as with any other
 * sign-in, and protect that page against requests forged by other sites.
 *
 * Ownership: *out is owned by the caller: eref_launch_free. The texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (the sign-in is unknown, finished already, or later than "limits.login_seconds"), EREF_INVALID_JSON,
 * EREF_INVALID_ARGUMENT (a member is wrong; the message names it), EREF_INVALID_CONTENT (the chart), EREF_STORE, EREF_FORKED. After an
 * error other than EREF_NOT_FOUND it can be called again.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_login_finish(const eref_engine *engine,
                          const char *login,
                          size_t login_len,
                          const char *request,
                          size_t request_len,
                          eref_launch **out,
                          eref_error **error);

/**
 * What to open in the user's browser. Good once and only for a minute: a bearer of it becomes the user, so do not log it.
 *
 * Ownership: the text is borrowed from the launch and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL launch.
 * Since: 0.1.0
 */
EREF_API
void eref_launch_url(const eref_launch *launch,
                     eref_text *out);

/**
 * Our id of the launch: for eref_launch_end and eref_chart_put, and in LAUNCH, WRITE and QUESTION events.
 *
 * Ownership: the text is borrowed from the launch and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL launch.
 * Since: 0.1.0
 */
EREF_API void eref_launch_id(const eref_launch *launch, eref_text *out);

/**
 * The number under which the app's system may name the referral that this launch leads to. The app gets it as an entry of fhirContext,
 * with the naming system of our own referral numbers ("system.referral_system"). The first message that carries it is linked to this
 * launch ("launch_id" in its document); it counts once, and only for the partner that was launched.
 *
 * Ownership: the text is borrowed from the launch and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL launch.
 * Since: 0.1.0
 */
EREF_API
void eref_launch_correlation(const eref_launch *launch,
                             eref_text *out);

/**
 * Frees the handle; the launch itself goes on. NULL is allowed.
 *
 * Ownership: the handle and the texts borrowed from it end here.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_launch_free(eref_launch *launch);

/**
 * Ends a launch: all the app's tokens die at once, offline ones too, and its chart is deleted.
 *
 * Ownership: the text is copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (no such launch, or it has ended), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_launch_end(const eref_engine *engine,
                        const char *launch_id,
                        size_t launch_id_len,
                        eref_error **error);

/**
 * Ends all launches of one session of the host: call it when the user logs out or changes patient. What was granted with offline_access
 * goes on without a chart (eref_grant_revoke ends it). *out_count (may be NULL) tells how many they were.
 *
 * Ownership: the text is copied.
 * Threads: any.
 * Errors: EREF_STORE, EREF_FORKED. A session without launches is no error.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_session_end(const eref_engine *engine,
                         const char *session,
                         size_t session_len,
                         uint32_t *out_count,
                         eref_error **error);

/**
 * Ends the launches of one session of the host that are about another patient than this one: call it when the user opens another
 * patient's chart. patient is the logical id; empty when no patient is open, which ends the launches about any. Launches without a patient
 * go on. *out_count (may be NULL) tells how many ended.
 *
 * Ownership: the texts are copied.
 * Threads: any.
 * Errors: EREF_STORE, EREF_FORKED. A session without launches is no error.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_session_patient(const eref_engine *engine,
                             const char *session,
                             size_t session_len,
                             const char *patient,
                             size_t patient_len,
                             uint32_t *out_count,
                             eref_error **error);

/**
 * Adds to the chart of a launch: a FHIR resource, an array of resources, or a Bundle, as JSON. A resource of the same type and id is
 * replaced.
 *
 * Ownership: the texts are copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT, EREF_NOT_FOUND (no such launch, or it has ended), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_chart_put(const eref_engine *engine,
                       const char *launch_id,
                       size_t launch_id_len,
                       const char *resources,
                       size_t resources_len,
                       eref_error **error);

/**
 * Takes the next event of the kinds in the mask (EREF_EVENT_*, or EREF_EVENT_ALL), waiting at most timeout_ms milliseconds: 0 does not
 * wait, EREF_NO_TIMEOUT waits without end. Questions come before anything else; of one referral (of one partner where there is none)
 * one durable event at a time, oldest first. cancel may be NULL.
 *
 * Ownership: *out is owned by the caller: eref_event_free, after eref_event_done.
 * Threads: any number at once; each event goes to one of them.
 * Errors: EREF_TIMEOUT means that no event came: the one failure without an error object. EREF_CANCELLED (also when the engine is
 * stopped), EREF_INVALID_ARGUMENT (mask), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_next(const eref_engine *engine,
                        uint32_t kinds,
                        uint32_t timeout_ms,
                        const eref_cancel *cancel,
                        eref_event **out,
                        eref_error **error);

/**
 * Which kind of event it is: one of EREF_EVENT_*. 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API uint32_t eref_event_kind(const eref_event *event);

/**
 * The id of the event. It stays the same when the event comes again, also after a restart: write it in the same transaction as your
 * own record of the event, and skip an event whose id you have.
 *
 * Ownership: the text is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL event.
 * Since: 0.1.0
 */
EREF_API
void eref_event_id(const eref_event *event,
                   eref_text *out);

/**
 * The name of the partner the event concerns; data is NULL when it concerns none, and for a LAUNCH event of a launch that the host ended.
 *
 * Ownership: the text is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL event.
 * Since: 0.1.0
 */
EREF_API
void eref_event_partner(const eref_event *event,
                        eref_text *out);

/**
 * The library's id of the referral the event belongs to, the same in every event of that referral and in eref_referral_find; data is
 * NULL when it belongs to none. Keep it beside the patient's record to find the referral again.
 *
 * Ownership: the text is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL event.
 * Since: 0.1.0
 */
EREF_API
void eref_event_referral_id(const eref_event *event,
                            eref_text *out);

/**
 * 1 the first time the event is handed out, more when it comes again. 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API uint32_t eref_event_attempt(const eref_event *event);

/**
 * The message of a MESSAGE event; NULL for other kinds, and when its body could not be read just now (memory, the store): the document
 * is there all the same, and eref_event_retry brings the event again.
 *
 * Ownership: the message is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
const eref_message *eref_event_message(const eref_event *event);

/**
 * What happened, or what is asked, as a JSON object; the EREF_EVENT_* constants name the schema of each kind.
 *
 * Ownership: the text is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL event.
 * Since: 0.1.0
 */
EREF_API void eref_event_json(const eref_event *event, eref_text *out);

/**
 * One member of that object, so that no JSON has to be read: "launch_id", "answer.id" for a member inside another one,
 * "attachments[0].title" for one inside a list. Text comes without quotes, objects and arrays as JSON. out->data is NULL when there is no
 * such member. For what a message says use eref_message_field.
 *
 * Ownership: the text is borrowed from the event and ends with it.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT, EREF_INVALID_UTF8.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_field(const eref_event *event,
                         const char *name,
                         size_t name_len,
                         eref_text *out,
                         eref_error **error);

/**
 * Says that the host has the event in its own storage: it will not come again. Of a WRITE it says that the resource is taken into the
 * chart. Free the handle afterwards.
 *
 * Ownership: the event stays the caller's.
 * Threads: one call at a time on an event.
 * Errors: EREF_LEASE_LOST (too late: it may have been handed out again. Keep what you committed; if the event comes again, its id tells
 * you), EREF_WRONG_STATE (done before, or a QUESTION), EREF_STORE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_done(eref_event *event,
                        eref_error **error);

/**
 * Gives a durable event back, to come again after after_ms milliseconds. After ten attempts it is parked, an ALERT says so, and later
 * events of that referral go on. The reason is kept for people who look into it; keep it free of personal data.
 *
 * Ownership: the text is copied; the event stays the caller's: free it.
 * Threads: one call at a time on an event.
 * Errors: EREF_LEASE_LOST, EREF_WRONG_STATE (not durable, or done before), EREF_STORE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_retry(eref_event *event,
                         uint32_t after_ms,
                         const char *reason,
                         size_t reason_len,
                         eref_error **error);

/**
 * Prolongs the lease of a durable event by its full length (60 seconds), for work that takes longer.
 *
 * Ownership: the event stays the caller's.
 * Threads: one call at a time on an event.
 * Errors: EREF_LEASE_LOST, EREF_WRONG_STATE (not durable, or done before), EREF_STORE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_extend(eref_event *event,
                          eref_error **error);

/**
 * Answers a QUESTION with the JSON document it asks for.
 *
 * Ownership: the text is copied; the event stays the caller's: free it.
 * Threads: one call at a time on an event.
 * Errors: EREF_WRONG_STATE (not a question, or answered before), EREF_INVALID_JSON, EREF_LEASE_LOST (too late: nobody waits any more),
 * EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_answer(eref_event *event,
                          const char *json,
                          size_t json_len,
                          eref_error **error);

/**
 * Refuses a QUESTION: reason is one of EREF_REFUSE_*; the text is shown to the app.
 *
 * Refuses what a WRITE event tells of, for good: the event will not come again. An app that still waits sees 422 with the text, whatever
 * the reason; who reads a created resource later sees 410 with the text, and a refused update leaves the resource as it was.
 *
 * Ownership: the text is copied; the event stays the caller's: free it.
 * Threads: one call at a time on an event.
 * Errors: EREF_WRONG_STATE (neither a question nor a WRITE, or answered or done before), EREF_INVALID_ARGUMENT (reason), EREF_LEASE_LOST (too
 * late: nobody waits for the answer any more, or the WRITE may have been handed out again), EREF_STORE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_refuse(eref_event *event,
                          int32_t reason,
                          const char *text,
                          size_t text_len,
                          eref_error **error);

/**
 * Frees an event. NULL is allowed. A durable event that is not done goes back to the store and comes again; a QUESTION that has no
 * answer yet is left unanswered.
 *
 * Ownership: the event, its message and the texts borrowed from it end here; freed during a call on it, it ends with that call.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
void eref_event_free(eref_event *event);

/**
 * Makes all parked events available again, as for their first attempt: call it when what made them fail has been mended. Events are
 * parked after they were handed out ten times without eref_event_done; an ALERT says so. *out_count (may be NULL) tells how many.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_STORE, EREF_FORKED. No parked event is no error.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_event_unpark(const eref_engine *engine,
                          uint32_t *out_count,
                          eref_error **error);

/**
 * Revokes what apps and backend services were granted for one user, client, patient or launch. Their tokens die at once, in every
 * process on the store, offline ones included. what says whose id it is: EREF_GRANT_USER, _CLIENT, _PATIENT or _LAUNCH. *out_count (may
 * be NULL) tells how many grants there were. A launch that no app has come for yet goes on: end it with eref_launch_end.
 *
 * Ownership: the text is copied.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT (what), EREF_STORE, EREF_FORKED. An id that nothing was granted for is no error.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_grant_revoke(const eref_engine *engine,
                          int32_t what,
                          const char *id,
                          size_t id_len,
                          uint32_t *out_count,
                          eref_error **error);

/**
 * Reads a message that did not come through an engine: a FHIR Bundle of type "message" as JSON. Needs no engine.
 *
 * Ownership: *out is owned by the caller: eref_message_free. The Bundle is copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT (the detail is an OperationOutcome naming the elements), EREF_TOO_LARGE.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_parse(const char *bundle,
                           size_t bundle_len,
                           eref_message **out,
                           eref_error **error);

/**
 * What happened, as the guide's event code, for example "notify-add-appointment".
 *
 * Ownership: the text is borrowed from the message and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL message.
 * Since: 0.1.0
 */
EREF_API void eref_message_event(const eref_message *message, eref_text *out);

/**
 * One field by its plain name, for example "patient.name.family", "appointment.start" or "patient.identifier[0].value" (docs/fields.md).
 * out->data is NULL when the message does not say.
 *
 * Ownership: the text is borrowed from the message and ends with it.
 * Threads: any.
 * Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_UTF8.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_field(const eref_message *message,
                           const char *name,
                           size_t name_len,
                           eref_text *out,
                           eref_error **error);

/**
 * How often a repeating field or group occurs, for example "patient.identifier".
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_UTF8.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_field_count(const eref_message *message,
                                 const char *name,
                                 size_t name_len,
                                 size_t *out_count,
                                 eref_error **error);

/**
 * The whole notification as a JSON object (docs/schema/notification.json): referral, patient, what happened.
 *
 * Ownership: the text is borrowed from the message and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL message.
 * Since: 0.1.0
 */
EREF_API void eref_message_json(const eref_message *message, eref_text *out);

/**
 * The Bundle, byte for byte. The one text without a NUL behind it: use its length.
 *
 * Ownership: the bytes are borrowed from the message and end with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL message.
 * Since: 0.1.0
 */
EREF_API void eref_message_bundle(const eref_message *message, eref_text *out);

/**
 * Everything found wrong or odd in the message, as an OperationOutcome whose issues have "severity" (error, warning, information), "code",
 * "expression" (the place), "details.text" and, in "diagnostics", the source of the rule; the list is empty when nothing was found. The
 * first call checks the message, as one of the dialect it seems to be written in (docs/dialects.md). Findings refuse nothing.
 *
 * Ownership: the text is borrowed from the message and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL message.
 * Since: 0.1.0
 */
EREF_API
void eref_message_issues(const eref_message *message,
                         eref_text *out);

/**
 * How many attachments the message has, those included that are only a URL. 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API size_t eref_message_attachment_count(const eref_message *message);

/**
 * Decodes an attachment piece by piece: fills the buffer from byte offset on; *out_read is 0 at the end. index is the one of
 * attachment[index].title, .content_type, .size and .url (docs/fields.md), and the place in "attachments" of eref_message_json.
 *
 * To write an attachment of a MESSAGE event to a file:
 *
 *     uint8_t piece[65536];
 *     size_t at = 0, read;
 *     status = eref_attachment_fetch(engine, message, i, 60000, NULL, &error);
 *     while (status == EREF_OK) {
 *         status = eref_message_attachment_read(message, i, at, piece, sizeof piece, &read, &error);
 *         if (status != EREF_OK || read == 0) break;
 *         fwrite(piece, 1, read, file);
 *         at += read;
 *     }
 *
 * Ownership: the buffer stays the caller's.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (no such index, or the attachment is only a URL and was not fetched with eref_attachment_fetch),
 * EREF_INVALID_CONTENT (not base64), EREF_INVALID_ARGUMENT.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_attachment_read(const eref_message *message,
                                     size_t index,
                                     size_t offset,
                                     uint8_t *buffer,
                                     size_t buffer_len,
                                     size_t *out_read,
                                     eref_error **error);

/**
 * Compares an attachment with the size and the hash that the message states of it. It takes the whole content, so it is a call of its own.
 * What the message does not state counts as right. A difference is mostly a mistake of the sender: show the attachment, and say so.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_INVALID_CONTENT (the message says whether size or hash differ, or that it is not base64), EREF_NOT_FOUND (as
 * eref_message_attachment_read).
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_attachment_check(const eref_message *message,
                                      size_t index,
                                      eref_error **error);

/**
 * The media type of an attachment: the one its host gave when it was fetched, else the one the message states. out->data is NULL when
 * nobody said.
 *
 * Ownership: the text is borrowed from the message and ends with it.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (no such index).
 * Since: 0.1.0
 */
EREF_API
int32_t eref_message_attachment_type(const eref_message *message,
                                     size_t index,
                                     eref_text *out,
                                     eref_error **error);

/**
 * Fetches an attachment that is only a URL; after that eref_message_attachment_read reads it as if it had come with the message. message is
 * that of a MESSAGE event of this engine (eref_event_message). An attachment that is in the message is left as it is, so this can be called
 * for each. What was fetched once is kept in the store, sealed, for as long as the message, and costs no network again, also after a
 * restart.
 *
 * It is fetched from the hosts of that partner only (messaging.attachment_hosts), with our credential for it, over no redirect to another
 * host and from no private address unless "private" says so. Relative URLs lie below the partner's FHIR base. Size and hash must be those
 * that the message states, the media type too; else nothing is kept.
 *
 * Blocks for at most timeout_ms; 0 asks the store alone; EREF_NO_TIMEOUT waits as long as the configuration allows. A cancel ends it within
 * a tenth of a second, or while connecting within network.connect_ms.
 *
 * Ownership: nothing to free.
 * Threads: any; extend the lease of the event (eref_event_extend) before a long wait.
 * Errors: EREF_NOT_FOUND (no such index, or the host answered 404), EREF_FORBIDDEN (an untrusted message, not a host of the partner, a
 * redirect to another host, a private address), EREF_TOO_LARGE (limits.attachment_bytes), EREF_INVALID_CONTENT (media type, size or hash), EREF_TIMEOUT,
 * EREF_CANCELLED, EREF_NETWORK, EREF_TLS, EREF_REMOTE (eref_error_http_status says what the host answered), EREF_CONFIG, EREF_STORE,
 * EREF_INVALID_ARGUMENT (not a message of an event), EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_attachment_fetch(const eref_engine *engine,
                              const eref_message *message,
                              size_t index,
                              uint32_t timeout_ms,
                              const eref_cancel *cancel,
                              eref_error **error);

/**
 * Frees a message. NULL is allowed; so is a message borrowed from an event: that one stays until its event is freed.
 *
 * Ownership: the message and the texts borrowed from it end here.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
void eref_message_free(eref_message *message);

/**
 * Begins a message to a partner; event is the guide's code, for example "add-service-request".
 *
 * It begins with nothing: all that the event needs is to be set, the referral's number (referral.identifier[0].value) too, except in a new
 * referral, which gets one where none is set. So use it for new referrals, and for referrals that this store does not know. About a
 * referral that is known here use eref_draft_new_for: a message has to carry the referral's full current content, with the numbers of both
 * sides and the ids of its parts, which only that call fills in. What is left out of a draft made here is gone at the partner's.
 *
 * Ownership: *out is owned by the caller: eref_draft_free. The texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (partner), EREF_UNKNOWN_EVENT, EREF_CONFIG (the partner has no "messaging.endpoint", or an unknown
 * dialect), EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_new(const eref_engine *engine,
                       const char *partner,
                       size_t partner_len,
                       const char *event,
                       size_t event_len,
                       eref_draft **out,
                       eref_error **error);

/**
 * Begins a message to a partner about a referral known here: what you do not set is as it was last said, beyond the plain fields too.
 * Fields you set win; an empty value takes away what is there.
 *
 * referral_id is the "referral_id" of a notification or of eref_referral_find. relation is empty, or makes the message about a new
 * referral that comes out of that one: "forwarded" (it replaces it), "split" (it is one of several), "chained" (it is made from it once
 * it was performed). For a new referral set who is to perform it.
 *
 * Ownership: *out is owned by the caller: eref_draft_free. The texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (partner, referral, or none of its messages is kept any more), EREF_UNKNOWN_EVENT, EREF_INVALID_ARGUMENT
 * (relation), EREF_CONFIG, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_new_for(const eref_engine *engine,
                           const char *partner,
                           size_t partner_len,
                           const char *event,
                           size_t event_len,
                           const char *referral_id,
                           size_t referral_id_len,
                           const char *relation,
                           size_t relation_len,
                           eref_draft **out,
                           eref_error **error);

/**
 * The form to fill, as a JSON object; its "fields" list has name, required, format, codes and an example of every field that means
 * something for this event, and under "default" what a known referral has there.
 *
 * Ownership: *out is owned by the caller: eref_string_free.
 * Threads: one call at a time on a draft.
 * Errors: EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_fields_json(eref_draft *draft,
                               eref_string **out,
                               eref_error **error);

/**
 * Sets a field by its plain name, for example "patient.name.family" (docs/fields.md). "patient.identifier[+].value" begins another
 * repetition, "patient.identifier[0].value" changes one. An empty value removes the field.
 *
 * Ownership: the texts are copied.
 * Threads: one call at a time on a draft.
 * Errors: EREF_UNKNOWN_FIELD, EREF_INVALID_FIELD (the message names field and expected form), EREF_INVALID_UTF8, EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_set(eref_draft *draft,
                       const char *name,
                       size_t name_len,
                       const char *value,
                       size_t value_len,
                       eref_error **error);

/**
 * Adds a FHIR resource of the host's own, as JSON; what it says wins over fields of the same meaning.
 *
 * Ownership: the text is copied.
 * Threads: one call at a time on a draft.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_CONTENT, EREF_TOO_LARGE (the message names the limit), EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_add_resource(eref_draft *draft,
                                const char *json,
                                size_t json_len,
                                eref_error **error);

/**
 * Adds a file, for example a referral letter. title is a file name with its extension, content_type its MIME type.
 *
 * Ownership: the texts and the data are copied.
 * Threads: one call at a time on a draft.
 * Errors: EREF_TOO_LARGE (the message names the limit), EREF_INVALID_ARGUMENT (title, content_type, or no data), EREF_INVALID_UTF8,
 * EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_add_attachment(eref_draft *draft,
                                  const char *title,
                                  size_t title_len,
                                  const char *content_type,
                                  size_t content_type_len,
                                  const uint8_t *data,
                                  size_t data_len,
                                  eref_error **error);

/**
 * Adds a file that does not go in the message: the partner fetches it from our FHIR API, at a random address that the message states
 * with size and hash. It needs the credentials by which we know it as a sender (messaging.inbound); nobody else can fetch the file. It is
 * kept from the send on, as long as the body of the message (retention.body_days), or of a later one to this partner about the same
 * referral, which may repeat the address. Send the message as it was built: of one that was parsed again from its text the file is not
 * known any more. Partners to whom the referral is passed on later cannot fetch it.
 *
 * Ownership: the texts and the data are copied.
 * Threads: one call at a time on a draft.
 * Errors: EREF_TOO_LARGE (the message names the limit), EREF_INVALID_ARGUMENT (title, content_type, or no data), EREF_CONFIG (the partner
 * has no credentials in messaging.inbound), EREF_INVALID_UTF8, EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_add_attachment_served(eref_draft *draft,
                                         const char *title,
                                         size_t title_len,
                                         const char *content_type,
                                         size_t content_type_len,
                                         const uint8_t *data,
                                         size_t data_len,
                                         eref_error **error);

/**
 * Adds a file that the partner fetches from an address, instead of one that goes in the message.
 *
 * Ownership: the texts are copied.
 * Threads: one call at a time on a draft.
 * Errors: EREF_INVALID_ARGUMENT (title, content_type or url), EREF_INVALID_UTF8, EREF_BUSY.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_add_attachment_url(eref_draft *draft,
                                      const char *title,
                                      size_t title_len,
                                      const char *content_type,
                                      size_t content_type_len,
                                      const char *url,
                                      size_t url_len,
                                      eref_error **error);

/**
 * Composes the message and checks it for the partner. The draft stays as it is: change it and build again.
 *
 * Ownership: *out is owned by the caller: eref_message_free.
 * Threads: one call at a time on a draft.
 * Errors: EREF_INVALID_FIELD (the detail is an OperationOutcome with all findings at once), EREF_INVALID_CONTENT (the same:
 * the rules of the partner's dialect are not kept), EREF_TOO_LARGE, EREF_BUSY, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_draft_build(eref_draft *draft,
                         eref_message **out,
                         eref_error **error);

/**
 * Frees a draft. NULL is allowed. Messages built from it are not touched.
 *
 * Ownership: the draft ends here; freed during a call on it, it ends with that call.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_draft_free(eref_draft *draft);

/**
 * Hands a message over for delivery to a partner. When it returns EREF_OK the message is on disk: it will be delivered, also after a
 * crash, and a DELIVERY event tells what became of it.
 *
 * host_key is the host's own id of this act, for example the number of its referral record. The same key with the same content
 * answers with the first delivery (eref_delivery_is_repeat tells), so a host that crashed before it noted the result just repeats
 * the call.
 *
 * Ownership: *out is owned by the caller: eref_delivery_free. The message is copied and stays the caller's.
 * Threads: any.
 * Errors: EREF_KEY_REUSED (same key, other content), EREF_NOT_FOUND (partner), EREF_CONFIG (it has no "messaging.endpoint"),
 * EREF_INVALID_ARGUMENT (host_key has not 1 to 255 bytes), EREF_UNKNOWN_EVENT, EREF_TEST_DATA (test and real would mix),
 * EREF_INVALID_CONTENT (the message has errors; the detail is an OperationOutcome with all of them), EREF_FORBIDDEN (by our part in the
 * referral this is not ours to say), EREF_WRONG_STATE (a step that its life does not foresee; eref_send_with can force it), EREF_STORE,
 * EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_send(const eref_engine *engine,
                  const char *partner,
                  size_t partner_len,
                  const char *host_key,
                  size_t host_key_len,
                  const eref_message *message,
                  eref_delivery **out,
                  eref_error **error);

/**
 * As eref_send, with options: a JSON object (docs/schema/send-options.json), or empty for none. "force" is the reason why a step that is
 * not foreseen is taken all the same; it stands in the audit. "complete": true lets us add to a Bundle of your own what it lacks: ids,
 * fullUrls, timestamp, profiles, the label of test data; without it a Bundle goes byte for byte or is refused.
 *
 * Ownership: *out is owned by the caller: eref_delivery_free. Message and texts are copied.
 * Threads: any.
 * Errors: as eref_send; EREF_INVALID_JSON and EREF_INVALID_ARGUMENT (options).
 * Since: 0.1.0
 */
EREF_API
int32_t eref_send_with(const eref_engine *engine,
                       const char *partner,
                       size_t partner_len,
                       const char *host_key,
                       size_t host_key_len,
                       const eref_message *message,
                       const char *options,
                       size_t options_len,
                       eref_delivery **out,
                       eref_error **error);

/**
 * Finds a delivery by its id or by the host's key.
 *
 * Ownership: *out is owned by the caller: eref_delivery_free.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_delivery_find(const eref_engine *engine,
                           const char *id_or_key,
                           size_t id_or_key_len,
                           eref_delivery **out,
                           eref_error **error);

/**
 * Sends a delivery again that is unfinished, refused or dead, at once, even if the partner is not being reached. It is the same message,
 * with the same MessageHeader.id, so that the partner can tell; in a Bundle with a new id, unless the partner's
 * "messaging.resend_bundle_id" is "same".
 *
 * Ownership: *out is owned by the caller: eref_delivery_free.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (it was delivered, dropped or replaced, or is being sent), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_delivery_resend(const eref_engine *engine,
                             const char *id,
                             size_t id_len,
                             eref_delivery **out,
                             eref_error **error);

/**
 * Sends another message to the same partner instead of a delivery that did not get through: the corrected one instead of a refused
 * one. The old delivery stays, with "replaced_by" naming the new. The message is a new one, built or composed anew, with ids of its own;
 * host_key is a new key of the host's, as for eref_send.
 *
 * Ownership: *out is owned by the caller: eref_delivery_free. The message is copied and stays the caller's.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (the old one was delivered, dropped or replaced, or is being sent), EREF_INVALID_ARGUMENT (the
 * message has the ids of the old one), and those of eref_send.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_delivery_replace(const eref_engine *engine,
                              const char *id,
                              size_t id_len,
                              const char *host_key,
                              size_t host_key_len,
                              const eref_message *message,
                              eref_delivery **out,
                              eref_error **error);

/**
 * Gives up a delivery that is unfinished, refused or dead: it becomes dead and is not sent again. A DELIVERY event says so. reason has 1
 * to 500 bytes, is kept with the delivery and stands in the audit trail.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_WRONG_STATE (it was delivered, dropped or replaced, or is being sent), EREF_INVALID_ARGUMENT (reason),
 * EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_delivery_drop(const eref_engine *engine,
                           const char *id,
                           size_t id_len,
                           const char *reason,
                           size_t reason_len,
                           eref_error **error);

/**
 * The newest deliveries, at most limit, as a JSON array; state is one of EREF_DELIVERY_*, or 0 for all.
 *
 * Ownership: *out is owned by the caller: eref_string_free.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT (state), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_delivery_list(const eref_engine *engine,
                           int32_t state,
                           uint32_t limit,
                           eref_string **out,
                           eref_error **error);

/**
 * The id of the delivery, as in DELIVERY events.
 *
 * Ownership: the text is borrowed from the delivery and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL delivery.
 * Since: 0.1.0
 */
EREF_API void eref_delivery_id(const eref_delivery *delivery, eref_text *out);

/**
 * Where the delivery stood, one of EREF_DELIVERY_*. 0 for NULL.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_delivery_state(const eref_delivery *delivery);

/**
 * 1 when eref_send found that the same call was made before, else 0.
 *
 * Ownership: nothing to free.
 * Threads: any.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API int32_t eref_delivery_is_repeat(const eref_delivery *delivery);

/**
 * The delivery as a JSON object (docs/schema/delivery.json): partner, state, attempts, times, the partner's answer.
 *
 * Ownership: the text is borrowed from the delivery and ends with it.
 * Threads: any.
 * Errors: none; out->data is NULL for a NULL delivery.
 * Since: 0.1.0
 */
EREF_API
void eref_delivery_json(const eref_delivery *delivery,
                        eref_text *out);

/**
 * Frees the handle; the delivery itself goes on. NULL is allowed.
 *
 * Ownership: the handle and the texts borrowed from it end here.
 * Threads: any, but not while another thread reads it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_delivery_free(eref_delivery *delivery);

/**
 * A referral as a JSON object (docs/schema/referral.json), found by our id (system empty) or by one of its identifiers. Partners number on
 * their own, and any of them can name any number: where several referrals carry an identifier, the one that we or the host named so comes
 * first, then one that is not unlinked, then the one that changed last. "parties" says whose it is.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_referral_find(const eref_engine *engine,
                           const char *system,
                           size_t system_len,
                           const char *value,
                           size_t value_len,
                           eref_string **out,
                           eref_error **error);

/**
 * The referrals that changed last, at most limit, as a JSON array. The filter is a JSON object (docs/schema/referral-filter.json:
 * unlinked, changed_since, partner), or NULL for all. {"unlinked":true} gives those that wait for eref_referral_settle.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The filter is copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (changed_since is not a time), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_referral_list(const eref_engine *engine,
                           const char *filter,
                           size_t filter_len,
                           uint32_t limit,
                           eref_string **out,
                           eref_error **error);

/**
 * What was said of a referral, in and out, newest first, at most limit messages, as a JSON array (docs/schema/history.json). Kept as long
 * as the referral.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The text is copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_referral_history(const eref_engine *engine,
                              const char *referral_id,
                              size_t referral_id_len,
                              uint32_t limit,
                              eref_string **out,
                              eref_error **error);

/**
 * Gives a referral another identifier, for example the host's own number for it, so that later messages and eref_referral_find know it
 * by that one too.
 *
 * Ownership: the texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND, EREF_KEY_REUSED (we or the host named another referral so), EREF_INVALID_ARGUMENT (system or value is empty), EREF_STORE,
 * EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_referral_link(const eref_engine *engine,
                           const char *referral_id,
                           size_t referral_id_len,
                           const char *system,
                           size_t system_len,
                           const char *value,
                           size_t value_len,
                           eref_error **error);

/**
 * Says where an unlinked referral belongs. A message that led to no known referral made it ("unlinked" in its document, with what it may
 * belong to under "candidates"); nothing is ever linked by the patient alone. "to" is our id of the referral it is part of, of the launch
 * it came of, or its own id where it stands by itself. What becomes part of another brings its identifiers, parties, history and waiting
 * events along, a partner in the part it took only where nobody has that part yet, and else as an informer; its id leads to that other one from then on.
 *
 * Ownership: the texts are copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (one of the two is not there), EREF_WRONG_STATE (the referral is not unlinked), EREF_KEY_REUSED (another referral
 * came of that launch), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_referral_settle(const eref_engine *engine,
                             const char *referral_id,
                             size_t referral_id_len,
                             const char *to,
                             size_t to_len,
                             eref_error **error);

/**
 * Records in the audit chain what the host says happened, for example who viewed a referral. The note is a JSON object of the host's.
 *
 * Ownership: the text is copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_audit_note(const eref_engine *engine,
                        const char *json,
                        size_t json_len,
                        eref_error **error);

/**
 * Says whether any entry of the audit trail was changed, removed, added or moved, as a JSON object (docs/schema/audit-report.json): "whole" is
 * the answer, "problems" says in words what is wrong. "known" is the "heads" of an earlier report that was kept outside the store, or NULL:
 * with it a store that was put back to an older copy is found too. Takes a few seconds for a million entries; the engine goes on serving.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The text is copied.
 * Threads: any.
 * Errors: EREF_INVALID_JSON, EREF_INVALID_ARGUMENT (known is no heads of a report), EREF_STORE, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_audit_verify(const eref_engine *engine,
                          const char *known,
                          size_t known_len,
                          eref_string **out,
                          eref_error **error);

/**
 * The newest messages received, at most limit, as a JSON array (docs/schema/reception.json). "state" is one of waiting, leased, parked,
 * done, or empty for all.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The text is copied.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT (state), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_inbox_list(const eref_engine *engine,
                        const char *state,
                        size_t state_len,
                        uint32_t limit,
                        eref_string **out,
                        eref_error **error);

/**
 * One message received, as a JSON object (docs/schema/reception.json) with its notification under "notification", as long as the
 * message's body is kept.
 *
 * Ownership: *out is owned by the caller: eref_string_free. The text is copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (no such reception), EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_inbox_show(const eref_engine *engine,
                        const char *reception_id,
                        size_t reception_id_len,
                        eref_string **out,
                        eref_error **error);

/**
 * Hands a message over once more: a parked event comes again as for its first attempt, one that was done comes as a new event with
 * another id. For a host that lost what it took. The document of such a new event says "resent": its summary, changes and needs are
 * those of the day the message came, so it is no news; its links and candidates are those of now.
 *
 * Ownership: the text is copied.
 * Threads: any.
 * Errors: EREF_NOT_FOUND (no such reception, or the message is not kept any more), EREF_WRONG_STATE (its event is out just now),
 * EREF_STORE, EREF_INVALID_UTF8, EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_inbox_resend(const eref_engine *engine,
                          const char *reception_id,
                          size_t reception_id_len,
                          eref_error **error);

/**
 * Takes the oldest log line; *out is NULL when there is none. A line reads "TIME LEVEL PART: what happened", without a line break and
 * without anything personal. *out_level (may be NULL) is one of EREF_LOG_*. Lines that nobody takes push out the oldest.
 *
 * Ownership: *out is owned by the caller: eref_string_free.
 * Threads: any.
 * Errors: EREF_FORKED.
 * Since: 0.1.0
 */
EREF_API
int32_t eref_log_next(const eref_engine *engine,
                      int32_t *out_level,
                      eref_string **out,
                      eref_error **error);

/**
 * Makes a cancel token.
 *
 * Ownership: *out is owned by the caller: eref_cancel_free.
 * Threads: any.
 * Errors: EREF_INVALID_ARGUMENT.
 * Since: 0.1.0
 */
EREF_API int32_t eref_cancel_new(eref_cancel **out, eref_error **error);

/**
 * Ends the calls that wait with this token, at once or as soon as they begin to wait. They return EREF_CANCELLED. NULL is ignored.
 *
 * Ownership: nothing to free.
 * Threads: any, also while a call waits with it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API
void eref_cancel_signal(const eref_cancel *cancel);

/**
 * Frees a cancel token. NULL is allowed. A call that waits with it goes on waiting.
 *
 * Ownership: the token ends here.
 * Threads: any, also while a call waits with it, but not while another thread signals it.
 * Errors: none.
 * Since: 0.1.0
 */
EREF_API void eref_cancel_free(eref_cancel *cancel);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EREFERRAL_H */
