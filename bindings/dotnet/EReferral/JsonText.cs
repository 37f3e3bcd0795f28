using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace EReferral
{
    /// <summary>As much of JSON as lists of documents need: where an array's elements begin and end, and one text of an object. Only for
    /// what the library wrote, which is well-formed.</summary>
    internal static class JsonText
    {
        /// <summary>The text of every element of an array.</summary>
        internal static IReadOnlyList<string> Elements(string array)
        {
            var elements = new List<string>();
            int at = Blank(array, 1 + array.IndexOf('['));
            while (array[at] != ']')
            {
                int end = End(array, at);
                elements.Add(array.Substring(at, end - at));
                at = Blank(array, end);
                if (array[at] == ',') at = Blank(array, at + 1);
            }
            return elements;
        }

        /// <summary>A member of an object that is a text; null when there is none.</summary>
        internal static string Member(string document, string name)
        {
            int at = Blank(document, 1 + document.IndexOf('{'));
            while (document[at] != '}')
            {
                int end = End(document, at);
                bool found = Unquoted(document, at, end) == name;
                at = Blank(document, Blank(document, end) + 1);
                end = End(document, at);
                if (found) return document[at] == '"' ? Unquoted(document, at, end) : null;
                at = Blank(document, end);
                if (document[at] == ',') at = Blank(document, at + 1);
            }
            return null;
        }

        private static int Blank(string text, int at)
        {
            while (char.IsWhiteSpace(text[at])) at++;
            return at;
        }

        /// <summary>Behind the value that begins here.</summary>
        private static int End(string text, int at)
        {
            int depth = 0;
            do
            {
                char c = text[at];
                if (c == '"') at = EndOfString(text, at) - 1;
                else if (c == '{' || c == '[') depth++;
                else if (c == '}' || c == ']') depth--;
                at++;
            }
            while (depth > 0 || (text[at - 1] != '"' && text[at - 1] != '}' && text[at - 1] != ']' && ",]} \t\r\n".IndexOf(text[at]) < 0));
            return at;
        }

        private static int EndOfString(string text, int at)
        {
            for (at++; text[at] != '"'; at++)
                if (text[at] == '\\') at++;
            return at + 1;
        }

        private static string Unquoted(string text, int at, int end)
        {
            var plain = new StringBuilder();
            for (at++; at < end - 1; at++)
            {
                char c = text[at];
                if (c == '\\')
                {
                    c = text[++at];
                    int control = "bfnrt".IndexOf(c);
                    if (control >= 0) c = "\b\f\n\r\t"[control];
                    else if (c == 'u')
                    {
                        c = (char)int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                        at += 4;
                    }
                }
                plain.Append(c);
            }
            return plain.ToString();
        }
    }
}
