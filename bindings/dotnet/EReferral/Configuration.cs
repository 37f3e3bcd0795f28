using System;
using System.Runtime.CompilerServices;

namespace EReferral
{
    /// <summary>A configuration being put together: one JSON document (docs/configuration.md) and the secrets it names. One call at a
    /// time.</summary>
    public sealed unsafe class Configuration : IDisposable
    {
        internal readonly ConfigHandle Handle;

        /// <summary>Begins an empty configuration.</summary>
        /// <exception cref="NativeLibraryException">The native library could not be loaded.</exception>
        public Configuration()
        {
            NativeLoader.Ensure();
            Handle = New();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static ConfigHandle New()
        {
            EReferralException.Check(NativeMethods.eref_config_new(out IntPtr config, out IntPtr error), error);
            return new ConfigHandle(config);
        }

        /// <summary>A configuration from a file.</summary>
        public static Configuration FromFile(string path)
        {
            var configuration = new Configuration();
            try
            {
                configuration.ReadFile(path);
                return configuration;
            }
            catch
            {
                configuration.Dispose();
                throw;
            }
        }

        /// <summary>Takes the document from a text. Paths in it must be absolute, unless it sets "base_dir".</summary>
        public void ParseJson(string json)
        {
            byte[] bytes = Utf8.Bytes(json, nameof(json));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_config_parse_json(Handle, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>Takes the document from a file. Paths in it are relative to the file's folder.</summary>
        public void ReadFile(string path)
        {
            byte[] bytes = Utf8.Bytes(path, nameof(path));
            fixed (byte* data = bytes)
                EReferralException.Check(NativeMethods.eref_config_read_file(Handle, data, Utf8.Length(bytes), out IntPtr error), error);
        }

        /// <summary>Sets a secret that the document refers to as {"named": "name"}. The bytes made from it are wiped; the string itself is
        /// the caller's.</summary>
        public void SetSecret(string name, string secret)
        {
            byte[] nameBytes = Utf8.Bytes(name, nameof(name)), secretBytes = Utf8.Bytes(secret, nameof(secret));
            try
            {
                fixed (byte* namePointer = nameBytes, secretPointer = secretBytes)
                    EReferralException.Check(NativeMethods.eref_config_set_secret(Handle, namePointer, Utf8.Length(nameBytes), secretPointer,
                        Utf8.Length(secretBytes), out IntPtr error), error);
            }
            finally
            {
                Array.Clear(secretBytes, 0, secretBytes.Length);
            }
        }

        /// <summary>Frees the configuration. Engines made from it have their own copy.</summary>
        public void Dispose() => Handle.Dispose();
    }
}
