using System;
using System.Diagnostics;
using System.IO;

namespace EReferral.Tests
{
    /// <summary>What calls cost from C#, line by line as benches/languages/calls.c prints it: the bare imports, then what programs use.</summary>
    internal static class Bench
    {
        private const int Calls = 100000, Messages = 100, Rounds = 9;

        internal static void Run(string[] arguments)
        {
            byte[] bytes = File.ReadAllBytes(arguments[0]);
            using (Notification message = Notification.Parse(bytes))
            {
                MessageHandle handle = message.Handle;
                double loop = Time(Calls, 0, () => { });
                Show("eref_abi_number", Calls, loop, () => NativeMethods.eref_abi_number());
                Show("eref_message_attachment_count", Calls, loop, () => NativeMethods.eref_message_attachment_count(handle));
                Show("eref_message_event", Calls, loop, () => NativeMethods.eref_message_event(handle, out NativeText text));
                byte[] name = System.Text.Encoding.UTF8.GetBytes("patient.name.family");
                Show("eref_message_field", Calls, loop, () => ReadField(handle, name));
                Show("parse", Messages, loop, () => Notification.Parse(bytes).Dispose());
                Show("parse+json", Messages, loop, () =>
                {
                    using (Notification one = Notification.Parse(bytes)) NativeMethods.eref_message_json(one.Handle, out NativeText text);
                });
                Show("EventCode", Calls, loop, () => { string text = message.EventCode; });
                Show("Patient.NameFamily", Calls, loop, () => { string text = message.Patient.NameFamily; });
                Show("parse+Json", Messages, loop, () =>
                {
                    using (Notification one = Notification.Parse(bytes)) { string text = one.Json; }
                });
            }
        }

        private static unsafe void ReadField(MessageHandle handle, byte[] name)
        {
            fixed (byte* data = name)
                NativeMethods.eref_message_field(handle, data, Utf8.Length(name), out NativeText text, out IntPtr error);
        }

        private static double Time(int count, double loop, Action body)
        {
            double best = double.MaxValue;
            for (int round = 0; round < Rounds; round++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < count; i++) body();
                best = Math.Min(best, (Stopwatch.GetTimestamp() - start) * 1e9 / Stopwatch.Frequency / count);
            }
            return Math.Max(best - loop, 0);
        }

        private static void Show(string name, int count, double loop, Action body)
        {
            // Tiered compilation first has to see that it is worth it.
            for (int i = 0; i < 3; i++)
            {
                Time(count / 10, 0, body);
                System.Threading.Thread.Sleep(150);
            }
            Console.WriteLine(name + " " + Time(count, loop, body).ToString("0.0", System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
