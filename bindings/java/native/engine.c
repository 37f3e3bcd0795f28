/* Configuration, engine, launches, events, and what is asked of an engine. */
#include "shim.h"

/* ---- configuration ---- */

NEW(configNew, eref_config, eref_config_new)
DO1(configParseJson, eref_config, eref_config_parse_json)
DO1(configReadFile, eref_config, eref_config_read_file)
DO2(configSetSecret, eref_config, eref_config_set_secret)
FREE(configFree, eref_config, eref_config_free)

/* ---- engine ---- */

FN(jlong, engineNew)(JAVA, jlong config)
{
    eref_engine *out = NULL;
    (void)native;
    CALL(eref_engine_new(AS(eref_config, config), &out, &error));
    return LONG(out);
}

FN(void, engineConfigure)(JAVA, jlong engine, jlong config)
{
    (void)native;
    CALL(eref_engine_configure(AS(eref_engine, engine), AS(eref_config, config), &error));
}

DO(engineStart, eref_engine, eref_engine_start)

FN(void, engineStop)(JAVA, jlong engine, jint timeout)
{
    (void)native;
    CALL(eref_engine_stop(AS(eref_engine, engine), (uint32_t)timeout, &error));
}

FN(jboolean, enginePump)(JAVA, jlong engine, jint budget)
{
    int32_t more = 0;
    (void)native;
    CALL(eref_engine_pump(AS(eref_engine, engine), (uint32_t)budget, &more, &error));
    return (jboolean)(more != 0);
}

FN(jbyteArray, engineStatusJson)(JAVA, jlong engine)
{
    eref_string *out = NULL;
    (void)native;
    CALL(eref_engine_status_json(AS(eref_engine, engine), &out, &error));
    return owned(env, out);
}

FN(jint, engineWakeupFd)(JAVA, jlong engine)
{
    int32_t fd = -1;
    (void)native;
    CALL(eref_engine_wakeup_fd(AS(eref_engine, engine), &fd, &error));
    return fd;
}

FN(void, engineSetWakeupEvent)(JAVA, jlong engine, jlong handle)
{
    (void)native;
    CALL(eref_engine_set_wakeup_event(AS(eref_engine, engine), AS(void, handle), &error));
}

FN(void, engineSetWakeupMessage)(JAVA, jlong engine, jlong window, jint message)
{
    (void)native;
    CALL(eref_engine_set_wakeup_message(AS(eref_engine, engine), AS(void, window), (uint32_t)message, &error));
}

FREE(engineFree, eref_engine, eref_engine_free)

/* ---- launches ---- */

MAKE1(launchStart, eref_launch, eref_launch_start)
TEXT_OF(launchUrl, eref_launch, eref_launch_url)
TEXT_OF(launchId, eref_launch, eref_launch_id)
TEXT_OF(launchCorrelation, eref_launch, eref_launch_correlation)
FREE(launchFree, eref_launch, eref_launch_free)
DO1(launchEnd, eref_engine, eref_launch_end)

FN(jint, sessionEnd)(JAVA, jlong engine, jbyteArray session)
{
    uint32_t count = 0;
    input x;
    (void)native;
    if (!take(env, session, &x)) return 0;
    CALL(eref_session_end(AS(eref_engine, engine), x.data, x.len, &count, &error));
    done(&x);
    return (jint)count;
}

FN(jlong, loginFinish)(JAVA, jlong engine, jbyteArray login, jbyteArray request)
{
    eref_launch *out = NULL;
    input x, y;
    (void)native;
    if (!take(env, login, &x)) return 0;
    if (take(env, request, &y)) {
        CALL(eref_login_finish(AS(eref_engine, engine), x.data, x.len, y.data, y.len, &out, &error));
        done(&y);
    }
    done(&x);
    return LONG(out);
}

FN(jint, sessionPatient)(JAVA, jlong engine, jbyteArray session, jbyteArray patient)
{
    uint32_t count = 0;
    input x, y;
    (void)native;
    if (!take(env, session, &x)) return 0;
    if (take(env, patient, &y)) {
        CALL(eref_session_patient(AS(eref_engine, engine), x.data, x.len, y.data, y.len, &count, &error));
        done(&y);
    }
    done(&x);
    return (jint)count;
}

FN(jint, grantRevoke)(JAVA, jlong engine, jint what, jbyteArray id)
{
    uint32_t count = 0;
    input x;
    (void)native;
    if (!take(env, id, &x)) return 0;
    CALL(eref_grant_revoke(AS(eref_engine, engine), what, x.data, x.len, &count, &error));
    done(&x);
    return (jint)count;
}

