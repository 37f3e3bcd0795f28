package ca.ereferral;

import java.util.function.LongFunction;

/**
 * What a host opens: an engine on a store, serving or a desk. Any thread, any number of calls at once.
 *
 * <p>{@link #close} never waits, and ends the calls that wait ({@link #nextEvent}, {@link #fetchAttachment}): they fail with
 * {@link IllegalStateException}. Call {@link #stop} first, which knows when what was under way is finished.
 */
public final class Engine extends Handle {
    /** As a timeout: wait without end. */
    public static final int NO_TIMEOUT = -1;

    /** Ends what waits, when this engine is closed; lives as long as the engine. */
    private final Cancel closing;

    /**
     * Opens an engine: checks the configuration and opens the store, or makes it at the first time ({@code eref_engine_new}). Starts
     * nothing yet.
     *
     * @param config the configuration; the engine has its own copy
     * @throws EReferralException {@link Status#CONFIG}, {@link Status#STORE}, {@link Status#STORE_KEY}, {@link Status#STORE_VERSION},
     *     {@link Status#STORE_NETWORK}, {@link Status#BUSY}
     */
    public Engine(Config config) {
        this(config.with(Native::engineNew), new Cancel());
    }

    private Engine(long pointer, Cancel closing) {
        super(pointer, engine -> {
            Native.engineFree(engine);
            closing.close();
        });
        this.closing = closing;
    }

    /** Ends waiting calls and frees the engine after the calls that are using it; a second time does nothing. */
    @Override
    public void close() {
        closing.end();
        super.close();
    }

    /** A call that the caller's token ends, which may be null, or closing this engine. */
    private <T> T waiting(Cancel cancel, LongFunction<T> call) {
        try {
            return cancel == null ? closing.with(call) : closing.withEither(cancel, call);
        } catch (EReferralException failure) {
            boolean callers = cancel != null && cancel.signalled();
            if (failure.status() == Status.CANCELLED && closing.signalled() && !callers) {
                throw new IllegalStateException("this Engine is closed", failure);
            }
            throw failure;
        }
    }

    /**
     * Puts another configuration in force, whole or not at all ({@code eref_engine_configure}). Store and addresses cannot change.
     *
     * @param config the configuration
     * @throws EReferralException {@link Status#CONFIG} (the old one stays in force), {@link Status#STORE}, {@link Status#BUSY}
     */
    public void configure(Config config) {
        run(engine -> config.run(other -> Native.engineConfigure(engine, other)));
    }

    /**
     * Starts the engine ({@code eref_engine_start}). Serving: it listens and delivers. Desk: it watches the store.
     *
     * @throws EReferralException {@link Status#WRONG_STATE}, {@link Status#STORE_IN_USE} (the message names process and host),
     *     {@link Status#LISTEN}, {@link Status#CONFIG}, {@link Status#STORE}
     */
    public void start() {
        run(Native::engineStart);
    }

    /**
     * Stops listening, ends waiting calls with {@link Status#CANCELLED}, and waits for what is under way ({@code eref_engine_stop}).
     *
     * @param timeoutMillis how long to wait at most
     * @throws EReferralException {@link Status#TIMEOUT} (something is still under way), {@link Status#WRONG_STATE} (not started),
     *     {@link Status#STORE}
     */
    public void stop(int timeoutMillis) {
        int timeout = Numbers.timeout(timeoutMillis);
        run(engine -> Native.engineStop(engine, timeout));
    }

    /**
     * Delivers on the caller's thread, for engines with "threads": false ({@code eref_engine_pump}).
     *
     * @param budgetMillis for how long at most
     * @return whether more is due already
     * @throws EReferralException {@link Status#WRONG_STATE}, {@link Status#STORE}, {@link Status#STORE_IN_USE}
     */
    public boolean pump(int budgetMillis) {
        int budget = Numbers.atLeastZero(budgetMillis, "budgetMillis");
        return with(engine -> Native.enginePump(engine, budget));
    }

    /**
     * How the engine is doing (docs/schema/status.json): state, addresses in use, partners, queues. Holds nothing personal.
     *
     * @return a JSON object
     */
    public String statusJson() {
        return text(Native::engineStatusJson);
    }

    /**
     * A descriptor for poll or select that becomes readable when an event may be waiting ({@code eref_engine_wakeup_fd}); for hosts with
     * a loop of their own in C. Do not close it. Unix only.
     *
     * @return the descriptor
     * @throws EReferralException {@link Status#WRONG_STATE} (on Windows), {@link Status#NO_MEMORY}
     */
    public int wakeupFd() {
        return number(Native::engineWakeupFd);
    }

