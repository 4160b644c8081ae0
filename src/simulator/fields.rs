//! Members of a request body, read the way the service's own schema check reads them.
//!
//! Receives a JSON object and returns typed members, or the complaint that the service would make about the first one
//! that is wrong. Never repeats a value in a complaint.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use thiserror::Error;

/// What is wrong with a body, as the service words it in a `ValidationException`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Malformed input request: {complaint}, please reformat your input and try again.")]
pub struct Malformed {
    complaint: String,
}

impl Malformed {
    pub fn new(complaint: impl Into<String>) -> Self {
        Self { complaint: complaint.into() }
    }
}

/// One object of the body and the pointer to it.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    pointer: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub fn of(body: &'a Value) -> Result<Self, Malformed> {
        Self::at("#".to_owned(), body)
    }

    fn at(pointer: String, value: &'a Value) -> Result<Self, Malformed> {
        match value.as_object() {
            Some(object) => Ok(Self { pointer, object }),
            None => Err(wrong_type(&pointer, "JSONObject", value)),
        }
    }

    pub fn members(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.object.iter()
    }

    /// The object as JSON.
    pub fn to_text(&self) -> String {
        Value::Object(self.object.clone()).to_string()
    }

    /// Refuses members that are not in `names`.
    pub fn only(&self, names: &[&str]) -> Result<(), Malformed> {
        match self.object.keys().find(|key| !names.contains(&key.as_str())) {
            Some(key) => Err(self.complaint(&format!("extraneous key [{key}] is not permitted"))),
            None => Ok(()),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    pub fn required(&self, name: &str) -> Result<&'a Value, Malformed> {
        self.value(name).ok_or_else(|| self.complaint(&format!("required key [{name}] not found")))
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<&'a str, Malformed> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| wrong_type(&self.pointer_to(name), "String", value))
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, Malformed> {
        if self.has(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    pub fn flag(&self, name: &str) -> Result<bool, Malformed> {
        let Some(value) = self.value(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| wrong_type(&self.pointer_to(name), "Boolean", value))
    }

    /// A whole number within `range`.
    pub fn count(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<usize>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let pointer = self.pointer_to(name);
        let Some(number) = value.as_number() else { return Err(wrong_type(&pointer, "Integer", value)) };
        let Some(count) = number.as_u64().filter(|count| range.contains(count)) else {
            return Err(if number.is_f64() {
                wrong_type(&pointer, "Integer", value)
            } else {
                out_of_range(&pointer, range.start(), range.end(), number.as_u64() > Some(*range.end()))
            });
        };
        Ok(Some(usize::try_from(count).unwrap_or(usize::MAX)))
    }

    /// A number within `range`.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let pointer = self.pointer_to(name);
        let Some(number) = value.as_f64() else { return Err(wrong_type(&pointer, "Number", value)) };
        if range.contains(&number) {
            Ok(Some(number))
        } else {
            Err(out_of_range(&pointer, range.start(), range.end(), number > *range.end()))
        }
    }

    pub fn array(&self, name: &str) -> Result<Option<&'a [Value]>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_array() {
            Some(elements) => Ok(Some(elements)),
            None => Err(wrong_type(&self.pointer_to(name), "JSONArray", value)),
        }
    }

    /// An array of texts; empty when absent.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Malformed> {
        let elements = self.array(name)?.unwrap_or_default().iter().enumerate();
        elements
            .map(|(index, element)| match element.as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(wrong_type(&format!("{}/{index}", self.pointer_to(name)), "String", element)),
            })
            .collect()
    }

    pub fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Malformed> {
        self.value(name).map(|value| Fields::at(self.pointer_to(name), value)).transpose()
    }

    /// An array of objects that must be there and must not be empty.
    pub fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>, Malformed> {
        self.required(name)?;
        let pointer = self.pointer_to(name);
        let elements = self.array(name)?.unwrap_or_default();
        if elements.is_empty() {
            return Err(Malformed::new(format!("{pointer}: expected minimum item count: 1, found: 0")));
        }
        let objects = elements.iter().enumerate();
        objects.map(|(index, element)| Fields::at(format!("{pointer}/{index}"), element)).collect()
    }

    /// A complaint about this object.
    pub fn complaint(&self, text: &str) -> Malformed {
        Malformed::new(format!("{}: {text}", self.pointer))
    }

    fn pointer_to(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }
}

fn wrong_type(pointer: &str, expected: &str, found: &Value) -> Malformed {
    let found = match found {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "BigDecimal",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    };
    Malformed::new(format!("{pointer}: expected type: {expected}, found: {found}"))
}

fn out_of_range(pointer: &str, least: &impl ToString, most: &impl ToString, above: bool) -> Malformed {
    let (word, bound) = if above { ("less", most.to_string()) } else { ("greater", least.to_string()) };
    Malformed::new(format!("{pointer}: value is not {word} or equal to {bound}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn complaints_name_the_member_and_never_its_value() {
        let body =
            json!({"max": "secret", "low": 0, "high": 9, "part": 1.5, "list": ["a", 7], "odd": {"x": 1}});
        let fields = Fields::of(&body).unwrap();
        let cases = [
            (fields.text("none").unwrap_err(), "#: required key [none] not found"),
            (fields.count("max", 1..=8).unwrap_err(), "#/max: expected type: Integer, found: String"),
            (fields.count("part", 1..=8).unwrap_err(), "#/part: expected type: Integer, found: BigDecimal"),
            (fields.count("low", 1..=8).unwrap_err(), "#/low: value is not greater or equal to 1"),
            (fields.count("high", 1..=8).unwrap_err(), "#/high: value is not less or equal to 8"),
            (fields.number("high", 0.0..=1.0).unwrap_err(), "#/high: value is not less or equal to 1"),
            (fields.texts("list").unwrap_err(), "#/list/1: expected type: String, found: Integer"),
            (
                fields.object("odd").unwrap().unwrap().only(&[]).unwrap_err(),
                "#/odd: extraneous key [x] is not permitted",
            ),
            (fields.objects("list").unwrap_err(), "#/list/0: expected type: JSONObject, found: String"),
        ];
        for (complaint, expected) in cases {
            assert_eq!(complaint, Malformed::new(expected));
        }
    }
}
