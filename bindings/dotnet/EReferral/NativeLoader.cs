using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace EReferral
{
    /// <summary>Finds and loads the native library, once per process, before the first import is called.</summary>
    internal static class NativeLoader
    {
        private static readonly object Gate = new object();

        /// <summary>The file that was loaded; null before.</summary>
        internal static string LoadedFrom { get; private set; }

        /// <summary>Loads the library if it is not there yet. Everything public that can be the first to call it comes here, and calls it
        /// from a method of its own: Mono looks up imports when it compiles the method that calls them.</summary>
        internal static void Ensure()
        {
            if (LoadedFrom == null) Load(null);
        }

        /// <summary>Loads from that path alone, or from where it is usually found when the path is null.</summary>
        internal static void Load(string path)
        {
            lock (Gate)
            {
                // What was refused for its version stays loaded: imports that were used lead to it.
                if (refusal != null) throw new NativeLibraryException(refusal);
                if (LoadedFrom != null)
                {
                    if (path == null || Path.GetFullPath(path) == LoadedFrom) return;
                    throw new InvalidOperationException("the native library was already loaded from " + LoadedFrom);
                }
                var tried = new StringBuilder();
                foreach (string candidate in path == null ? Candidates() : new[] { Path.GetFullPath(path) })
                {
                    string reason = Path.IsPathRooted(candidate) && !File.Exists(candidate) ? "no such file" : SystemLoader.TryLoad(candidate, out library);
                    if (reason == null)
                    {
                        SystemLoader.Bind(library);
                        refusal = Mismatch(candidate);
                        if (refusal != null) throw new NativeLibraryException(refusal);
                        LoadedFrom = candidate;
                        return;
                    }
                    tried.Append("\n  ").Append(candidate).Append(": ").Append(reason);
                }
                throw new NativeLibraryException("the native library of EReferral could not be loaded into this " + Bits + "-bit process ("
                    + Rid + "). Tried:" + tried + "\nEReferralLibrary.Load(path) names it explicitly.");
            }
        }

        private static IntPtr library;
        private static string refusal;

        private static int Bits => IntPtr.Size * 8;

        private static bool IsMac => !SystemLoader.IsWindows && RuntimeInformation.IsOSPlatform(OSPlatform.OSX);

        private static string FileName => SystemLoader.IsWindows ? "ereferral.dll" : IsMac ? "libereferral.dylib" : "libereferral.so";

        /// <summary>The runtime identifier whose folder a package has the library in.</summary>
        private static string Rid => (SystemLoader.IsWindows ? "win" : IsMac ? "osx" : "linux") + "-" + ProcessFolder;

        /// <summary>The folder of .NET Framework packages: x86, x64 or arm64.</summary>
        private static string ProcessFolder => RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

        /// <summary>Every place in order: beside this assembly (its code base, not a shadow copy), the program's folder, where .NET says that
        /// packages have native files, and on Unix the system's own search.</summary>
        private static IEnumerable<string> Candidates()
        {
            var seen = new HashSet<string>();
            foreach (string folder in Folders())
                foreach (string place in new[] { Path.Combine("runtimes", Rid, "native"), ProcessFolder, "" })
                {
                    string candidate = Path.Combine(folder, place, FileName);
                    if (seen.Add(candidate)) yield return candidate;
                }
            string packages = AppDomain.CurrentDomain.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
            foreach (string folder in packages.Split(new[] { Path.PathSeparator }, StringSplitOptions.RemoveEmptyEntries))
                if (seen.Add(Path.Combine(folder, FileName))) yield return Path.Combine(folder, FileName);
            if (!SystemLoader.IsWindows) yield return IsMac ? FileName : "libereferral.so.1";
        }

        private static IEnumerable<string> Folders()
        {
            var assembly = typeof(NativeLoader).Assembly;
            // An assembly in a single file has no place of its own.
            string place = "";
            if (!string.IsNullOrEmpty(assembly.Location)) place = new Uri(assembly.CodeBase).LocalPath;
            if (place != "") yield return Path.GetDirectoryName(place);
            yield return AppDomain.CurrentDomain.BaseDirectory;
        }

        /// <summary>The ABI number has to be the one this assembly was made for, and the library no older than it.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string Mismatch(string path)
        {
            int abi = NativeMethods.eref_abi_number();
            string version = Utf8.Static(NativeMethods.eref_version_text());
            if (abi == Expected.AbiNumber && Number(version) >= Number(Expected.Version)) return null;
            return path + " is version " + version + " with ABI number " + abi + "; EReferral.dll " + Expected.Version
                + " needs ABI number " + Expected.AbiNumber + " and version " + Expected.Version + " or newer";
        }

        private static Version Number(string version)
            => Version.TryParse(version.Split('-', '+')[0], out Version number) ? number : new Version(0, 0);
    }
}
