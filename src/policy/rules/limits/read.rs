//! How bounds are written. Numbers are plain digits: no quotes, signs, exponents, leading zeros or bases.

use super::{Bound, Limits, Over, Quantity, is_whole};
use crate::policy::condition::check_blank;
use crate::policy::rule::COMMON_KEYS;
use crate::yaml::{Mapping, Node, Reader, Value};

impl Limits {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        let errors = reader.diagnostics.errors();
        let mut bounds = Vec::new();
        for quantity in Quantity::ALL {
            if let Some(node) = item.get(quantity.name()) {
                bounds.extend(Bound::read(reader, node, quantity));
            }
        }
        // An unknown key is reported already, and is what should have been a bound.
        if item.entries().iter().all(|(key, _)| COMMON_KEYS.contains(&key.name.as_str())) {
            let names = Quantity::ALL.map(Quantity::name).join(", ");
            reader.error(item.span, format!("an item of `limits` needs one of {names}"));
        }
        (reader.diagnostics.errors() == errors).then_some(Self { bounds })
    }
}

impl Bound {
    fn read(reader: &mut Reader<'_>, node: &Node, quantity: Quantity) -> Option<Self> {
        let name = quantity.name();
        if matches!(node.value, Value::Scalar { .. }) {
            let max = number(reader, node, name, quantity)?;
            return Some(Self { quantity, min: None, max: Some(max), default: None, over: Over::Deny });
        }
        let keys: &[&str] = match quantity {
            Quantity::Parameter(_) => &super::BOUND_KEYS,
            // What a count counts is content, which is never cut.
            Quantity::Turns | Quantity::Images | Quantity::Tools | Quantity::InputTokens => &["max", "min"],
        };
        let mapping = reader.mapping(node, name, keys)?;
        check_blank(reader, &mapping);
        let errors = reader.diagnostics.errors();
        let mut value =
            |key| mapping.get(key).and_then(|node| number(reader, node, &format!("{name}.{key}"), quantity));
        let (min, max, default) = (value("min"), value("max"), value("default"));
        let over = match mapping.get("over") {
            Some(node) => reader.one_of(node, "over", &[("deny", Over::Deny), ("clamp", Over::Clamp)])?,
            None => Over::Deny,
        };
        let bound = Self { quantity, min, max, default, over };
        bound.check(reader, &mapping);
        (reader.diagnostics.errors() == errors).then_some(bound)
    }

    fn check(&self, reader: &mut Reader<'_>, mapping: &Mapping<'_>) {
        let name = self.quantity.name();
        if self.min.is_none() && self.max.is_none() && self.default.is_none() {
            reader.error(mapping.span, format!("{name} needs `max`, `min` or `default`"));
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            reader.error(mapping.span, format!("{name} has a `min` over its `max`, which nothing satisfies"));
        }
        if self.default.is_some_and(|default| !self.admits(default)) {
            reader.error(mapping.span, format!("{name} has a `default` out of its own bounds"));
        }
        if self.over == Over::Clamp && self.min.is_none() && self.max.is_none() {
            reader.error(mapping.span, format!("{name} has `over: clamp` and no bound to clamp to"));
        }
    }
}

/// A number of the kind that the quantity takes. At most 9 digits before the point and 3 behind it, which an `f64` tells
/// apart and Cedar holds in thousandths.
fn number(reader: &mut Reader<'_>, node: &Node, place: &str, quantity: Quantity) -> Option<f64> {
    let whole = match quantity {
        Quantity::Parameter(parameter) => is_whole(parameter),
        Quantity::Turns | Quantity::Images | Quantity::Tools | Quantity::InputTokens => true,
    };
    let expected = if whole { "a whole number" } else { "a number of at most 3 decimals" };
    let Value::Scalar { text, plain } = &node.value else {
        reader.error(&node.span, format!("{place} must be {expected}"));
        return None;
    };
    let (units, fraction) = text.split_once('.').unwrap_or((text, if whole { "" } else { "0" }));
    let digits = |part: &str, most| part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain_units = !units.is_empty() && digits(units, 9) && (units == "0" || !units.starts_with('0'));
    let plain_fraction =
        if whole { !text.contains('.') } else { !fraction.is_empty() && digits(fraction, 3) };
    if let Some(value) = text.parse().ok().filter(|_| *plain && plain_units && plain_fraction) {
        return Some(value);
    }
    let written = if *plain { "" } else { " without quotes" };
    let message =
        format!("{place} must be {expected} in plain digits{written}, not `{}`", text.escape_debug());
    reader.error(&node.span, message);
    None
}
