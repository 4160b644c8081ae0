//! JSON Schemas (2020-12) of the files of a policy folder, for editors.
//!
//! Returns schemas whose keys and words are those of the tables that the parser reads, so that the two cannot disagree
//! about what can be written. Editors help with them; what decides whether a file loads is the parser, which knows more.

use serde_json::{Map, Value, json};

use super::description::{NAMES, PARAMETERS};
use super::suite::{is_test, keys};
use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelKind;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::{Modality, OpaqueKind};
use crate::policy::document::{FILE_KEYS, FLOOR_KEYS};
use crate::policy::rule::{COMMON_KEYS, Mode, Section};
use crate::policy::rules::Kind;
use crate::policy::rules::limits::{BOUND_KEYS, Quantity};
use crate::policy::{catalogue, condition, detectors, exceptions};
use crate::sensitive::Validator;

/// A kind of file that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// org.yaml, teams/*.yaml, apps/*/*.yaml
    Policy,
    /// tests/*.yaml
    Tests,
    /// exceptions.yaml
    Exceptions,
    /// detectors.yaml
    Detectors,
    /// catalog.yaml
    Catalog,
}

impl File {
    pub const ALL: [Self; 5] = [Self::Policy, Self::Tests, Self::Exceptions, Self::Detectors, Self::Catalog];

    /// The kind of file that stands at a path in a policy folder.
    pub fn at(path: &str) -> Self {
        match path {
            exceptions::FILE => Self::Exceptions,
            detectors::FILE => Self::Detectors,
            catalogue::FILE => Self::Catalog,
            test if is_test(test) => Self::Tests,
            _ => Self::Policy,
        }
    }

    /// What the schema is called: `policy`, in `policy.schema.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Tests => "tests",
            Self::Exceptions => "exceptions",
            Self::Detectors => "detectors",
            Self::Catalog => "catalog",
        }
    }

    /// The schema.
    pub fn schema(self) -> Value {
        let mut schema = match self {
            Self::Policy => policy(),
            Self::Tests => tests(),
            Self::Exceptions => exceptions_file(),
            Self::Detectors => detectors_file(),
            Self::Catalog => catalogue_file(),
        };
        if let Value::Object(members) = &mut schema {
            let title = format!("bedrock-warden {}", self.name());
            members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
            members.insert("title".to_owned(), json!(title));
        }
        schema
    }
}

fn policy() -> Value {
    let sections = Section::ALL.into_iter().map(|section| (section.name(), several(&item(section))));
    let file = FILE_KEYS.iter().chain(&FLOOR_KEYS).map(|key| (*key, of_key("file", key)));
    object(file.chain(sections), &["version", "scope"])
}

/// An item of a section.
fn item(section: Section) -> Value {
    let keys = COMMON_KEYS.iter().chain(Kind::keys(section));
    let of = |key: &&'static str| (*key, of_key(section.name(), key));
    object(keys.collect::<Vec<_>>().into_iter().map(of), &[])
}

fn tests() -> Value {
    let given = || object(keys::GIVEN.iter().map(|key| (*key, of_key("given", key))), &[]);
    let request = keys::REQUEST.iter().chain(&NAMES).map(|key| (*key, of_key("request", key)));
    let expect = object(keys::EXPECT.iter().map(|key| (*key, of_key("expect", key))), &["decision"]);
    let modified = || PARAMETERS.iter().map(|parameter| (parameter.name(), json!({ "type": "number" })));
    let modified =
        object(modified().chain([("guardrail", text()), ("redact", texts()), ("tokenize", texts())]), &[]);
    let request = object(request, &[]);
    let case = keys::CASE.iter().map(|key| {
        (
            *key,
            match *key {
                "given" => given(),
                "request" => request.clone(),
                "expect" => {
                    let mut expect = expect.clone();
                    if let Some(member) = expect.pointer_mut("/properties/modified") {
                        *member = modified.clone();
                    }
                    expect
                }
                other => of_key("case", other),
            },
        )
    });
    let case = object(case.collect::<Vec<_>>().into_iter(), &["name", "request", "expect"]);
    let invariant = keys::INVARIANT.iter().map(|key| {
        (
            *key,
            match *key {
                "given" => given(),
                "allowed" => when(),
                other => of_key("never", other),
            },
        )
    });
    let invariant = object(invariant.collect::<Vec<_>>().into_iter(), &["name", "allowed"]);
    let file = keys::FILE.iter().map(|key| {
        (
            *key,
            match *key {
                "given" => given(),
                "cases" => several(&case),
                "never" => several(&invariant),
                other => of_key("file", other),
            },
        )
    });
    object(file.collect::<Vec<_>>().into_iter(), &[])
}

fn exceptions_file() -> Value {
    let sections = Section::ALL.into_iter().map(|section| (section.name(), several(&item(section))));
    let instead = object(sections, &[]);
    let exception = exceptions::KEYS.iter().map(|key| {
        (
            *key,
            match *key {
                "instead" => instead.clone(),
                other => of_key("exception", other),
            },
        )
    });
    let required = ["id", "for", "waive", "until", "owner", "approvedBy", "ticket", "reason"];
    let exception = object(exception.collect::<Vec<_>>().into_iter(), &required);
    let file = [
        ("version", json!({ "const": 1 })),
        ("scope", json!({ "const": "exceptions" })),
        ("exceptions", several(&exception)),
    ];
    object(file.into_iter(), &["version", "scope", "exceptions"])
}

