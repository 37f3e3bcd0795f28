using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;

namespace EReferral
{
    public static partial class Fields
    {
        /// <summary>The name with its repetitions filled in, first to last: At(Fields.PatientIdentifierValue, 0) is
        /// patient.identifier[0].value.</summary>
        public static string At(string name, params int[] indexes)
        {
            if (name == null) throw new ArgumentNullException(nameof(name));
            if (indexes == null) throw new ArgumentNullException(nameof(indexes));
            string[] parts = name.Split(new[] { "[]" }, StringSplitOptions.None);
            if (parts.Length != indexes.Length + 1) throw new ArgumentException("the name has " + (parts.Length - 1) + " repetitions", nameof(indexes));
            string filled = parts[0];
            for (int i = 0; i < indexes.Length; i++) filled += "[" + indexes[i].ToString(CultureInfo.InvariantCulture) + "]" + parts[i + 1];
            return filled;
        }

        /// <summary>The name of the next repetition not set yet, in a draft: Next(Fields.PatientNameGiven) is patient.name.given[+].</summary>
        public static string Next(string name)
        {
            if (name == null) throw new ArgumentNullException(nameof(name));
            return name.Replace("[]", "[+]");
        }
    }

    /// <summary>The repetitions of a field, or of a group of fields.</summary>
    public readonly struct FieldList<T> : IReadOnlyList<T>
    {
        private readonly Notification notification;
        private readonly string name;
        private readonly Func<Notification, string, T> make;

        internal FieldList(Notification notification, string name, Func<Notification, string, T> make)
        {
            this.notification = notification;
            this.name = name;
            this.make = make;
        }

        /// <summary>How many there are.</summary>
        public int Count => notification.FieldCount(name);

        /// <summary>One of them. Beyond the last one its fields are null.</summary>
        public T this[int index] => make(notification, name + "[" + index.ToString(CultureInfo.InvariantCulture) + "]");

        /// <summary>All of them in order.</summary>
        public IEnumerator<T> GetEnumerator()
        {
            int count = Count;
            for (int i = 0; i < count; i++) yield return this[i];
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>Fields that are not text. What cannot be read so is null; <see cref="Notification.Field"/> gives it as it is written.</summary>
    internal static class FieldText
    {
        internal static bool? Bool(string text) => bool.TryParse(text, out bool value) ? value : (bool?)null;

        internal static long? Integer(string text)
            => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : (long?)null;

        internal static DateTimeOffset? Instant(string text)
            => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset value) ? value : (DateTimeOffset?)null;
    }
}
