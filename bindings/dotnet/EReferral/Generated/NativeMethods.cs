// Written from include/ereferral.h and the field table by tests/dotnet_sources.rs (EREF_BLESS=1); do not edit.
using System;
using System.Runtime.InteropServices;

namespace EReferral
{
    /// <summary>The C ABI, each function once. Nothing is marshalled: pointers, lengths and numbers go as they are. The calling convention
    /// is said because stdcall is the default on 32-bit Windows.</summary>
    internal static unsafe class NativeMethods
    {
        internal const string Library = "ereferral";
        private const CallingConvention C = CallingConvention.Cdecl;

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern IntPtr eref_version_text();

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_abi_number();

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern IntPtr eref_build_info();

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern IntPtr eref_status_name(int status);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_error_status(ErrorHandle error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_error_category(ErrorHandle error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_error_message(ErrorHandle error, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_error_detail(ErrorHandle error, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_error_http_status(ErrorHandle error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_error_is_retriable(ErrorHandle error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_error_free(IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern IntPtr eref_string_data(StringHandle @string);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern UIntPtr eref_string_len(StringHandle @string);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_string_free(IntPtr @string);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_config_new(out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_config_parse_json(ConfigHandle config, byte* json, UIntPtr json_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_config_read_file(ConfigHandle config, byte* path, UIntPtr path_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_config_set_secret(ConfigHandle config, byte* name, UIntPtr name_len, byte* secret, UIntPtr secret_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_config_free(IntPtr config);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_new(ConfigHandle config, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_configure(EngineHandle engine, ConfigHandle config, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_start(EngineHandle engine, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_stop(EngineHandle engine, uint timeout_ms, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_pump(EngineHandle engine, uint budget_ms, out int out_more, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_status_json(EngineHandle engine, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_wakeup_fd(EngineHandle engine, out int out_fd, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_set_wakeup_event(EngineHandle engine, IntPtr handle, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_engine_set_wakeup_message(EngineHandle engine, IntPtr window, uint message, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_engine_free(IntPtr engine);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_launch_start(EngineHandle engine, byte* request, UIntPtr request_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_login_finish(EngineHandle engine, byte* login, UIntPtr login_len, byte* request, UIntPtr request_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_launch_url(LaunchHandle launch, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_launch_id(LaunchHandle launch, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_launch_correlation(LaunchHandle launch, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_launch_free(IntPtr launch);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_launch_end(EngineHandle engine, byte* launch_id, UIntPtr launch_id_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_session_end(EngineHandle engine, byte* session, UIntPtr session_len, out uint out_count, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_session_patient(EngineHandle engine, byte* session, UIntPtr session_len, byte* patient, UIntPtr patient_len, out uint out_count, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_chart_put(EngineHandle engine, byte* launch_id, UIntPtr launch_id_len, byte* resources, UIntPtr resources_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_next(EngineHandle engine, uint kinds, uint timeout_ms, CancelHandle cancel, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern uint eref_event_kind(EventHandle @event);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_event_id(EventHandle @event, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_event_partner(EventHandle @event, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_event_referral_id(EventHandle @event, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern uint eref_event_attempt(EventHandle @event);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern IntPtr eref_event_message(EventHandle @event);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_event_json(EventHandle @event, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_field(EventHandle @event, byte* name, UIntPtr name_len, out NativeText @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_done(EventHandle @event, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_retry(EventHandle @event, uint after_ms, byte* reason, UIntPtr reason_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_extend(EventHandle @event, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_answer(EventHandle @event, byte* json, UIntPtr json_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_refuse(EventHandle @event, int reason, byte* text, UIntPtr text_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_event_free(IntPtr @event);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_event_unpark(EngineHandle engine, out uint out_count, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_grant_revoke(EngineHandle engine, int what, byte* id, UIntPtr id_len, out uint out_count, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_parse(byte* bundle, UIntPtr bundle_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_message_event(MessageHandle message, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_field(MessageHandle message, byte* name, UIntPtr name_len, out NativeText @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_field_count(MessageHandle message, byte* name, UIntPtr name_len, out UIntPtr out_count, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_message_json(MessageHandle message, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_message_bundle(MessageHandle message, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_message_issues(MessageHandle message, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern UIntPtr eref_message_attachment_count(MessageHandle message);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_attachment_read(MessageHandle message, UIntPtr index, UIntPtr offset, byte* buffer, UIntPtr buffer_len, out UIntPtr out_read, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_attachment_check(MessageHandle message, UIntPtr index, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_message_attachment_type(MessageHandle message, UIntPtr index, out NativeText @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_attachment_fetch(EngineHandle engine, MessageHandle message, UIntPtr index, uint timeout_ms, CancelHandle cancel, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_message_free(IntPtr message);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_new(EngineHandle engine, byte* partner, UIntPtr partner_len, byte* @event, UIntPtr event_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_new_for(EngineHandle engine, byte* partner, UIntPtr partner_len, byte* @event, UIntPtr event_len, byte* referral_id, UIntPtr referral_id_len, byte* relation, UIntPtr relation_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_fields_json(DraftHandle draft, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_set(DraftHandle draft, byte* name, UIntPtr name_len, byte* value, UIntPtr value_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_add_resource(DraftHandle draft, byte* json, UIntPtr json_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_add_attachment(DraftHandle draft, byte* title, UIntPtr title_len, byte* content_type, UIntPtr content_type_len, byte* data, UIntPtr data_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_add_attachment_served(DraftHandle draft, byte* title, UIntPtr title_len, byte* content_type, UIntPtr content_type_len, byte* data, UIntPtr data_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_add_attachment_url(DraftHandle draft, byte* title, UIntPtr title_len, byte* content_type, UIntPtr content_type_len, byte* url, UIntPtr url_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_draft_build(DraftHandle draft, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_draft_free(IntPtr draft);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_send(EngineHandle engine, byte* partner, UIntPtr partner_len, byte* host_key, UIntPtr host_key_len, MessageHandle message, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_send_with(EngineHandle engine, byte* partner, UIntPtr partner_len, byte* host_key, UIntPtr host_key_len, MessageHandle message, byte* options, UIntPtr options_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_find(EngineHandle engine, byte* id_or_key, UIntPtr id_or_key_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_resend(EngineHandle engine, byte* id, UIntPtr id_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_replace(EngineHandle engine, byte* id, UIntPtr id_len, byte* host_key, UIntPtr host_key_len, MessageHandle message, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_drop(EngineHandle engine, byte* id, UIntPtr id_len, byte* reason, UIntPtr reason_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_list(EngineHandle engine, int state, uint limit, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_delivery_id(DeliveryHandle delivery, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_state(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_delivery_is_repeat(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_delivery_json(DeliveryHandle delivery, out NativeText @out);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_delivery_free(IntPtr delivery);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_referral_find(EngineHandle engine, byte* system, UIntPtr system_len, byte* value, UIntPtr value_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_referral_list(EngineHandle engine, byte* filter, UIntPtr filter_len, uint limit, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_referral_history(EngineHandle engine, byte* referral_id, UIntPtr referral_id_len, uint limit, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_referral_link(EngineHandle engine, byte* referral_id, UIntPtr referral_id_len, byte* system, UIntPtr system_len, byte* value, UIntPtr value_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_referral_settle(EngineHandle engine, byte* referral_id, UIntPtr referral_id_len, byte* to, UIntPtr to_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_audit_note(EngineHandle engine, byte* json, UIntPtr json_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_audit_verify(EngineHandle engine, byte* known, UIntPtr known_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_inbox_list(EngineHandle engine, byte* state, UIntPtr state_len, uint limit, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_inbox_show(EngineHandle engine, byte* reception_id, UIntPtr reception_id_len, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_inbox_resend(EngineHandle engine, byte* reception_id, UIntPtr reception_id_len, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_log_next(EngineHandle engine, out int out_level, out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern int eref_cancel_new(out IntPtr @out, out IntPtr error);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_cancel_signal(CancelHandle cancel);

        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]
        internal static extern void eref_cancel_free(IntPtr cancel);
    }
}
