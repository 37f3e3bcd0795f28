using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;

namespace EReferral.Tests
{
    internal static class ImportTests
    {
        /// <summary>The imports are the exports, each once; nothing but pointers and numbers crosses; cdecl is said.</summary>
        internal static void Imports(string[] arguments)
        {
            string[] symbols = File.ReadAllLines(arguments[0]).Where(line => !line.StartsWith("#")).Select(line => line.Split(' ')[0]).ToArray();
            MethodInfo[] imports = typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly);
            Check.Same(string.Join(" ", symbols.OrderBy(name => name, StringComparer.Ordinal)),
                string.Join(" ", imports.Select(import => import.Name).OrderBy(name => name, StringComparer.Ordinal)));
            foreach (MethodInfo import in imports)
            {
                var attribute = import.GetCustomAttribute<DllImportAttribute>();
                Check.That(attribute.CallingConvention == CallingConvention.Cdecl && attribute.ExactSpelling, import.Name + " is cdecl and exact");
                foreach (Type type in import.GetParameters().Select(one => one.ParameterType).Concat(new[] { import.ReturnType }))
                    Check.That(IsBlittable(type), import.Name + ": " + type);
            }
        }

        private static bool IsBlittable(Type type)
        {
            if (type.IsByRef) type = type.GetElementType();
            return typeof(SafeHandle).IsAssignableFrom(type)
                || new HashSet<Type> { typeof(void), typeof(int), typeof(uint), typeof(IntPtr), typeof(UIntPtr), typeof(byte*), typeof(NativeText) }.Contains(type);
        }
    }
}
