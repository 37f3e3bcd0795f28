//! What of the Java package is made from elsewhere: its constants say what the header and the field table say, and its C side calls every
//! export. `EREF_BLESS=1` writes the constants anew. Needs no Java.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ereferral::proto::guide::field::Need;
use ereferral::proto::guide::fields_table::FIELDS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The constants of the header: name without `EREF_`, value, prose.
fn constants(header: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut prose = Vec::new();
    for line in header.lines() {
        if line == "/**" {
            prose.clear();
        } else if let Some(text) = line.strip_prefix(" * ") {
            prose.push(text);
        } else if let Some((name, value)) = line.strip_prefix("#define EREF_").and_then(|rest| rest.split_once(' '))
            && value.bytes().all(|byte| byte.is_ascii_digit())
        {
            found.push((name.to_owned(), value.to_owned(), prose.join(" ")));
        }
    }
    found
}

/// Prose of C as Javadoc.
fn javadoc(prose: &str) -> String {
    let escaped = prose.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "&#64;");
    let code = |(index, piece): (usize, &str)| if index % 2 == 1 { format!("{{@code {piece}}}") } else { piece.to_owned() };
    escaped.split('`').enumerate().map(code).collect()
}

fn class(name: &str, public: bool, about: &str, body: &str) -> (PathBuf, String) {
    let modifier = if public { "public " } else { "" };
    let text = format!(
        "package ca.ereferral;\n\n/** {about} Made by {{@code tests/java_sources.rs}}. */\n{modifier}final class {name} {{\n    private {name}() {{\n    }}\n{body}}}\n"
    );
    (root().join(format!("bindings/java/src/main/java/ca/ereferral/{name}.java")), text)
}

/// Which class each constant of the header belongs to, by the beginning of its name.
const GROUPS: &[(&str, &str, &str)] = &[
    ("CATEGORY_", "Category", "Kinds of failure: {@link EReferralException#category}."),
    ("EVENT_", "EventKind", "Kinds of event, to be joined by |: {@link Engine#nextEvent}."),
    ("REFUSE_", "Refusal", "Reasons to refuse a question: {@link Event#refuse}."),
    ("DELIVERY_", "DeliveryState", "Where a delivery stands: {@link Delivery#state}."),
    ("LOG_", "LogLevel", "Levels of log lines: {@link LogLine#level}."),
    ("", "Status", "Which failure it is: {@link EReferralException#status}. Versions to come add some."),
];

/// Constants of the header that have a place of their own.
const ELSEWHERE: &[&str] = &["ABI_NUMBER", "NO_TIMEOUT"];

fn constant_classes() -> Vec<(PathBuf, String)> {
    let all = constants(&read("include/ereferral.h"));
    let group = |name: &str| GROUPS.iter().position(|(start, ..)| name.starts_with(start)).unwrap();
    let mut classes = Vec::new();
    for (index, (start, class_name, about)) in GROUPS.iter().enumerate() {
        let mut body = String::new();
        for (name, value, prose) in all.iter().filter(|(name, ..)| group(name) == index && !ELSEWHERE.contains(&name.as_str())) {
            let short = &name[start.len()..];
            let _ = writeln!(body, "\n    /** {} */\n    public static final int {short} = {value};", javadoc(prose));
        }
        classes.push(class(class_name, true, about, &body));
    }
    let abi = all.iter().find(|(name, ..)| name == "ABI_NUMBER").unwrap();
    let body = format!(
        "\n    static final int ABI_NUMBER = {};\n    static final String VERSION_TEXT = \"{}\";\n",
        abi.1,
        env!("CARGO_PKG_VERSION")
    );
    classes.push(class("Header", false, "Which native library this package is made for.", &body));
    classes
}

fn field_class() -> (PathBuf, String) {
    let mut body = String::new();
    for field in FIELDS {
        let name = field.name.replace("[]", "").replace('.', "_").to_uppercase();
        let value = field.name.replace("[]", "[0]");
        let usage = match field.need {
            _ if !field.write => "Read only.",
            Need::Optional => "",
            Need::Required => "Required.",
            Need::OneOf(_) => "One of its group is required.",
        };
        let about = format!("{} {usage}", javadoc(field.about));
        let _ = writeln!(body, "\n    /** {} */\n    public static final String {name} = \"{value}\";", about.trim_end());
    }
    body.push_str(
        r#"
    /**
     * A field in another repetition than the first.
     *
     * @param field one of these constants, with "[0]" in it
     * @param indexes the numbers of its repetitions, from 0 and from the left
     * @return for example "patient.identifier[1].value"
     */
    public static String at(String field, int... indexes) {
        String name = field;
        int from = 0;
        for (int index : indexes) {
            int place = name.indexOf("[0]", from);
            if (place < 0) {
                throw new IllegalArgumentException(field + " does not repeat so often");
            }
            String number = "[" + index + "]";
            name = name.substring(0, place) + number + name.substring(place + 3);
            from = place + number.length();
        }
        return name;
    }

    /**
     * A field in a repetition that is not there yet: {@link Draft#set} begins it.
     *
     * @param field one of these constants, with "[0]" in it
     * @return for example "patient.identifier[+].value"
     */
    public static String next(String field) {
        int place = field.indexOf("[0]");
        if (place < 0) {
            throw new IllegalArgumentException(field + " does not repeat");
        }
        return field.substring(0, place) + "[+]" + field.substring(place + 3);
    }
"#,
    );
    class(
        "Fields",
        true,
        "The plain names of {@link Message#field} and {@link Draft#set}, docs/fields.md; those that repeat name the first.",
        &body,
    )
}

#[test]
fn the_constants_say_what_header_and_field_table_say() {
    for (path, text) in constant_classes().into_iter().chain([field_class()]) {
        if std::env::var_os("EREF_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == text,
            "{} is stale; run this test with EREF_BLESS=1",
            path.display()
        );
    }
}

/// The words of a text that could be names in C.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect()
}

#[test]
fn the_c_side_calls_every_export() {
    let sources: Vec<String> = fs::read_dir(root().join("bindings/java/native"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let used: BTreeSet<&str> = sources.iter().flat_map(|source| words(source)).collect();
    let symbols = read("include/ereferral.symbols");
    let exports = symbols.lines().filter(|line| line.starts_with("eref_")).map(|line| line.split(' ').next().unwrap());
    let missing: Vec<&str> = exports.filter(|name| !used.contains(name)).collect();
    assert!(missing.is_empty(), "no function of bindings/java/native calls {missing:?}");
}

#[test]
fn the_c_side_has_every_native_method_and_no_other() {
    let native = read("bindings/java/src/main/java/ca/ereferral/Native.java");
    let declared: BTreeSet<&str> = native
        .lines()
        .filter_map(|line| line.trim().strip_prefix("static native "))
        .filter_map(|rest| rest.split('(').next()?.split(' ').next_back())
        .collect();
    let mut defined = BTreeSet::new();
    for entry in fs::read_dir(root().join("bindings/java/native")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in source.lines().filter(|line| !line.starts_with("#define") && !line.starts_with(' ')) {
            let Some((shape, rest)) = line.split_once('(') else { continue };
            let mut arguments = rest.split([',', ')']).map(|argument| argument.trim().to_owned());
            let name = match shape {
                "FN" => arguments.nth(1),
                shape
                    if !shape.is_empty()
                        && shape.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') =>
                {
                    arguments.next()
                }
                _ => None,
            };
            defined.extend(name);
        }
    }
    let declared: BTreeSet<String> = declared.into_iter().map(str::to_owned).collect();
    assert_eq!(declared, defined);
}
