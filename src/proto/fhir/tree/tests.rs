use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

fn value(node: Node<'_>) -> Json {
    match node.kind() {
        Kind::Object => Json::Object(node.members().map(|(name, member)| (name.to_owned(), value(member))).collect::<Map<_, _>>()),
        Kind::Array => Json::Array(node.items().map(value).collect()),
        Kind::String => json!(node.str().unwrap()),
        Kind::Number => serde_json::from_str(node.number_text().unwrap()).unwrap(),
        Kind::Bool => json!(node.bool().unwrap()),
        Kind::Null => Json::Null,
    }
}

/// Every node's raw text is the value it stands for.
fn assert_raw(node: Node<'_>) {
    let raw: Json = serde_json::from_str(node.raw()).unwrap();
    assert_eq!(raw, value(node));
    node.items().for_each(assert_raw);
    node.members().for_each(|(_, member)| assert_raw(member));
}

fn assert_same(document: &str) {
    let tree = Tree::read(document).unwrap();
    let root = tree.root(document);
    assert_eq!(value(root), serde_json::from_str::<Json>(document).unwrap(), "{document}");
    assert_raw(root);
}

#[test]
fn a_tree_says_what_the_document_says() {
    for document in [
        "null",
        " \r\n\t-1.50e3 ",
        r#" "a\"b\\" "#,
        "[]",
        "{ }",
        "[ [ ] , { } ]",
        r#"{"a": [1, "x\ty", {"b": false, "c" : null}], "é": "ü", "": "\u00e9\\\""}"#,
        r#"["\\\\", "\\\"", "\"", "", "\u0022,]"]"#,
    ] {
        assert_same(document);
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map("[a-zA-Zé_]{0,6}", inner, 0..6).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_document_reads_as_serde_json_reads_it(json in any_json(), pretty in any::<bool>()) {
        let document = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
        assert_same(&document);
    }
}

#[test]
fn members_are_found_by_name_and_elements_by_index() {
    let document = r#"{"name":[{"family":"Testpatient"}],"nam":1,"names":2}"#;
    let tree = Tree::read(document).unwrap();
    let root = tree.root(document);
    assert_eq!(root.get("nam").and_then(Node::number_text), Some("1"));
    assert!(root.get("na").is_none() && root.get("family").is_none() && root.items().next().is_none());
    let family = root.get("name").and_then(|name| name.items().next()).and_then(|name| name.get("family")).unwrap();
    assert_eq!((family.str(), family.name(), family.raw()), (Some("Testpatient"), "family", r#""Testpatient""#));
    assert_eq!(tree.node(document, family.index()).and_then(Node::str), family.str());
    assert!(tree.node(document, 99).is_none());
}

#[test]
fn a_single_value_passes_for_a_list_of_one() {
    let document = r#"{"one":{"a":[1,2]},"two":["x","y"],"none":null,"text":"t"}"#;
    let tree = Tree::read(document).unwrap();
    let raw = |name: &str| list(tree.root(document).get(name)).map(Node::raw).collect::<Vec<_>>();
    assert_eq!(raw("one"), [r#"{"a":[1,2]}"#]);
    assert_eq!(raw("two"), [r#""x""#, r#""y""#]);
    assert_eq!(raw("text"), [r#""t""#]);
    assert!(raw("none").is_empty() && raw("absent").is_empty());
}

#[test]
fn base64_is_neither_copied_nor_unescaped() {
    let document = r#"{"data":"SGVs\/bG8=","title":"a\/b"}"#;
    let tree = Tree::read(document).unwrap();
    assert_eq!(tree.root(document).get("data").and_then(Node::str), Some(r"SGVs\/bG8="));
    assert_eq!(tree.root(document).get("title").and_then(Node::str), Some("a/b"));
    assert_eq!(tree.texts, "a/b");
}

#[test]
fn what_is_no_json_or_too_deep_is_refused_and_not_repeated() {
    let deep = "[".repeat(10_000);
    for document in ["", "{", "[1,]", r#"{"secret":}"#, r#"{"a\u0062":1}"#, "[1] 2", r#""\ud800""#, "tru", "-", deep.as_str()] {
        let error = Tree::read(document).err().unwrap();
        assert_eq!(error.status(), EREF_INVALID_JSON, "{document}");
        assert!(!error.message().contains("secret"));
    }
}

#[test]
fn a_tree_with_another_document_is_harmless() {
    let tree = Tree::read(r#"{"name":["Anna","Maria"]}"#).unwrap();
    for other in ["", "é", "[]"] {
        let node = tree.root(other);
        assert!(node.get("name").is_none());
        assert!(node.raw().len() <= other.len());
    }
}
