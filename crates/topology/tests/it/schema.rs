//! The JSON Schema, tried with a validator that is not ours: what it takes and what it refuses.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;
use twinax_topology::{arbitrary, parse, schema};

fn json(source: &str) -> Value {
    toml::from_str(source).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// A lab with every table and nearly every key.
const FULL: &str = include_str!("full.toml");

#[test]
fn a_full_lab_is_valid_under_it() {
    parse(FULL, "full.toml").unwrap();
    validator().validate(&json(FULL)).unwrap();
}

#[test]
fn the_shipped_labs_are_valid_under_it() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let lab = json(&std::fs::read_to_string(&path).unwrap());
            if let Err(error) = validator.validate(&lab) {
                panic!("{}: {error}", path.display());
            }
        }
    }
}

/// What the parser refuses for its shape, the schema refuses too.
#[test]
fn what_has_the_wrong_shape_is_refused() {
    let validator = validator();
    let bad = [
        "about = \"no name\"",
        "name = 3",
        "name = \"../x\"",
        "name = \"t\"\nnodes = {}",
        "name = \"t\"\n[node.a]\nkind = \"switch\"",
        "name = \"t\"\n[node.a]\nlo = \"yes\"",
        "name = \"t\"\n[node.a]\nroute = { via = \"10.0.0.1\" }",
        "name = \"t\"\n[node.a]\nroute = { to = \"defualt\", via = \"10.0.0.1\" }",
        "name = \"t\"\n[node.a]\nlisten = { tcp = 0 }",
        "name = \"t\"\n[node.a]\nrun = { name = \"x\", cmd = [] }",
        "name = \"t\"\n[node.a]\nrun = { name = \"x\", cmd = \"true\", timeout = 3 }",
        "name = \"t\"\n[node.a]\nrun = { name = \"x\", cmd = \"true\", timeout = \"3\" }",
        "name = \"t\"\n[node.a]\nfirewall = { policy = { input = \"reject\" } }",
        "name = \"t\"\n[[link]]\na = \"a:e0\"",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = \"b\"",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = \"b:sixteen-letters-\"",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = { at = \"b:e0\", ip = \"10.0.0.1\" }",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = { at = \"b:e0\", mac = \"01:00:00:00:00:01\" }",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = { at = \"b:e0\", mtu = 67 }",
        "name = \"t\"\n[[link]]\na = \"a:e0\"\nb = { at = \"b:e0\", master = true }",
        "name = \"t\"\n[[tap]]\nat = \"a:t\"\nmode = \"tup\"",
        "name = \"t\"\n[[wire]]\na = \"a:t\"",
        "name = \"t\"\n[[wire]]\na = \"a:t\"\nb = \"b\"",
        "name = \"t\"\n[[step]]\nremove = { wires = \"a:t\" }",
        "name = \"t\"\n[[step]]\nping = { from = \"a\", to = \"b\", size = 56 }",
        "name = \"t\"\n[[step]]\nreach = [\"a\", \"b\"]",
    ];
    for source in bad {
        assert!(!validator.is_valid(&json(source)), "the schema takes:\n{source}");
        assert!(parse(source, "t").is_err(), "the parser takes:\n{source}");
    }
}

/// Each key says what it is: editors show it.
#[test]
fn every_key_is_described() {
    fn walk(value: &Value, at: &str, missing: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                if property.get("description").is_none() {
                    missing.push(format!("{at}.{key}"));
                }
            }
        }
        if let Some(object) = value.as_object() {
            for (key, inner) in object {
                walk(inner, &format!("{at}/{key}"), missing);
            }
        }
    }
    let mut missing = Vec::new();
    walk(&schema(), "", &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

/// The reference knows each key, and what it shows is right.
#[test]
fn the_reference_is_complete_and_its_examples_are_valid() {
    let text = include_str!("../../../../docs/lab-file.md");
    let schema = schema();
    for (table, definition) in schema["$defs"].as_object().unwrap() {
        for key in definition["properties"].as_object().into_iter().flat_map(|keys| keys.keys()) {
            assert!(text.contains(&format!("`{key}`")), "nothing of `{key}` of {table}");
        }
    }
    let validator = validator();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() > 15);
    for example in examples {
        let whole = example.starts_with("name = ");
        let source = if whole { example.to_owned() } else { format!("name = \"t\"\n{example}") };
        if let Err(error) = validator.validate(&json(&source)) {
            panic!("{error}:\n{example}");
        }
        if whole {
            parse(&source, "lab-file.md").unwrap();
        }
    }
}

proptest::proptest! {
    /// Whatever the writer writes, the schema takes.
    #[test]
    fn random_labs_are_valid_under_it(lab in arbitrary::topology(arbitrary::Config::ALL)) {
        static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(validator);
        let text = lab.to_toml();
        if let Err(error) = VALIDATOR.validate(&json(&text)) {
            panic!("{error}:\n{text}");
        }
    }
}
