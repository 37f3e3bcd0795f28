package ca.ereferral;

/**
 * The functions of the C library, one native method each; {@code native/} holds their other side. Handles are longs that only
 * {@link NativeRef} keeps, text is UTF-8 in byte arrays. Numbers that C has unsigned are passed by their bits.
 */
final class Native {
    private Native() {
    }

    static native int abiNumber();
    static native byte[] versionText();
    static native byte[] buildInfo();
    static native byte[] statusName(int status);

    static native long configNew();
    static native void configParseJson(long config, byte[] json);
    static native void configReadFile(long config, byte[] path);
    static native void configSetSecret(long config, byte[] name, byte[] secret);
    static native void configFree(long config);

    static native long engineNew(long config);
    static native void engineConfigure(long engine, long config);
    static native void engineStart(long engine);
    static native void engineStop(long engine, int timeout);
    static native boolean enginePump(long engine, int budget);
    static native byte[] engineStatusJson(long engine);
    static native int engineWakeupFd(long engine);
    static native void engineSetWakeupEvent(long engine, long handle);
    static native void engineSetWakeupMessage(long engine, long window, int message);
    static native void engineFree(long engine);

    static native long launchStart(long engine, byte[] request);
    static native byte[] launchUrl(long launch);
    static native byte[] launchId(long launch);
    static native byte[] launchCorrelation(long launch);
    static native void launchFree(long launch);
    static native void launchEnd(long engine, byte[] launchId);
    static native int sessionEnd(long engine, byte[] session);
    static native long loginFinish(long engine, byte[] login, byte[] request);
    static native int sessionPatient(long engine, byte[] session, byte[] patient);
    static native int grantRevoke(long engine, int what, byte[] id);
    static native void chartPut(long engine, byte[] launchId, byte[] resources);

    static native long eventNext(long engine, int kinds, int timeout, long cancel);
    static native int eventKind(long event);
    static native byte[] eventId(long event);
    static native byte[] eventPartner(long event);
    static native byte[] eventReferralId(long event);
    static native int eventAttempt(long event);
    static native long eventMessage(long event);
    static native byte[] eventJson(long event);
    static native byte[] eventField(long event, byte[] name);
    static native void eventDone(long event);
    static native void eventRetry(long event, int after, byte[] reason);
    static native void eventExtend(long event);
    static native void eventAnswer(long event, byte[] json);
    static native void eventRefuse(long event, int reason, byte[] text);
    static native void eventFree(long event);
    static native int eventUnpark(long engine);

    static native long messageParse(byte[] bundle);
    static native byte[] messageEvent(long message);
    static native byte[] messageField(long message, byte[] name);
    static native long messageFieldCount(long message, byte[] name);
    static native byte[] messageJson(long message);
    static native byte[] messageBundle(long message);
    static native byte[] messageIssues(long message);
    static native long messageAttachmentCount(long message);
    static native int messageAttachmentRead(long message, long index, long offset, byte[] buffer, int at, int length);
    static native void messageAttachmentCheck(long message, long index);
    static native byte[] messageAttachmentType(long message, long index);
    static native void attachmentFetch(long engine, long message, long index, int timeout, long cancel);
    static native void messageFree(long message);

    static native long draftNew(long engine, byte[] partner, byte[] event);
    static native long draftNewFor(long engine, byte[] partner, byte[] event, byte[] referralId, byte[] relation);
    static native byte[] draftFieldsJson(long draft);
    static native void draftSet(long draft, byte[] name, byte[] value);
    static native void draftAddResource(long draft, byte[] json);
    static native void draftAddAttachment(long draft, byte[] title, byte[] type, byte[] data);
    static native void draftAddAttachmentServed(long draft, byte[] title, byte[] type, byte[] data);
    static native void draftAddAttachmentUrl(long draft, byte[] title, byte[] type, byte[] url);
    static native long draftBuild(long draft);
    static native void draftFree(long draft);

    static native long send(long engine, byte[] partner, byte[] key, long message);
    static native long sendWith(long engine, byte[] partner, byte[] key, long message, byte[] options);
    static native long deliveryFind(long engine, byte[] idOrKey);
    static native long deliveryResend(long engine, byte[] id);
    static native long deliveryReplace(long engine, byte[] id, byte[] key, long message);
    static native void deliveryDrop(long engine, byte[] id, byte[] reason);
    static native byte[] deliveryList(long engine, int state, int limit);
    static native byte[] deliveryId(long delivery);
    static native int deliveryState(long delivery);
    static native boolean deliveryIsRepeat(long delivery);
    static native byte[] deliveryJson(long delivery);
    static native void deliveryFree(long delivery);

    static native byte[] referralFind(long engine, byte[] system, byte[] value);
    static native byte[] referralList(long engine, byte[] filter, int limit);
    static native byte[] referralHistory(long engine, byte[] referralId, int limit);
    static native void referralLink(long engine, byte[] referralId, byte[] system, byte[] value);
    static native void referralSettle(long engine, byte[] referralId, byte[] to);
    static native void auditNote(long engine, byte[] json);
    static native byte[] auditVerify(long engine, byte[] known);
    static native byte[] inboxList(long engine, byte[] state, int limit);
    static native byte[] inboxShow(long engine, byte[] receptionId);
    static native void inboxResend(long engine, byte[] receptionId);
    static native byte[] logNext(long engine, int[] level);

    static native long cancelNew();
    static native void cancelSignal(long cancel);
    static native void cancelFree(long cancel);
}
