//! The generated C# files of `bindings/dotnet/EReferral/Generated` say what the header and the field table say: the imports, the constants,
//! the names of the fields, and the typed properties of a notification. `EREF_BLESS=1` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use ereferral::proto::guide::field::{Field, Kind};
use ereferral::proto::guide::fields_table::FIELDS;

const NOTE: &str =
    "// Written from include/ereferral.h and the field table by tests/dotnet_sources.rs (EREF_BLESS=1); do not edit.\n";

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Compares a generated file with what it should be, or writes it.
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/dotnet/EReferral/Generated").join(name);
    if std::env::var_os("EREF_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{} is stale; run this test with EREF_BLESS=1", path.display());
}

fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
    };
    name.split(['.', '_']).map(word).collect()
}

fn summary(indent: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("{indent}/// <summary>{}</summary>\n", text.trim().replace('\n', &format!("\n{indent}/// ")))
}

/// The text of a `/** ... */` comment.
fn comment_text(comment: &str) -> String {
    let lines = comment.lines().map(|line| line.trim().trim_start_matches(['/', '*']).trim()).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace('`', "")
}

/// Every `#define EREF_<PREFIX>_NAME number` with the comment before it.
fn constants(header: &str, prefix: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut comment = String::new();
    for part in header.split("/**").skip(1) {
        let Some((text, rest)) = part.split_once("*/") else { continue };
        comment.clear();
        comment.push_str(text);
        let Some(line) = rest.trim_start().lines().next() else { continue };
        let Some((name, value)) = line.strip_prefix("#define EREF_").and_then(|line| line.split_once(' ')) else { continue };
        if let Some(name) = name.strip_prefix(prefix) {
            found.push((pascal(&name.to_lowercase()), value.to_owned(), comment_text(&comment)));
        }
    }
    found
}

fn enumeration(text: &mut String, header: &str, about: &str, name: &str, base: &str, prefix: &str) {
    let flags = if name == "EventKinds" { "    [System.Flags]\n" } else { "" };
    let _ = write!(text, "\n{}{flags}    public enum {name} : {base}\n    {{\n", summary("    ", about));
    for (member, value, comment) in constants(header, prefix) {
        let lead = ["Kind of event: ", "State of a delivery: ", "Level of a log line: ", "Reason for eref_event_refuse: "];
        let comment = lead.iter().find_map(|lead| comment.strip_prefix(lead)).unwrap_or(&comment);
        let mut words = comment.chars();
        let comment = words.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + words.as_str());
        let _ = writeln!(text, "{}        {member} = {value},", summary("        ", &comment));
    }
    text.push_str("    }\n");
}

/// The statuses: the constants before the first category.
fn statuses(header: &str) -> String {
    let end = header.find("#define EREF_CATEGORY_USAGE").unwrap();
    header[..header[..end].rfind("/**").unwrap()].to_owned()
}

