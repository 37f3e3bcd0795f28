// The C ABI as .NET sees it: P/Invoke as netstandard 2.0 has it, the library found as "ereferral". Usage: Probe CONFIG FIELDS
using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

[StructLayout(LayoutKind.Sequential)]
struct EText { public IntPtr Data; public UIntPtr Len; }

static class Native
{
    const string Lib = "ereferral";
    const CallingConvention C = CallingConvention.Cdecl; // the default is stdcall on 32-bit Windows
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_abi_number();
    [DllImport(Lib, CallingConvention = C)] public static extern IntPtr eref_status_name(int status);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_error_message(IntPtr error, out EText text);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_error_free(IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_config_new(out IntPtr config, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_config_read_file(IntPtr config, byte[] path, UIntPtr len, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_config_free(IntPtr config);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_engine_new(IntPtr config, out IntPtr engine, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_engine_start(IntPtr engine, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_engine_stop(IntPtr engine, uint timeout, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_engine_free(IntPtr engine);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_launch_start(IntPtr engine, byte[] request, UIntPtr len, out IntPtr launch, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_launch_url(IntPtr launch, out EText url);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_launch_free(IntPtr launch);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_event_next(IntPtr engine, uint kinds, uint timeout, IntPtr cancel, out IntPtr e, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern IntPtr eref_event_message(IntPtr e);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_event_field(IntPtr e, byte[] name, UIntPtr len, out EText text, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_event_done(IntPtr e, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_event_free(IntPtr e);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_message_field(IntPtr message, byte[] name, UIntPtr len, out EText text, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_message_free(IntPtr message);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_draft_new(IntPtr engine, byte[] partner, UIntPtr partnerLen, byte[] code, UIntPtr codeLen, out IntPtr draft, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_draft_set(IntPtr draft, byte[] name, UIntPtr nameLen, byte[] value, UIntPtr valueLen, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_draft_build(IntPtr draft, out IntPtr message, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_draft_free(IntPtr draft);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_send(IntPtr engine, byte[] partner, UIntPtr partnerLen, byte[] key, UIntPtr keyLen, IntPtr message, out IntPtr delivery, out IntPtr error);
    [DllImport(Lib, CallingConvention = C)] public static extern void eref_delivery_free(IntPtr delivery);
    [DllImport(Lib, CallingConvention = C)] public static extern int eref_test_panic(IntPtr config, out IntPtr error);
}

static class Probe
{
    static IntPtr error;

    static byte[] U(string text) { return Encoding.UTF8.GetBytes(text); }
    static UIntPtr L(byte[] text) { return (UIntPtr)(uint)text.Length; }

    static string S(EText text)
    {
        if (text.Data == IntPtr.Zero) return null;
        var bytes = new byte[(int)text.Len];
        Marshal.Copy(text.Data, bytes, 0, bytes.Length);
        return Encoding.UTF8.GetString(bytes);
    }

    static string Why(int status, IntPtr failure)
    {
        Native.eref_error_message(failure, out EText text);
        string why = Marshal.PtrToStringAnsi(Native.eref_status_name(status)) + ": " + S(text);
        Native.eref_error_free(failure);
        return why;
    }

    static void Ok(int status, IntPtr failure) { if (status != 0) throw new Exception(Why(status, failure)); }
    static void Check(bool good, string what) { if (!good) throw new Exception(what); }

    static IntPtr Next(IntPtr engine, uint kind)
    {
        Ok(Native.eref_event_next(engine, kind, 60000, IntPtr.Zero, out IntPtr e, out IntPtr failure), failure);
        return e;
    }

    static void Done(IntPtr e)
    {
        Ok(Native.eref_event_done(e, out IntPtr failure), failure);
        Native.eref_event_free(e);
    }

    static string TakeMessage(IntPtr engine)
    {
        IntPtr e = Next(engine, 2);
        byte[] name = U("patient.name.given[0]");
        Ok(Native.eref_message_field(Native.eref_event_message(e), name, L(name), out EText text, out IntPtr failure), failure);
        string given = S(text);
        Done(e);
        return given;
    }

    static void Launch(IntPtr engine)
    {
        byte[] request = U("{\"partner\": \"self\", \"user\": {\"id\": \"u1\"}, \"patient\": \"p1\", \"session\": \"s1\", \"chart\":"
            + " [{\"resourceType\": \"Patient\", \"id\": \"p1\", \"name\": [{\"family\": \"Testpatient\"}]}]}");
        Ok(Native.eref_launch_start(engine, request, L(request), out IntPtr launch, out error), error);
        Native.eref_launch_url(launch, out EText url);
        Check(S(url).StartsWith("https://pos.test/auth/start/"), S(url));
        Native.eref_launch_free(launch);
    }

    static void Send(IntPtr engine, string fields)
    {
        byte[] partner = U("self"), code = U("add-service-request"), key = U("probe-1");
        Ok(Native.eref_draft_new(engine, partner, L(partner), code, L(code), out IntPtr draft, out error), error);
        foreach (string line in File.ReadAllLines(fields))
        {
            string[] parts = line.Split(new[] { '=' }, 2);
            byte[] name = U(parts[0]), value = U(parts[1]);
            Ok(Native.eref_draft_set(draft, name, L(name), value, L(value), out error), error);
        }
        Ok(Native.eref_draft_build(draft, out IntPtr message, out error), error);
        Ok(Native.eref_send(engine, partner, L(partner), key, L(key), message, out IntPtr delivery, out error), error);
        Native.eref_draft_free(draft);
        Native.eref_message_free(message);
        Native.eref_delivery_free(delivery);
    }

    static void Main(string[] arguments)
    {
        Check(Native.eref_abi_number() == 1, "ABI number");
        byte[] path = U(arguments[0]), state = U("state");
        Ok(Native.eref_config_new(out IntPtr config, out error), error);
        Ok(Native.eref_config_read_file(config, path, L(path), out error), error);
        Ok(Native.eref_engine_new(config, out IntPtr engine, out error), error);
        Native.eref_config_free(config);
        Ok(Native.eref_engine_start(engine, out error), error);
        Launch(engine);

        string given = null;
        var thread = new Thread(() => given = TakeMessage(engine));
        thread.Start();
        Send(engine, arguments[1]);
        thread.Join();
        Check(given == "Ren\u00e9e", "given name " + given);
        IntPtr delivered = Next(engine, 8);
        Ok(Native.eref_event_field(delivered, state, L(state), out EText text, out error), error);
        Check(S(text) == "delivered", "delivery " + S(text));
        Done(delivered);

        int status = Native.eref_test_panic(IntPtr.Zero, out error);
        string why = Why(status, error);
        Check(status == 900 && why.StartsWith("EREF_PANIC: ") && why.Contains("test_panic.rs"), why);
        Ok(Native.eref_engine_stop(engine, 10000, out error), error);
        Native.eref_engine_free(engine);
        Console.WriteLine("probe ok");
    }
}