fn detectors_file() -> Value {
    let examples = object(detectors::EXAMPLES.into_iter().map(|key| (key, texts())), &detectors::EXAMPLES);
    let detector = detectors::KEYS.into_iter().map(|key| {
        let takes = match key {
            "keywords" => texts(),
            "validator" => words(Validator::WORDS.map(|(word, _)| word)),
            "examples" => examples.clone(),
            _ => text(),
        };
        (key, takes)
    });
    let detector = object(detector, &["name", "pattern", "examples"]);
    let file = detectors::FILE_KEYS.into_iter().map(|key| match key {
        "detectors" => (key, several(&detector)),
        other => (key, of_key("file", other)),
    });
    object(file, &detectors::FILE_KEYS)
}

fn catalogue_file() -> Value {
    // Dollars for a million tokens.
    let dollars = json!({ "type": "number", "minimum": 0 });
    let prices = catalogue::PRICE_KEYS.into_iter().map(|key| (key, dollars.clone()));
    let prices = object(prices, &["input", "output"]);
    let model = object([("id", text()), ("prices", prices)].into_iter(), &["id"]);
    let alias = object([("id", text()), ("models", texts())].into_iter(), &catalogue::ALIAS_KEYS);
    let file = catalogue::FILE_KEYS.into_iter().map(|key| match key {
        "models" => (key, several(&model)),
        "aliases" => (key, several(&alias)),
        other => (key, of_key("file", other)),
    });
    object(file, &["version"])
}

/// What a key takes. `place` tells keys of one name apart.
fn of_key(place: &str, key: &str) -> Value {
    match (place, key) {
        (_, "version") => json!({ "const": 1 }),
        (_, "mode") => words(Mode::WORDS.map(|(word, _)| word)),
        ("file", "help") => json!({ "type": "string", "pattern": "^https?://\\S+$" }),
        ("file", "exceptions") => {
            object([("maxDays", json!({ "type": "integer", "minimum": 1 }))].into_iter(), &["maxDays"])
        }
        (_, "shadowHeader" | "locked" | "stream" | "breakGlass") if place != "given" => {
            json!({ "type": "boolean" })
        }
        (_, "when" | "unless") => when(),
        ("expect", "decision") => words(["allow", "deny"]),
        ("expect", "error") => words(Fault::ALL.map(Fault::name)),
        ("expect", "modified") => json!({ "type": "object" }),
        ("exception", "for") => object([("team", text()), ("app", text())].into_iter(), &["team"]),
        ("request", "findings") => json!({ "anyOf": [
            texts(),
            { "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } },
        ] }),
        ("request", "operation") => words(Operation::ALL.map(Operation::name)),
        ("request", "turns" | "images" | "unread" | "inputTokens") => {
            json!({ "type": "integer", "minimum": 0 })
        }
        ("request", "maxTokens" | "temperature" | "topP" | "topK" | "thinkingTokens") => {
            json!({ "anyOf": [{ "type": "number" }, { "type": "array", "items": { "type": "number" } }] })
        }
        ("expect", "rules" | "shadow" | "exceptions") | ("request", "tools") => json!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ] }),
        (_, "modalities") => list(&words(Modality::ALL.map(Modality::name))),
        (_, "uninspected") => list(&words(OpaqueKind::ALL.map(OpaqueKind::name))),
        (_, "missing") => words(["deny", "inject"]),
        (_, "prompt") => words(["report", "tokenize", "redact", "deny"]),
        (_, "response") => words(["report", "redact", "deny"]),
        (_, "unread") => words(["report", "deny"]),
        (_, "per") => words(["team", "app", "caller"]),
        (_, "unavailable") => words(["deny", "allow"]),
        ("limits", name) if Quantity::ALL.iter().any(|quantity| quantity.name() == name) => bound(name),
        (
            _,
            "models" | "actions" | "outputs" | "in" | "oneOf" | "detect" | "controls" | "waive" | "rules"
            | "shadow" | "exceptions" | "resolvesTo",
        ) => texts(),
        (_, _) => text(),
    }
}

/// `when`, `unless` and `allowed`: a mapping, or a text in Cedar.
fn when() -> Value {
    let of = |key: &'static str| match key {
        "kind" => list(&words(ModelKind::ALL.map(ModelKind::name))),
        "stream" => json!({ "type": "boolean" }),
        _ => texts(),
    };
    let mapping = object(condition::KEYS.iter().map(|key| (*key, of(key))), &[]);
    json!({ "anyOf": [{ "type": "string", "description": "A condition in Cedar" }, mapping] })
}

fn bound(name: &str) -> Value {
    let whole = !matches!(name, "temperature" | "topP");
    let number = json!({ "type": if whole { "integer" } else { "number" }, "minimum": 0 });
    let ends = BOUND_KEYS.map(|key| match key {
        "over" => (key, words(["deny", "clamp"])),
        _ => (key, number.clone()),
    });
    let range = object(ends.into_iter(), &[]);
    json!({ "anyOf": [number, range] })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn texts() -> Value {
    list(&text())
}

fn words<const N: usize>(words: [&str; N]) -> Value {
    json!({ "enum": words.to_vec() })
}

/// One value, or a list of them that is not empty.
fn list(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

/// One item, or a list of them.
fn several(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

/// A mapping with no other keys.
fn object<'k>(members: impl Iterator<Item = (&'k str, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = members.map(|(key, value)| (key.to_owned(), value)).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

#[cfg(test)]
mod tests;
