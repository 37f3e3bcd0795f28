using System;

namespace EReferral.Tests
{
    internal static class LoadTests
    {
        /// <summary>Loads the file, or looks where it usually is, and says what came of it; the caller compares.</summary>
        internal static void Load(string[] arguments)
        {
            try
            {
                if (arguments.Length > 0) EReferralLibrary.Load(arguments[0]);
                else new Configuration().Dispose();
                Console.WriteLine("loaded " + EReferralLibrary.Path + " " + EReferralLibrary.Version);
            }
            catch (NativeLibraryException failure)
            {
                Console.WriteLine("refused: " + failure.Message);
            }
        }
    }
}
