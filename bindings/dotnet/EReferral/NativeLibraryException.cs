using System;

namespace EReferral
{
    /// <summary>The native library could not be loaded, or is not one this assembly can work with. The message lists every path that
    /// was tried with the system's reason, and whether the process is a 32-bit or a 64-bit one.</summary>
    public sealed class NativeLibraryException : DllNotFoundException
    {
        internal NativeLibraryException(string message) : base(message) { }
    }
}