#[test]
fn constants_are_those_of_the_header() {
    let header = read("include/ereferral.h");
    let version = header.split("#define EREF_VERSION_TEXT \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let abi = constants(&header, "ABI_NUMBER").remove(0).1;
    let mut text = format!("{NOTE}namespace EReferral\n{{\n");
    let _ = write!(
        text,
        "    /// <summary>What this assembly was made for.</summary>\n    internal static class Expected\n    {{\n        \
         internal const int AbiNumber = {abi};\n        internal const string Version = \"{version}\";\n    }}\n"
    );
    enumeration(&mut text, &statuses(&header), "What a call of the library ended with.", "Status", "int", "");
    enumeration(&mut text, &header, "Which kind of failure it is.", "Category", "int", "CATEGORY_");
    enumeration(&mut text, &header, "Kinds of events, to be combined.", "EventKinds", "uint", "EVENT_");
    enumeration(&mut text, &header, "Why a question is refused.", "Refusal", "int", "REFUSE_");
    enumeration(&mut text, &header, "Where a delivery stands.", "DeliveryState", "int", "DELIVERY_");
    enumeration(&mut text, &header, "Level of a log line.", "LogLevel", "int", "LOG_");
    text.push_str("}\n");
    compare("Constants.cs", &text);
}

/// The C# type of a parameter. A handle that is freed is passed as a bare pointer: its SafeHandle is being released.
fn parameter(function: &str, c: &str) -> String {
    let (kind, name) = c.rsplit_once([' ', '*']).unwrap();
    let pointers = c.matches('*').count();
    let kind = kind.replace("const ", "").replace(['*', ' '], "");
    let name = if ["event", "out", "string"].contains(&name) { format!("@{name}") } else { name.to_owned() };
    let handle = kind.strip_prefix("eref_").map(|rest| pascal(rest) + "Handle");
    match (kind.as_str(), pointers) {
        ("eref_text", 1) => format!("out NativeText {name}"),
        (_, 2) => format!("out IntPtr {name}"),
        (_, 1) if handle.is_some() && function.ends_with("_free") => format!("IntPtr {name}"),
        (_, 1) if handle.is_some() => format!("{} {name}", handle.unwrap()),
        ("char" | "uint8_t", 1) => format!("byte* {name}"),
        ("void", 1) => format!("IntPtr {name}"),
        ("int32_t", 1) => format!("out int {name}"),
        ("uint32_t", 1) => format!("out uint {name}"),
        ("size_t", 1) => format!("out UIntPtr {name}"),
        ("int32_t", 0) => format!("int {name}"),
        ("uint32_t", 0) => format!("uint {name}"),
        ("size_t", 0) => format!("UIntPtr {name}"),
        other => panic!("{function}: {other:?} has no place in C# yet"),
    }
}

fn import(declaration: &str) -> (String, String) {
    let declaration = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, parameters) = declaration.split_once('(').unwrap();
    let (result, name) = before.rsplit_once([' ', '*']).unwrap();
    let result = match (result.contains("char") || before.contains('*'), result.trim()) {
        (true, _) => "IntPtr",
        (_, "void") => "void",
        (_, "int32_t") => "int",
        (_, "uint32_t") => "uint",
        (_, "size_t") => "UIntPtr",
        other => panic!("{name}: {other:?}"),
    };
    let parameters = parameters.trim_end_matches(')');
    let list: Vec<String> = parameters.split(", ").filter(|one| *one != "void").map(|one| parameter(name, one)).collect();
    (name.to_owned(), format!("{result} {name}({})", list.join(", ")))
}

#[test]
fn imports_are_the_functions_of_the_header() {
    let header = read("include/ereferral.h");
    let body = &header[header.find("extern \"C\" {").unwrap()..];
    let imports: Vec<(String, String)> =
        body.split("EREF_API").skip(1).map(|rest| import(rest.split(';').next().unwrap())).collect();
    let symbols: BTreeSet<String> = read("include/ereferral.symbols")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(imports.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), symbols);
    let mut text = format!(
        "{NOTE}using System;\nusing System.Runtime.InteropServices;\n\nnamespace EReferral\n{{\n    \
         /// <summary>The C ABI, each function once. Nothing is marshalled: pointers, lengths and numbers go as they are. The calling convention\n    \
         /// is said because stdcall is the default on 32-bit Windows.</summary>\n    internal static unsafe class NativeMethods\n    {{\n        \
         internal const string Library = \"ereferral\";\n        private const CallingConvention C = CallingConvention.Cdecl;\n"
    );
    for (_, import) in imports {
        let _ = write!(
            text,
            "\n        [DllImport(Library, CallingConvention = C, ExactSpelling = true)]\n        internal static extern {import};\n"
        );
    }
    text.push_str("    }\n}\n");
    compare("NativeMethods.cs", &text);
}

#[test]
fn names_of_fields_are_those_of_the_table() {
    let mut text = format!(
        "{NOTE}namespace EReferral\n{{\n    /// <summary>The plain names of the fields of a message (docs/fields.md). A name with [] stands for a repetition: \
         see <see cref=\"At\"/>\n    /// and <see cref=\"Next\"/>.</summary>\n    public static partial class Fields\n    {{\n"
    );
    for field in FIELDS {
        let example = format!("{} For example {}", field.about, field.example);
        let _ = writeln!(
            text,
            "{}        public const string {} = \"{}\";",
            summary("        ", &example),
            pascal(&field.name.replace("[]", "")),
            field.name
        );
    }
    text.push_str("    }\n}\n");
    compare("Fields.cs", &text);
}

/// A group of fields: a section of the message, or one of several things of a kind.
struct Group {
    /// Its fields begin so, with `.` at the end; empty for the message itself.
    path: String,
    type_name: String,
}

/// The C# expression of a field's path within a group; a repetition's own path comes at run time.
fn place(group: &Group, rest: &str) -> String {
    match (group.path.contains("[]"), rest) {
        (false, _) => format!("\"{}{rest}\"", group.path),
        (true, "") => "at".to_owned(),
        (true, _) => format!("at + \".{rest}\""),
    }
}

