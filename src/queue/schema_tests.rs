//! The files in `queues/` that others rely on: schemas, examples and the types of `message` agree.

use std::{collections::BTreeSet, fs, path::Path};

use jsonschema::Validator;
use serde_json::Value;

use crate::{
    domain::{
        account::Environment,
        class::{Class, Sent},
    },
    message::{Action, ENTRY_TYPE, Entry, RefreshMessage, Source},
};

const TYPES: [&str; 3] = ["refresh.due.v1", "refresh.debug.v1", ENTRY_TYPE];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("queues").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema(message_type: &str) -> Value {
    serde_json::from_str(&read(&format!("{message_type}.schema.json"))).expect("a schema is JSON")
}

fn validator(message_type: &str) -> Validator {
    jsonschema::options().should_validate_formats(true).build(&schema(message_type)).expect(message_type)
}

/// Every example of `message_type`: files whose names begin with it.
fn examples(message_type: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queues/examples");
    let names = fs::read_dir(folder).expect("the examples").map(|entry| entry.expect("readable").file_name());
    let names = names.map(|name| name.into_string().expect("UTF-8"));
    names
        .filter(|name| name.starts_with(&format!("{message_type}.")))
        .map(|name| (name.clone(), read(&format!("examples/{name}"))))
        .collect()
}

#[test]
fn every_file_belongs_to_a_message_type_and_every_type_has_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queues");
    let files = |path: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("readable"));
        let files = entries.filter(|entry| entry.file_type().expect("a type").is_file());
        files.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect()
    };
    let mut expected: BTreeSet<_> = TYPES.iter().map(|name| format!("{name}.schema.json")).collect();
    expected.insert("definitions.json".to_owned());
    assert_eq!(files(&folder), expected);

    let known: BTreeSet<_> = TYPES.iter().flat_map(|name| examples(name)).map(|(name, _)| name).collect();
    assert_eq!(files(&folder.join("examples")), known);
    for message_type in TYPES {
        assert!(!examples(message_type).is_empty(), "{message_type} has no example");
        let schema = schema(message_type);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], message_type);
        jsonschema::draft202012::meta::validate(&schema).expect(message_type);
    }
}

#[test]
fn examples_fit_schema_and_type_and_come_back_equal() {
    for message_type in TYPES {
        let validator = validator(message_type);
        for (name, text) in examples(message_type) {
            let example: Value = serde_json::from_str(&text).expect(&name);
            if let Err(error) = validator.validate(&example) {
                panic!("{name}: {error}");
            }
            let back: Value = if message_type == ENTRY_TYPE {
                let entry: Entry = serde_json::from_str(&text).expect(&name);
                serde_json::from_str(&entry.to_text()).expect(&name)
            } else {
                let message = RefreshMessage::from_bytes(text.as_bytes(), Some(message_type)).expect(&name);
                serde_json::from_slice(&message.to_bytes()).expect(&name)
            };
            assert_eq!(example, back, "{name}");
        }
    }
}

#[test]
fn the_schemas_list_the_same_words_as_the_types() {
    fn words<T: std::fmt::Display>(all: &[T]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    let entry = schema(ENTRY_TYPE);
    let listed = |field: &str| -> Vec<String> {
        serde_json::from_value(entry["properties"][field]["enum"].clone()).expect(field)
    };
    assert_eq!(listed("environment"), words(Environment::ALL));
    assert_eq!(listed("action"), words(Action::ALL));
    assert_eq!(listed("source"), words(Source::ALL));
    assert_eq!(listed("class"), words(Class::ALL));
    assert_eq!(listed("sent"), words(Sent::ALL));

    for source in Source::ALL {
        let message: RefreshMessage = serde_json::from_value(serde_json::json!({
            "attempt": "01936f2e-8c1a-7b3d-9f10-2a5c7e4d1b01",
            "account": "01936f00-0000-7000-8000-0000000000a1",
            "source": source,
        }))
        .expect("a message of every source");
        let value = serde_json::to_value(&message).expect("ids and enums");
        for message_type in ["refresh.due.v1", "refresh.debug.v1"] {
            let fits = validator(message_type).is_valid(&value);
            assert_eq!(fits, message.message_type() == message_type, "{source} as {message_type}");
        }
    }
}

#[test]
fn every_field_of_an_entry_is_in_its_schema() {
    let schema = schema(ENTRY_TYPE);
    let named: BTreeSet<_> = schema["properties"].as_object().expect("properties").keys().collect();
    let required: BTreeSet<_> =
        schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for (name, text) in examples(ENTRY_TYPE) {
        let mut entry: Entry = serde_json::from_str(&text).expect(&name);
        entry.unknown.clear();
        let written: Value = serde_json::from_str(&entry.to_text()).expect(&name);
        let written: BTreeSet<_> = written.as_object().expect("an object").keys().collect();
        assert!(written.is_subset(&named), "{name}");
        assert_eq!(written.iter().map(|field| field.as_str()).collect::<BTreeSet<_>>(), required, "{name}");
    }
}

#[test]
fn g4_the_schema_refuses_an_unmasked_token() {
    let validator = validator(ENTRY_TYPE);
    let (name, text) =
        examples(ENTRY_TYPE).into_iter().find(|(name, _)| name.contains("refreshed")).expect("one");
    let mut entry: Value = serde_json::from_str(&text).expect(&name);
    entry["request"]["body"]["refresh_token"] = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8".into();
    assert!(!validator.is_valid(&entry));
}

#[test]
fn fields_that_a_reader_does_not_know_are_kept() {
    let (name, text) =
        examples(ENTRY_TYPE).into_iter().find(|(name, _)| name.contains("in_flight")).expect("one");
    let entry: Entry = serde_json::from_str(&text).expect(&name);
    assert_eq!(entry.unknown["other_attempt"], "01936f2e-8c19-7000-8000-0000000000c3");
}
