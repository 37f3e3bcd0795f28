/* The inbox of a clinic: prints each notification that arrives. */
#include <stdio.h>
#include "ereferral.h"

static int failed(eref_error *error)
{
    eref_text why;
    eref_error_message(error, &why);
    fprintf(stderr, "%s: %s\n", eref_status_name(eref_error_status(error)), why.data);
    eref_error_free(error);
    return 1;
}

int main(void)
{
    eref_config *config = NULL; eref_engine *engine = NULL; eref_event *event = NULL; eref_error *error = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);                      /* each line at once, also into a pipe or a file */
    if (eref_config_new(&config, &error) ||
        eref_config_read_file(config, "ereferral.json", EREF_NUL_TERMINATED, &error) ||
        eref_engine_new(config, &engine, &error) ||        /* opens the store */
        eref_engine_start(engine, &error))                 /* listens */
        return failed(error);
    eref_config_free(config);
    for (;;) {
        eref_text id, what;
        int32_t status = eref_event_next(engine, EREF_EVENT_MESSAGE, 60000, NULL, &event, &error);
        if (status == EREF_TIMEOUT) continue;
        if (status != EREF_OK) return failed(error);
        eref_event_id(event, &id);                         /* the same when it is handed out again */
        eref_event_json(event, &what);
        printf("%s %s\n", id.data, what.data);             /* store it in your own database here, then: */
        status = eref_event_done(event, &error);
        eref_event_free(event);
        if (status == EREF_LEASE_LOST) eref_error_free(error);   /* too late: if it comes again, its id tells you */
        else if (status != EREF_OK) return failed(error);
    }
}