    /**
     * Names a Windows event object to be set when an event may be waiting ({@code eref_engine_set_wakeup_event}).
     *
     * @param handle the HANDLE; 0 ends it
     * @throws EReferralException {@link Status#WRONG_STATE}: not on this system, or not in this version
     */
    public void setWakeupEvent(long handle) {
        run(engine -> Native.engineSetWakeupEvent(engine, handle));
    }

    /**
     * Names a window to which a message is posted when an event may be waiting ({@code eref_engine_set_wakeup_message}).
     *
     * @param window the HWND; 0 ends it
     * @param message the number of the message
     * @throws EReferralException {@link Status#WRONG_STATE}: not on this system, or not in this version
     */
    public void setWakeupMessage(long window, int message) {
        run(engine -> Native.engineSetWakeupMessage(engine, window, message));
    }

    /**
     * Starts a launch of a partner's app for one user and one patient ({@code eref_launch_start}).
     *
     * @param request a JSON object (docs/schema/launch.json)
     * @return the launch; open its URL in the user's browser
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_ARGUMENT} (the message names the member),
     *     {@link Status#INVALID_CONTENT} (the chart), {@link Status#NOT_FOUND} (no such partner, or it has no app), {@link Status#STORE}
     */
    public Launch startLaunch(String request) {
        byte[] json = Utf8.needed(request, "request");
        return new Launch(with(engine -> Native.launchStart(engine, json)));
    }

    /**
     * Ends a launch: the app's tokens die at once and its chart is deleted ({@code eref_launch_end}).
     *
     * @param launchId the id of the launch
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public void endLaunch(String launchId) {
        byte[] id = Utf8.needed(launchId, "launchId");
        run(engine -> Native.launchEnd(engine, id));
    }

    /**
     * Ends all launches of one session of the host: call it when the user logs out ({@code eref_session_end}).
     *
     * @param session the session
     * @return how many there were
     * @throws EReferralException {@link Status#STORE}
     */
    public int endSession(String session) {
        byte[] name = Utf8.needed(session, "session");
        return number(engine -> Native.sessionEnd(engine, name));
    }

    /**
     * Goes on with a launch that an app began by itself, after its user signed in on your own page ({@code eref_login_finish}). Call it
     * only for a user whom that page has just signed in or recognised.
     *
     * @param login the value of the parameter eref_login with which the browser came
     * @param request as for {@link #startLaunch}; "partner" may be left out
     * @return the launch; send this very browser, and no other, to its URL
     * @throws EReferralException {@link Status#NOT_FOUND} (unknown, finished already, or too late), {@link Status#INVALID_JSON},
     *     {@link Status#INVALID_ARGUMENT}, {@link Status#INVALID_CONTENT} (the chart), {@link Status#STORE}
     */
    public Launch finishLogin(String login, String request) {
        byte[] which = Utf8.needed(login, "login");
        byte[] json = Utf8.needed(request, "request");
        return new Launch(with(engine -> Native.loginFinish(engine, which, json)));
    }

    /**
     * Ends the launches of one session that are about another patient than this one ({@code eref_session_patient}): call it when the user
     * opens another patient's chart.
     *
     * @param session the session
     * @param patient the patient's logical id; null or empty when no patient is open
     * @return how many ended
     * @throws EReferralException {@link Status#STORE}
     */
    public int changePatient(String session, String patient) {
        byte[] name = Utf8.needed(session, "session");
        byte[] id = Utf8.bytes(patient);
        return number(engine -> Native.sessionPatient(engine, name, id));
    }

    /**
     * Revokes what apps and backend services were granted for one user, client, patient or launch ({@code eref_grant_revoke}).
     *
     * @param what one of {@link GrantOf}: whose id it is
     * @param id the id
     * @return how many grants there were
     * @throws EReferralException {@link Status#INVALID_ARGUMENT} (what), {@link Status#STORE}
     */
    public int revokeGrants(int what, String id) {
        byte[] whose = Utf8.needed(id, "id");
        return number(engine -> Native.grantRevoke(engine, what, whose));
    }

