using System;
using System.ComponentModel;
using System.Reflection;
using System.Runtime.InteropServices;

namespace EReferral
{
    /// <summary>How the runtime at hand loads a library by its path: .NET by NativeLibrary, .NET Framework by LoadLibraryEx, Mono
    /// elsewhere by dlopen. NativeLibrary is not in .NET Standard 2.0, so it is reached by name.</summary>
    internal static class SystemLoader
    {
        private static readonly Type NativeLibraryType =
            Type.GetType("System.Runtime.InteropServices.NativeLibrary, System.Runtime.InteropServices", false);

        internal static bool IsWindows => Environment.OSVersion.Platform == PlatformID.Win32NT;

        /// <summary>Loads one file, which stays loaded for the life of the process. Returns the system's reason when it cannot.</summary>
        internal static string TryLoad(string path, out IntPtr library)
        {
            if (NativeLibraryType != null) return TryModern(path, out library);
            return IsWindows ? TryWindows(path, out library) : TryUnix(path, out library);
        }

        /// <summary>Lets the imports of this assembly lead to a library that was loaded. .NET is told; the others find what is loaded by its
        /// name (on Mono the one in EReferral.dll.config).</summary>
        internal static void Bind(IntPtr library)
        {
            if (NativeLibraryType == null) return;
            Type resolver = NativeLibraryType.Assembly.GetType("System.Runtime.InteropServices.DllImportResolver", false)
                ?? Type.GetType("System.Runtime.InteropServices.DllImportResolver, System.Runtime.InteropServices", true);
            MethodInfo resolve = typeof(SystemLoader).GetMethod(nameof(Resolve), BindingFlags.NonPublic | BindingFlags.Static);
            bound = library;
            NativeLibraryType.GetMethod("SetDllImportResolver")
                .Invoke(null, new object[] { typeof(SystemLoader).Assembly, Delegate.CreateDelegate(resolver, resolve) });
        }

        private static IntPtr bound;

        private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? search)
            => name == NativeMethods.Library ? bound : IntPtr.Zero;

        private static string TryModern(string path, out IntPtr library)
        {
            library = IntPtr.Zero;
            try
            {
                MethodInfo load = NativeLibraryType.GetMethod("Load", new[] { typeof(string) });
                library = (IntPtr)load.Invoke(null, new object[] { path });
                return null;
            }
            catch (TargetInvocationException failure)
            {
                return failure.InnerException.Message;
            }
        }

        private static string TryWindows(string path, out IntPtr library)
        {
            const uint OwnFolderAndSystem = 0x00000100 | 0x00001000;
            library = LoadLibraryEx(path, IntPtr.Zero, OwnFolderAndSystem);
            return library != IntPtr.Zero ? null : new Win32Exception(Marshal.GetLastWin32Error()).Message;
        }

        private static string TryUnix(string path, out IntPtr library)
        {
            const int Now = 2;
            // Called before too: looking up an import for the first time would forget the reason.
            dlerror();
            library = dlopen(path, Now);
            return library != IntPtr.Zero ? null : Utf8.Static(dlerror()) ?? "unknown reason";
        }

        [DllImport("kernel32", CharSet = CharSet.Unicode, ExactSpelling = true, EntryPoint = "LoadLibraryExW", SetLastError = true)]
        private static extern IntPtr LoadLibraryEx(string path, IntPtr file, uint flags);

        // Mono is linked with them, whatever file of the system they are in.
        [DllImport("__Internal")]
        private static extern IntPtr dlopen(string path, int flags);

        [DllImport("__Internal")]
        private static extern IntPtr dlerror();
    }
}