DO2(chartPut, eref_engine, eref_chart_put)

/* ---- events ---- */

FN(jlong, eventNext)(JAVA, jlong engine, jint kinds, jint timeout, jlong cancel)
{
    eref_event *out = NULL;
    eref_error *error = NULL;
    (void)native;
    eref_event_next(AS(eref_engine, engine), (uint32_t)kinds, (uint32_t)timeout, AS(eref_cancel, cancel), &out, &error);
    /* That no event came is no failure: it is the one status without an error. */
    if (error) raise_failure(env, error);
    return LONG(out);
}

NUMBER_OF(eventKind, jint, eref_event, eref_event_kind)
TEXT_OF(eventId, eref_event, eref_event_id)
TEXT_OF(eventPartner, eref_event, eref_event_partner)
TEXT_OF(eventReferralId, eref_event, eref_event_referral_id)
NUMBER_OF(eventAttempt, jint, eref_event, eref_event_attempt)

FN(jlong, eventMessage)(JAVA, jlong event)
{
    UNUSED;
    return LONG(eref_event_message(AS(eref_event, event)));
}

TEXT_OF(eventJson, eref_event, eref_event_json)

FN(jbyteArray, eventField)(JAVA, jlong event, jbyteArray name)
{
    eref_text out = { NULL, 0 };
    input x;
    (void)native;
    if (!take(env, name, &x)) return NULL;
    CALL(eref_event_field(AS(eref_event, event), x.data, x.len, &out, &error));
    done(&x);
    return text(env, out);
}

DO(eventDone, eref_event, eref_event_done)

FN(void, eventRetry)(JAVA, jlong event, jint after, jbyteArray reason)
{
    input x;
    (void)native;
    if (!take(env, reason, &x)) return;
    CALL(eref_event_retry(AS(eref_event, event), (uint32_t)after, x.data, x.len, &error));
    done(&x);
}

DO(eventExtend, eref_event, eref_event_extend)
DO1(eventAnswer, eref_event, eref_event_answer)

FN(void, eventRefuse)(JAVA, jlong event, jint reason, jbyteArray said)
{
    input x;
    (void)native;
    if (!take(env, said, &x)) return;
    CALL(eref_event_refuse(AS(eref_event, event), reason, x.data, x.len, &error));
    done(&x);
}

FREE(eventFree, eref_event, eref_event_free)

FN(jint, eventUnpark)(JAVA, jlong engine)
{
    uint32_t count = 0;
    (void)native;
    CALL(eref_event_unpark(AS(eref_engine, engine), &count, &error));
    return (jint)count;
}

/* ---- referrals, audit, inbox, log ---- */

FN(jbyteArray, referralFind)(JAVA, jlong engine, jbyteArray system, jbyteArray value)
{
    eref_string *out = NULL;
    input x, y;
    (void)native;
    if (!take(env, system, &x)) return NULL;
    if (take(env, value, &y)) {
        CALL(eref_referral_find(AS(eref_engine, engine), x.data, x.len, y.data, y.len, &out, &error));
        done(&y);
    }
    done(&x);
    return owned(env, out);
}

LIST1(referralList, eref_referral_list)
LIST1(referralHistory, eref_referral_history)

FN(void, referralLink)(JAVA, jlong engine, jbyteArray referral, jbyteArray system, jbyteArray value)
{
    input x, y, z;
    (void)native;
    if (!take(env, referral, &x)) return;
    if (take(env, system, &y)) {
        if (take(env, value, &z)) {
            CALL(eref_referral_link(AS(eref_engine, engine), x.data, x.len, y.data, y.len, z.data, z.len, &error));
            done(&z);
        }
        done(&y);
    }
    done(&x);
}

DO2(referralSettle, eref_engine, eref_referral_settle)
DO1(auditNote, eref_engine, eref_audit_note)
DOCUMENT1(auditVerify, eref_audit_verify)
LIST1(inboxList, eref_inbox_list)

DOCUMENT1(inboxShow, eref_inbox_show)
DO1(inboxResend, eref_engine, eref_inbox_resend)

FN(jbyteArray, logNext)(JAVA, jlong engine, jintArray level)
{
    eref_string *out = NULL;
    int32_t found = 0;
    jint value;
    (void)native;
    CALL(eref_log_next(AS(eref_engine, engine), &found, &out, &error));
    value = found;
    if (out) (*env)->SetIntArrayRegion(env, level, 0, 1, &value);
    return owned(env, out);
}