    /**
     * Adds to the chart of a launch, or replaces there ({@code eref_chart_put}).
     *
     * @param launchId the id of the launch
     * @param resources a FHIR resource, an array of resources, or a Bundle, as JSON
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_CONTENT}, {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public void putChart(String launchId, String resources) {
        byte[] id = Utf8.needed(launchId, "launchId");
        byte[] json = Utf8.needed(resources, "resources");
        run(engine -> Native.chartPut(engine, id, json));
    }

    /**
     * Takes the next event of these kinds ({@code eref_event_next}). Let one thread wait for questions alone, so that slow work on
     * messages does not hold them up. Interrupting the thread does not end the call; a {@link Cancel} does, and closing the engine.
     *
     * @param kinds of {@link EventKind}, joined by |
     * @param timeoutMillis how long to wait at most; 0 does not wait, {@link #NO_TIMEOUT} waits without end
     * @param cancel ends the wait; may be null
     * @return the event, to be closed after {@link Event#done}; null when none came in that time
     * @throws EReferralException {@link Status#CANCELLED} (also when the engine is stopped), {@link Status#INVALID_ARGUMENT},
     *     {@link Status#STORE}
     */
    public Event nextEvent(int kinds, int timeoutMillis, Cancel cancel) {
        int timeout = Numbers.timeout(timeoutMillis);
        long event = with(engine -> waiting(cancel, token -> Native.eventNext(engine, kinds, timeout, token)));
        return event == 0 ? null : new Event(event);
    }

    /**
     * Makes all parked events available again ({@code eref_event_unpark}): call it when what made them fail has been mended.
     *
     * @return how many they were
     * @throws EReferralException {@link Status#STORE}
     */
    public int unparkEvents() {
        return number(Native::eventUnpark);
    }

    /**
     * Fetches an attachment that is only a URL; {@link Message#attachment} reads it then ({@code eref_attachment_fetch}).
     *
     * @param message the message of a MESSAGE event of this engine
     * @param index which attachment, from 0
     * @param timeoutMillis how long to wait at most; 0 asks the store alone
     * @param cancel ends the wait; may be null
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#FORBIDDEN}, {@link Status#TOO_LARGE},
     *     {@link Status#INVALID_CONTENT}, {@link Status#TIMEOUT}, {@link Status#CANCELLED}, {@link Status#NETWORK}, {@link Status#TLS},
     *     {@link Status#REMOTE}, {@link Status#CONFIG}, {@link Status#STORE}, {@link Status#INVALID_ARGUMENT}
     */
    public void fetchAttachment(Message message, long index, int timeoutMillis, Cancel cancel) {
        int timeout = Numbers.timeout(timeoutMillis);
        run(engine -> message.run(of -> waiting(cancel, token -> {
            Native.attachmentFetch(engine, of, index, timeout, token);
            return null;
        })));
    }

    /**
     * Begins a message to a partner about a new referral, or one that this store does not know ({@code eref_draft_new}).
     *
     * @param partner the name of the partner
     * @param event the guide's event code, for example "add-service-request"
     * @return the draft
     * @throws EReferralException {@link Status#NOT_FOUND} (partner), {@link Status#UNKNOWN_EVENT}, {@link Status#CONFIG}
     */
    public Draft newDraft(String partner, String event) {
        byte[] to = Utf8.needed(partner, "partner");
        byte[] code = Utf8.needed(event, "event");
        return new Draft(with(engine -> Native.draftNew(engine, to, code)));
    }

    /**
     * Begins a message about a referral known here: what is not set is as it was last said ({@code eref_draft_new_for}).
     *
     * @param partner the name of the partner
     * @param event the guide's event code
     * @param referralId the library's id of the referral
     * @param relation null or empty; or "forwarded", "split", "chained" for a new referral that comes out of that one
     * @return the draft
     * @throws EReferralException {@link Status#NOT_FOUND} (partner, referral, or none of its messages is kept any more),
     *     {@link Status#UNKNOWN_EVENT}, {@link Status#INVALID_ARGUMENT} (relation), {@link Status#CONFIG}, {@link Status#STORE}
     */
    public Draft newDraftFor(String partner, String event, String referralId, String relation) {
        byte[] to = Utf8.needed(partner, "partner");
        byte[] code = Utf8.needed(event, "event");
        byte[] id = Utf8.needed(referralId, "referralId");
        byte[] kind = Utf8.bytes(relation);
        return new Draft(with(engine -> Native.draftNewFor(engine, to, code, id, kind)));
    }

