using System;
using System.Runtime.InteropServices;
using System.Text;

namespace EReferral
{
    /// <summary>eref_text: a borrowed piece of UTF-8.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeText
    {
        internal byte* Data;
        internal UIntPtr Length;

        /// <summary>A copy as a string; null where there is no such text.</summary>
        public override string ToString() => Data == null ? null : Utf8.Read(Data, (long)Length);
    }

    /// <summary>Text across the boundary: UTF-8 with its length, strict on the way in, lenient on the way out.</summary>
    internal static unsafe class Utf8
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);
        private static readonly UTF8Encoding Lenient = new UTF8Encoding(false, false);

        /// <summary>The bytes of a text that has to be there. Half a surrogate pair throws an ArgumentException: it has no UTF-8.</summary>
        internal static byte[] Bytes(string text, string name)
        {
            if (text == null) throw new ArgumentNullException(name);
            return Strict.GetBytes(text);
        }

        /// <summary>The bytes of a text that may be missing; null where it is.</summary>
        internal static byte[] BytesOrNull(string text) => text == null ? null : Strict.GetBytes(text);

        /// <summary>The length as C wants it; of null it is 0.</summary>
        internal static UIntPtr Length(byte[] bytes) => (UIntPtr)(uint)(bytes == null ? 0 : bytes.Length);

        internal static string Read(byte* data, long length) => length == 0 ? "" : Lenient.GetString(data, checked((int)length));

        /// <summary>A text that lasts as long as the library and ends with NUL.</summary>
        internal static string Static(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            byte* data = (byte*)text;
            long length = 0;
            while (data[length] != 0) length++;
            return Read(data, length);
        }

        /// <summary>Takes over an eref_string; null for a null pointer.</summary>
        internal static string Take(IntPtr owned)
        {
            if (owned == IntPtr.Zero) return null;
            using (var handle = new StringHandle(owned))
            {
                byte* data = (byte*)NativeMethods.eref_string_data(handle);
                return Read(data, (long)NativeMethods.eref_string_len(handle));
            }
        }
    }

    /// <summary>Times as the C ABI takes them.</summary>
    internal static class Milliseconds
    {
        /// <summary>Whole milliseconds, rounded up; Timeout.InfiniteTimeSpan is EREF_NO_TIMEOUT.</summary>
        internal static uint Of(TimeSpan time, string name)
        {
            if (time == System.Threading.Timeout.InfiniteTimeSpan) return uint.MaxValue;
            if (time < TimeSpan.Zero) throw new ArgumentOutOfRangeException(name);
            double milliseconds = Math.Ceiling(time.TotalMilliseconds);
            return milliseconds >= uint.MaxValue ? uint.MaxValue - 1 : (uint)milliseconds;
        }
    }
}
