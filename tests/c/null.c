/* NULL for every pointer of every function: a status or nothing, never a crash. */
#include <stdio.h>
#include "ereferral.h"

#define N EREF_NUL_TERMINATED
#define FAILS(call) do { if ((call) == EREF_OK) { printf("passed: %s\n", #call); failures++; } } while (0)
#define NOTHING(call) do { if ((call) != 0) { printf("something: %s\n", #call); failures++; } } while (0)

int main(void)
{
    int failures = 0;
    eref_error *error = NULL;
    eref_text text = { "x", 1 };

    NOTHING(eref_error_status(NULL));
    NOTHING(eref_error_category(NULL));
    NOTHING(eref_error_http_status(NULL));
    NOTHING(eref_error_is_retriable(NULL));
    eref_error_message(NULL, NULL);
    eref_error_detail(NULL, NULL);
    eref_error_message(NULL, &text);
    NOTHING(text.data != NULL);
    eref_error_free(NULL);
    NOTHING(eref_string_data(NULL) != NULL);
    NOTHING(eref_string_len(NULL) != 0);
    eref_string_free(NULL);

    FAILS(eref_config_new(NULL, NULL));
    FAILS(eref_config_parse_json(NULL, NULL, N, NULL));
    FAILS(eref_config_read_file(NULL, NULL, N, NULL));
    FAILS(eref_config_set_secret(NULL, NULL, N, NULL, N, NULL));
    eref_config_free(NULL);

    FAILS(eref_engine_new(NULL, NULL, NULL));
    FAILS(eref_engine_configure(NULL, NULL, NULL));
    FAILS(eref_engine_start(NULL, NULL));
    FAILS(eref_engine_stop(NULL, 0, NULL));
    FAILS(eref_engine_pump(NULL, 0, NULL, NULL));
    FAILS(eref_engine_status_json(NULL, NULL, NULL));
    FAILS(eref_engine_wakeup_fd(NULL, NULL, NULL));
    FAILS(eref_engine_set_wakeup_event(NULL, NULL, NULL));
    FAILS(eref_engine_set_wakeup_message(NULL, NULL, 0, NULL));
    eref_engine_free(NULL);

    FAILS(eref_launch_start(NULL, NULL, N, NULL, NULL));
    eref_launch_url(NULL, NULL);
    eref_launch_id(NULL, NULL);
    eref_launch_correlation(NULL, NULL);
    eref_launch_free(NULL);
    FAILS(eref_launch_end(NULL, NULL, N, NULL));
    FAILS(eref_login_finish(NULL, NULL, N, NULL, N, NULL, NULL));
    FAILS(eref_session_end(NULL, NULL, N, NULL, NULL));
    FAILS(eref_grant_revoke(NULL, 0, NULL, N, NULL, NULL));
    FAILS(eref_session_patient(NULL, NULL, N, NULL, N, NULL, NULL));
    FAILS(eref_event_unpark(NULL, NULL, NULL));
    FAILS(eref_chart_put(NULL, NULL, N, NULL, N, NULL));

    FAILS(eref_event_next(NULL, 0, 0, NULL, NULL, NULL));
    NOTHING(eref_event_kind(NULL) != 0);
    NOTHING(eref_event_attempt(NULL) != 0);
    eref_event_id(NULL, NULL);
    eref_event_json(NULL, NULL);
    eref_event_partner(NULL, NULL);
    eref_event_referral_id(NULL, NULL);
    NOTHING(eref_event_message(NULL) != NULL);
    FAILS(eref_event_field(NULL, NULL, N, NULL, NULL));
    FAILS(eref_event_done(NULL, NULL));
    FAILS(eref_event_retry(NULL, 0, NULL, N, NULL));
    FAILS(eref_event_extend(NULL, NULL));
    FAILS(eref_event_answer(NULL, NULL, N, NULL));
    FAILS(eref_event_refuse(NULL, EREF_REFUSE_FORBIDDEN, NULL, N, NULL));
    eref_event_free(NULL);

    FAILS(eref_message_parse(NULL, N, NULL, NULL));
    eref_message_event(NULL, NULL);
    FAILS(eref_message_field(NULL, NULL, N, NULL, NULL));
    FAILS(eref_message_field_count(NULL, NULL, N, NULL, NULL));
    eref_message_json(NULL, NULL);
    eref_message_bundle(NULL, NULL);
    eref_message_issues(NULL, NULL);
    NOTHING(eref_message_attachment_count(NULL) != 0);
    FAILS(eref_message_attachment_read(NULL, 0, 0, NULL, 1, NULL, NULL));
    FAILS(eref_message_attachment_check(NULL, 0, NULL));
    FAILS(eref_message_attachment_type(NULL, 0, NULL, NULL));
    FAILS(eref_attachment_fetch(NULL, NULL, 0, 0, NULL, NULL));
    eref_message_free(NULL);

    FAILS(eref_draft_new(NULL, NULL, N, NULL, N, NULL, NULL));
    FAILS(eref_draft_new_for(NULL, NULL, N, NULL, N, NULL, N, NULL, N, NULL, NULL));
    FAILS(eref_draft_add_attachment_served(NULL, NULL, N, NULL, N, NULL, 1, NULL));
    FAILS(eref_draft_add_attachment_url(NULL, NULL, N, NULL, N, NULL, N, NULL));
    FAILS(eref_draft_fields_json(NULL, NULL, NULL));
    FAILS(eref_draft_set(NULL, NULL, N, NULL, N, NULL));
    FAILS(eref_draft_add_resource(NULL, NULL, N, NULL));
    FAILS(eref_draft_add_attachment(NULL, NULL, N, NULL, N, NULL, 1, NULL));
    FAILS(eref_draft_build(NULL, NULL, NULL));
    eref_draft_free(NULL);

    FAILS(eref_send(NULL, NULL, N, NULL, N, NULL, NULL, NULL));
    FAILS(eref_send_with(NULL, NULL, N, NULL, N, NULL, NULL, N, NULL, NULL));
    FAILS(eref_delivery_find(NULL, NULL, N, NULL, NULL));
    FAILS(eref_delivery_resend(NULL, NULL, N, NULL, NULL));
    FAILS(eref_delivery_replace(NULL, NULL, N, NULL, N, NULL, NULL, NULL));
    FAILS(eref_delivery_drop(NULL, NULL, N, NULL, N, NULL));
    FAILS(eref_delivery_list(NULL, 0, 1, NULL, NULL));
    eref_delivery_id(NULL, NULL);
    NOTHING(eref_delivery_state(NULL));
    NOTHING(eref_delivery_is_repeat(NULL));
    eref_delivery_json(NULL, NULL);
    eref_delivery_free(NULL);

    FAILS(eref_referral_find(NULL, NULL, N, NULL, N, NULL, NULL));
    FAILS(eref_referral_list(NULL, NULL, N, 1, NULL, NULL));
    FAILS(eref_referral_history(NULL, NULL, N, 1, NULL, NULL));
    FAILS(eref_referral_settle(NULL, NULL, N, NULL, N, NULL));
    FAILS(eref_inbox_list(NULL, NULL, N, 1, NULL, NULL));
    FAILS(eref_inbox_show(NULL, NULL, N, NULL, NULL));
    FAILS(eref_inbox_resend(NULL, NULL, N, NULL));
    FAILS(eref_referral_link(NULL, NULL, N, NULL, N, NULL, N, NULL));
    FAILS(eref_audit_note(NULL, NULL, N, NULL));
    FAILS(eref_audit_verify(NULL, NULL, N, NULL, NULL));
    FAILS(eref_log_next(NULL, NULL, NULL, NULL));

    FAILS(eref_cancel_new(NULL, NULL));
    eref_cancel_signal(NULL);
    eref_cancel_free(NULL);

    NOTHING(eref_version_text() == NULL);
    NOTHING(eref_build_info() == NULL);
    NOTHING(eref_status_name(0) == NULL);
    NOTHING(eref_abi_number() != EREF_ABI_NUMBER);

    /* With an error to fill: it names the argument, and an output is emptied even when another argument is wrong. */
    {
        eref_string *out = (eref_string *)&failures;
        int32_t status = eref_engine_status_json(NULL, &out, &error);
        eref_error_message(error, &text);
        if (status != EREF_INVALID_ARGUMENT || eref_error_status(error) != status || out != NULL || text.data == NULL) {
            printf("no proper error for a NULL engine\n");
            failures++;
        }
        eref_error_free(error);
    }
    return failures != 0;
}