    /**
     * Hands a message over for delivery ({@code eref_send}). When it returns the message is on disk; a DELIVERY event tells what became
     * of it. The same key with the same content answers with the first delivery.
     *
     * @param partner the name of the partner
     * @param hostKey the host's own id of this act, 1 to 255 bytes
     * @param message the message; it stays the caller's
     * @return the delivery
     * @throws EReferralException {@link Status#KEY_REUSED} (same key, other content), {@link Status#NOT_FOUND}, {@link Status#CONFIG},
     *     {@link Status#INVALID_ARGUMENT}, {@link Status#UNKNOWN_EVENT}, {@link Status#TEST_DATA}, {@link Status#INVALID_CONTENT},
     *     {@link Status#FORBIDDEN}, {@link Status#WRONG_STATE}, {@link Status#STORE}
     */
    public Delivery send(String partner, String hostKey, Message message) {
        byte[] to = Utf8.needed(partner, "partner");
        byte[] key = Utf8.needed(hostKey, "hostKey");
        return new Delivery(with(engine -> message.with(sent -> Native.send(engine, to, key, sent))));
    }

    /**
     * As {@link #send}, with options ({@code eref_send_with}).
     *
     * @param partner the name of the partner
     * @param hostKey the host's own id of this act
     * @param message the message; it stays the caller's
     * @param options a JSON object (docs/schema/send-options.json)
     * @return the delivery
     * @throws EReferralException as {@link #send}; {@link Status#INVALID_JSON}
     */
    public Delivery sendWith(String partner, String hostKey, Message message, String options) {
        byte[] to = Utf8.needed(partner, "partner");
        byte[] key = Utf8.needed(hostKey, "hostKey");
        byte[] json = Utf8.bytes(options);
        return new Delivery(with(engine -> message.with(sent -> Native.sendWith(engine, to, key, sent, json))));
    }

    /**
     * Finds a delivery ({@code eref_delivery_find}).
     *
     * @param idOrKey its id, or the host's key
     * @return the delivery
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public Delivery findDelivery(String idOrKey) {
        byte[] id = Utf8.needed(idOrKey, "idOrKey");
        return new Delivery(with(engine -> Native.deliveryFind(engine, id)));
    }

    /**
     * Sends a delivery again that is unfinished, refused or dead ({@code eref_delivery_resend}).
     *
     * @param id the id of the delivery
     * @return the delivery
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#WRONG_STATE}, {@link Status#STORE}
     */
    public Delivery resendDelivery(String id) {
        byte[] which = Utf8.needed(id, "id");
        return new Delivery(with(engine -> Native.deliveryResend(engine, which)));
    }

    /**
     * Sends another message instead of a delivery that did not get through ({@code eref_delivery_replace}).
     *
     * @param id the id of the old delivery
     * @param hostKey a new key of the host's
     * @param message a message with ids of its own
     * @return the new delivery
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#WRONG_STATE}, {@link Status#INVALID_ARGUMENT}, and as
     *     {@link #send}
     */
    public Delivery replaceDelivery(String id, String hostKey, Message message) {
        byte[] which = Utf8.needed(id, "id");
        byte[] key = Utf8.needed(hostKey, "hostKey");
        return new Delivery(with(engine -> message.with(sent -> Native.deliveryReplace(engine, which, key, sent))));
    }

    /**
     * Gives up a delivery ({@code eref_delivery_drop}).
     *
     * @param id the id of the delivery
     * @param reason 1 to 500 bytes, kept with it and in the audit trail
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#WRONG_STATE}, {@link Status#INVALID_ARGUMENT}, {@link Status#STORE}
     */
    public void dropDelivery(String id, String reason) {
        byte[] which = Utf8.needed(id, "id");
        byte[] why = Utf8.needed(reason, "reason");
        run(engine -> Native.deliveryDrop(engine, which, why));
    }

    /**
     * The newest deliveries ({@code eref_delivery_list}).
     *
     * @param state one of {@link DeliveryState}, or 0 for all
     * @param limit how many at most
     * @return a JSON array
     * @throws EReferralException {@link Status#INVALID_ARGUMENT}, {@link Status#STORE}
     */
    public String listDeliveries(int state, int limit) {
        int most = Numbers.atLeastZero(limit, "limit");
        return text(engine -> Native.deliveryList(engine, state, most));
    }

    /**
     * A referral, found by the library's id or by one of its identifiers ({@code eref_referral_find}).
     *
     * @param system who numbered it; null or empty for the library's id
     * @param value the number, or the id
     * @return a JSON object (docs/schema/referral.json)
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public String findReferral(String system, String value) {
        byte[] who = Utf8.bytes(system);
        byte[] number = Utf8.needed(value, "value");
        return text(engine -> Native.referralFind(engine, who, number));
    }

    /**
     * The referrals that changed last ({@code eref_referral_list}).
     *
     * @param filter a JSON object (docs/schema/referral-filter.json), or null for all
     * @param limit how many at most
     * @return a JSON array
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_ARGUMENT}, {@link Status#STORE}
     */
    public String listReferrals(String filter, int limit) {
        int most = Numbers.atLeastZero(limit, "limit");
        byte[] json = Utf8.bytes(filter);
        return text(engine -> Native.referralList(engine, json, most));
    }

