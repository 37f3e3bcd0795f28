// The tests of the wrapper, each in a process of its own: EReferral.Tests LIBRARY NAME ARGUMENTS. Prints "ok NAME" at the end.
using System;
using System.Collections.Generic;

namespace EReferral.Tests
{
    internal static class Program
    {
        private static readonly Dictionary<string, Action<string[]>> Tests = new Dictionary<string, Action<string[]>>
        {
            ["imports"] = ImportTests.Imports,
            ["panic"] = CallTests.Panic,
            ["errors"] = CallTests.Errors,
            ["text"] = TextTests.Text,
            ["fields"] = TextTests.TypedFields,
            ["json"] = TextTests.JsonLists,
            ["dispose"] = LifeTests.DisposeDuringCalls,
            ["lent"] = LentTests.FreedWhileRead,
            ["cancel"] = LifeTests.Cancel,
            ["engines"] = FlowTests.TwoEngines,
            ["records"] = FlowTests.Records,
            ["lease"] = FlowTests.Lease,
            ["many"] = ManyTests.ManyEvents,
            ["load"] = LoadTests.Load,
            ["bench"] = Bench.Run,
        };

        private static int Main(string[] arguments)
        {
            try
            {
                if (arguments[0] != "-") EReferralLibrary.Load(arguments[0]);
                var rest = new string[arguments.Length - 2];
                Array.Copy(arguments, 2, rest, 0, rest.Length);
                Tests[arguments[1]](rest);
                Console.WriteLine("ok " + arguments[1]);
                return 0;
            }
            catch (Exception failure)
            {
                Console.WriteLine("FAILED " + failure);
                return 1;
            }
        }
    }

    internal static class Check
    {
        internal static void That(bool good, string what)
        {
            if (!good) throw new Exception("not so: " + what);
        }

        internal static void Same<T>(T expected, T found)
        {
            if (!Equals(expected, found)) throw new Exception("expected <" + expected + ">, found <" + found + ">");
        }

        internal static T Throws<T>(Action action) where T : Exception
        {
            try
            {
                action();
            }
            catch (T failure)
            {
                return failure;
            }
            throw new Exception("no " + typeof(T).Name);
        }

        internal static EReferralException Fails(Status status, Action action)
        {
            var failure = Throws<EReferralException>(action);
            Same(status, failure.Status);
            return failure;
        }
    }
}
