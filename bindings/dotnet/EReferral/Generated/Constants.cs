// Written from include/ereferral.h and the field table by tests/dotnet_sources.rs (EREF_BLESS=1); do not edit.
namespace EReferral
{
    /// <summary>What this assembly was made for.</summary>
    internal static class Expected
    {
        internal const int AbiNumber = 1;
        internal const string Version = "0.1.0";
    }

    /// <summary>What a call of the library ended with.</summary>
    public enum Status : int
    {
        /// <summary>Success.</summary>
        Ok = 0,
        /// <summary>An argument was NULL, out of range or of the wrong form. The message names the argument.</summary>
        InvalidArgument = 1,
        /// <summary>Text passed in is not UTF-8. The message gives the offset of the first bad byte.</summary>
        InvalidUtf8 = 2,
        /// <summary>The handle is in use by another call. Exclusive handles serve one call at a time.</summary>
        Busy = 3,
        /// <summary>The call came at the wrong time, for example a second start, or an answer to an event that is not a question.</summary>
        WrongState = 4,
        /// <summary>A fault inside the library made this handle unusable. It can only be freed.</summary>
        Poisoned = 5,
        /// <summary>The process was forked after the engine was opened. Open a new engine in the child.</summary>
        Forked = 6,
        /// <summary>What was asked for does not exist.</summary>
        NotFound = 7,
        /// <summary>The configuration is wrong. The message names the path, the value found and what was expected.</summary>
        Config = 8,
        /// <summary>The bytes are not well-formed JSON. The detail gives line and column.</summary>
        InvalidJson = 100,
        /// <summary>The input is larger than a configured limit. The message names the limit.</summary>
        TooLarge = 101,
        /// <summary>The FHIR content cannot be used. The detail is an OperationOutcome naming the elements.</summary>
        InvalidContent = 200,
        /// <summary>The name of a field is not in the field table.</summary>
        UnknownField = 201,
        /// <summary>A field was given a value it cannot take, or a required one is missing. The detail is an OperationOutcome.</summary>
        InvalidField = 202,
        /// <summary>Test data in a production engine. Set "test": true to take messages labelled HTEST.</summary>
        TestData = 203,
        /// <summary>The event is not one this library or this partner's dialect knows.</summary>
        UnknownEvent = 204,
        /// <summary>The partner is not party to this referral, or may not do this.</summary>
        Forbidden = 300,
        /// <summary>The network failed: name lookup, connection refused, connection lost.</summary>
        Network = 400,
        /// <summary>The TLS handshake failed. The message says why (unknown issuer, expired, name mismatch, ...).</summary>
        Tls = 450,
        /// <summary>The remote system answered with an error. eref_error_http_status gives the number.</summary>
        Remote = 500,
        /// <summary>A deadline passed. For eref_event_next it only means that no event arrived.</summary>
        Timeout = 600,
        /// <summary>The call was cancelled.</summary>
        Cancelled = 601,
        /// <summary>The store cannot be read or written. Retriable when the cause may pass (locked, disk full).</summary>
        Store = 700,
        /// <summary>Another serving engine holds this store. The message names its process and host.</summary>
        StoreInUse = 701,
        /// <summary>The key of the store is missing or wrong. The message names the path and the key id.</summary>
        StoreKey = 702,
        /// <summary>The store was written by a newer version of the library.</summary>
        StoreVersion = 703,
        /// <summary>The store lies on a network share, where its locks cannot be trusted.</summary>
        StoreNetwork = 704,
        /// <summary>This host key was used before, for other content.</summary>
        KeyReused = 705,
        /// <summary>The event is no longer leased to this handle: the lease ran out, or the event is done.</summary>
        LeaseLost = 706,
        /// <summary>The address cannot be listened on.</summary>
        Listen = 800,
        /// <summary>A fault in the library itself. The message names the place. Please report it.</summary>
        Panic = 900,
        /// <summary>Memory could not be allocated.</summary>
        NoMemory = 901,
    }

    /// <summary>Which kind of failure it is.</summary>
    public enum Category : int
    {
        /// <summary>The call itself was wrong.</summary>
        Usage = 1,
        /// <summary>The data handed in or received is wrong.</summary>
        Data = 2,
        /// <summary>A rule of the protocol forbids it.</summary>
        Protocol = 3,
        /// <summary>Network or TLS.</summary>
        Network = 4,
        /// <summary>The remote system said no.</summary>
        Remote = 5,
        /// <summary>A deadline or a cancellation.</summary>
        Time = 6,
        /// <summary>The store.</summary>
        Store = 7,
        /// <summary>The library itself.</summary>
        Internal = 9,
    }

    /// <summary>Kinds of events, to be combined.</summary>
    [System.Flags]
    public enum EventKinds : uint
    {
        /// <summary>The app asks for what the host did not push. Not durable; answer it within 20 seconds. Handed out in the serving
        /// process only. Document: docs/schema/question.json.</summary>
        Question = 1,
        /// <summary>A message arrived. Durable; eref_event_message gives it. Document: docs/schema/notification.json.</summary>
        Message = 2,
        /// <summary>The app wrote a resource back to the chart, or changed one. Durable. Document: docs/schema/write.json. The app waits a
        /// few seconds (limits.write_wait_ms) for what you make of it: eref_event_done takes it into the chart, eref_event_refuse refuses it with
        /// words for the app. An app that is not told in time sees a created resource as pending, and an update not yet, until you decide.</summary>
        Write = 4,
        /// <summary>An outgoing message was accepted, refused, of unknown outcome, or given up. Durable. Document:
        /// docs/schema/delivery.json.</summary>
        Delivery = 8,
        /// <summary>A launch was authorized, denied, expired or ended. Not durable; handed out in the process that serves the launch, or
        /// that ended it. Document: docs/schema/launch-event.json.</summary>
        Launch = 16,
        /// <summary>A condition began or ended, for example a partner that cannot be reached. Not durable; handed out in the process that
        /// noticed it, mostly the serving one. Document: docs/schema/alert.json.</summary>
        Alert = 32,
        /// <summary>All kinds of this version.</summary>
        All = 63,
    }

    /// <summary>Why a question is refused.</summary>
    public enum Refusal : int
    {
        /// <summary>The user or the app may not have it. The app sees 403.</summary>
        Forbidden = 1,
        /// <summary>There is no such thing. The app sees 404.</summary>
        NotFound = 2,
    }

    /// <summary>Where a delivery stands.</summary>
    public enum DeliveryState : int
    {
        /// <summary>Stored, waiting for its turn.</summary>
        Queued = 1,
        /// <summary>Being sent right now.</summary>
        Sending = 2,
        /// <summary>The partner has it.</summary>
        Delivered = 3,
        /// <summary>The partner refused it for good. A changed message with a new host key is needed.</summary>
        Refused = 4,
        /// <summary>It went out and no answer came, so the partner may have it. It is sent again with the same ids.</summary>
        UnknownOutcome = 5,
        /// <summary>Given up after the last retry, parked because the partner does not take our credential, or dropped.
        /// eref_delivery_resend tries again, unless it was dropped or replaced.</summary>
        Dead = 6,
    }

    /// <summary>Level of a log line.</summary>
    public enum LogLevel : int
    {
        /// <summary>Something failed that a person should look at.</summary>
        Error = 1,
        /// <summary>Something odd was accepted, or a weak setting is in force.</summary>
        Warn = 2,
        /// <summary>What was done.</summary>
        Info = 3,
        /// <summary>More of it.</summary>
        Debug = 4,
    }
}