fn typed(field: &Field, read: &str) -> (&'static str, String) {
    match field.kind {
        Kind::Bool => ("bool?", format!("FieldText.Bool({read})")),
        Kind::Integer => ("long?", format!("FieldText.Integer({read})")),
        Kind::Instant => ("DateTimeOffset?", format!("FieldText.Instant({read})")),
        _ => ("string", read.to_owned()),
    }
}

/// The property of a field, or of a repetition; `None` when it was written before.
fn property(group: &Group, rest: &str, field: &Field, seen: &mut BTreeSet<String>, groups: &mut Vec<Group>) -> Option<String> {
    let Some((head, tail)) = rest.split_once("[]") else {
        let name = if rest.is_empty() { "Value".to_owned() } else { pascal(rest) };
        let (kind, read) = typed(field, &format!("notification.Field({})", place(group, rest)));
        return Some(format!("{}        public {kind} {name} => {read};\n", summary("        ", field.about)));
    };
    let name = pascal(head);
    if !seen.insert(format!("{}{head}", group.path)) {
        return None;
    }
    let inner = format!("{}{head}[]", group.path);
    let alone = tail.is_empty() && !FIELDS.iter().any(|other| other.name.starts_with(&format!("{inner}.")));
    let (element, make) = if alone {
        ("string".to_owned(), "(n, p) => n.Field(p)".to_owned())
    } else {
        let type_name = group.type_name.trim_end_matches("Fields").to_owned() + &name + "Fields";
        groups.push(Group { path: format!("{inner}."), type_name: type_name.clone() });
        (type_name.clone(), format!("(n, p) => new {type_name}(n, p)"))
    };
    let about = if alone { field.about.to_owned() } else { format!("Each {}.", head.replace(['_', '.'], " ")) };
    Some(format!(
        "{}        public FieldList<{element}> {name} => new FieldList<{element}>(notification, {}, {make});\n",
        summary("        ", &about),
        place(group, head)
    ))
}

fn group_type(group: &Group, groups: &mut Vec<Group>) -> String {
    let mut seen = BTreeSet::new();
    let mut text = format!(
        "\n    /// <summary>What the message says under {}.</summary>\n    public readonly struct {}\n    {{\n        private readonly Notification notification;\n",
        group.path.trim_end_matches('.'),
        group.type_name
    );
    let (field, parameter, set) = if group.path.contains("[]") {
        ("        private readonly string at;\n", ", string path", " at = path;")
    } else {
        ("", "", "")
    };
    let _ = writeln!(
        text,
        "{field}        internal {}(Notification source{parameter}) {{ notification = source;{set} }}",
        group.type_name
    );
    let own = group.path.trim_end_matches('.');
    for field in FIELDS.iter().filter(|field| field.name.starts_with(&group.path) || field.name == own && own.ends_with("[]")) {
        let rest = field.name.strip_prefix(&group.path).unwrap_or("");
        if let Some(property) = property(group, rest, field, &mut seen, groups) {
            text.push('\n');
            text.push_str(&property);
        }
    }
    text.push_str("    }\n");
    text
}

#[test]
fn typed_properties_are_those_of_the_table() {
    let mut text =
        format!("{NOTE}using System;\n\nnamespace EReferral\n{{\n    public sealed partial class Notification\n    {{\n");
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    for field in FIELDS {
        let top = field.name.split('.').next().unwrap();
        let plain = top.trim_end_matches("[]");
        if FIELDS.iter().any(|other| other.name == top) {
            let (kind, read) = typed(field, &format!("Field(\"{}\")", field.name));
            let _ = write!(text, "{}        public {kind} {} => {read};\n\n", summary("        ", field.about), pascal(field.name));
        } else if seen.insert(top) {
            let (name, type_name) = (pascal(plain), pascal(plain) + "Fields");
            groups.push(Group { path: format!("{top}."), type_name: type_name.clone() });
            let about = format!("        /// <summary>What the message says under {plain}.</summary>\n");
            let _ = if top == plain {
                write!(text, "{about}        public {type_name} {name} => new {type_name}(this);\n\n")
            } else {
                write!(
                    text,
                    "{about}        public FieldList<{type_name}> {name} => new FieldList<{type_name}>(this, \"{plain}\", (n, p) => new {type_name}(n, p));\n\n"
                )
            };
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n    }\n");
    let mut index = 0;
    while index < groups.len() {
        let group = Group { path: groups[index].path.clone(), type_name: groups[index].type_name.clone() };
        let made = group_type(&group, &mut groups);
        text.push_str(&made);
        index += 1;
    }
    text.push_str("}\n");
    compare("Notification.Fields.cs", &text);
}