    /**
     * What was said of a referral, in and out, newest first ({@code eref_referral_history}).
     *
     * @param referralId the library's id of the referral
     * @param limit how many messages at most
     * @return a JSON array (docs/schema/history.json)
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public String referralHistory(String referralId, int limit) {
        int most = Numbers.atLeastZero(limit, "limit");
        byte[] id = Utf8.needed(referralId, "referralId");
        return text(engine -> Native.referralHistory(engine, id, most));
    }

    /**
     * Gives a referral another identifier, for example the host's own number for it ({@code eref_referral_link}).
     *
     * @param referralId the library's id of the referral
     * @param system who numbered it
     * @param value the number
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#KEY_REUSED}, {@link Status#INVALID_ARGUMENT}, {@link Status#STORE}
     */
    public void linkReferral(String referralId, String system, String value) {
        byte[] id = Utf8.needed(referralId, "referralId");
        byte[] who = Utf8.needed(system, "system");
        byte[] number = Utf8.needed(value, "value");
        run(engine -> Native.referralLink(engine, id, who, number));
    }

    /**
     * Says where an unlinked referral belongs ({@code eref_referral_settle}).
     *
     * @param referralId the library's id of the unlinked referral
     * @param to the id of the referral it is part of, of the launch it came of, or its own where it stands by itself
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#WRONG_STATE}, {@link Status#KEY_REUSED}, {@link Status#STORE}
     */
    public void settleReferral(String referralId, String to) {
        byte[] id = Utf8.needed(referralId, "referralId");
        byte[] where = Utf8.needed(to, "to");
        run(engine -> Native.referralSettle(engine, id, where));
    }

    /**
     * Records in the audit chain what the host says happened ({@code eref_audit_note}).
     *
     * @param json a JSON object of the host's
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#STORE}
     */
    public void noteAudit(String json) {
        byte[] note = Utf8.needed(json, "json");
        run(engine -> Native.auditNote(engine, note));
    }

    /**
     * Says whether any entry of the audit trail was changed, removed, added or moved ({@code eref_audit_verify}). Takes a few seconds for
     * a million entries.
     *
     * @param known the "heads" of an earlier report that was kept outside the store, or null
     * @return a JSON object (docs/schema/audit-report.json)
     * @throws EReferralException {@link Status#INVALID_JSON}, {@link Status#INVALID_ARGUMENT} (no heads of a report), {@link Status#STORE}
     */
    public String verifyAudit(String known) {
        byte[] heads = Utf8.bytes(known);
        return text(engine -> Native.auditVerify(engine, heads));
    }

    /**
     * The newest messages received ({@code eref_inbox_list}).
     *
     * @param state "waiting", "leased", "parked", "done", or null for all
     * @param limit how many at most
     * @return a JSON array (docs/schema/reception.json)
     * @throws EReferralException {@link Status#INVALID_ARGUMENT}, {@link Status#STORE}
     */
    public String listInbox(String state, int limit) {
        int most = Numbers.atLeastZero(limit, "limit");
        byte[] which = Utf8.bytes(state);
        return text(engine -> Native.inboxList(engine, which, most));
    }

    /**
     * One message received ({@code eref_inbox_show}).
     *
     * @param receptionId its id
     * @return a JSON object (docs/schema/reception.json)
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#STORE}
     */
    public String showInbox(String receptionId) {
        byte[] id = Utf8.needed(receptionId, "receptionId");
        return text(engine -> Native.inboxShow(engine, id));
    }

    /**
     * Hands a message over once more, for a host that lost what it took ({@code eref_inbox_resend}).
     *
     * @param receptionId its id
     * @throws EReferralException {@link Status#NOT_FOUND}, {@link Status#WRONG_STATE} (its event is out just now), {@link Status#STORE}
     */
    public void resendInbox(String receptionId) {
        byte[] id = Utf8.needed(receptionId, "receptionId");
        run(engine -> Native.inboxResend(engine, id));
    }

    /**
     * Takes the oldest log line ({@code eref_log_next}). Lines that nobody takes push out the oldest.
     *
     * @return the line, null when there is none
     */
    public LogLine nextLogLine() {
        int[] level = new int[1];
        String line = text(engine -> Native.logNext(engine, level));
        return line == null ? null : new LogLine(level[0], line);
    }
}
