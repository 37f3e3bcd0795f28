using System;
using System.Runtime.CompilerServices;

namespace EReferral
{
    /// <summary>The native library itself.</summary>
    public static class EReferralLibrary
    {
        /// <summary>Loads the native library from a file, instead of from where it is looked for: the folders runtimes/RID/native and x86 or
        /// x64 beside this assembly and the program, these folders themselves, and on Unix where the system looks. To be called before
        /// anything else.</summary>
        /// <param name="path">The file.</param>
        /// <exception cref="NativeLibraryException">It cannot be loaded, or is of another ABI number or older.</exception>
        /// <exception cref="InvalidOperationException">Another file was loaded before.</exception>
        public static void Load(string path)
        {
            if (path == null) throw new ArgumentNullException(nameof(path));
            NativeLoader.Load(path);
        }

        /// <summary>The file that was loaded.</summary>
        public static string Path
        {
            get
            {
                NativeLoader.Ensure();
                return NativeLoader.LoadedFrom;
            }
        }

        /// <summary>The version of the loaded library, for example 0.1.0.</summary>
        public static string Version
        {
            get
            {
                NativeLoader.Ensure();
                return ReadVersion();
            }
        }

        /// <summary>How the loaded library was built, as a JSON object; for support tickets.</summary>
        public static string BuildInfo
        {
            get
            {
                NativeLoader.Ensure();
                return ReadBuildInfo();
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string ReadVersion() => Utf8.Static(NativeMethods.eref_version_text());

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string ReadBuildInfo() => Utf8.Static(NativeMethods.eref_build_info());
    }
}
