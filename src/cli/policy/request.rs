//! The request that `policy explain` asks about, read from a file that holds its body.
//!
//! Decodes and scans the body as the proxy does, and returns facts. Texts stay here.

use std::fs;
use std::path::Path;

use crate::bedrock::envelope::Envelope;
use crate::bedrock::json::Document;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::cli::Failure;
use crate::policy::{Facts, GuardrailReference};
use crate::proxy::scan;
use crate::sensitive::{Findings, Plan, Scanner};

/// A body that was read.
#[derive(Debug)]
pub(super) struct Body {
    pub facts: Facts,
    /// Findings in parts that no repair may edit, which therefore stay.
    pub fixed: Findings,
}

/// Reads the body in `file` as one of `operation` on `model`. `guardrail` is what its headers name.
pub(super) fn read(
    file: &Path,
    operation: Operation,
    model: Option<&ModelReference>,
    guardrail: Option<GuardrailReference>,
    scanner: &Scanner,
    plan: &Plan,
) -> Result<Body, Failure> {
    let refused = |reason: &dyn std::fmt::Display| {
        Failure::usage(format!("{}: {reason}", file.display()))
            .hint("the warden would refuse such a request as it is")
    };
    let bytes = fs::read(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let envelope = Envelope::open(operation, model, &bytes).map_err(|error| refused(&error))?;
    let document = Document::parse(envelope.document()).map_err(|error| refused(&error))?;
    let view = envelope.format().decode(&document).map_err(|error| refused(&error))?;
    model.map_or(Ok(()), |model| view.check_model(model)).map_err(|error| refused(&error))?;
    let (matches, findings) = scan(scanner, plan, &view.texts);
    let mut fixed = Findings::default();
    for (index, found) in matches {
        if view.texts.get(index).is_some_and(|text| !text.editable) {
            for one in found {
                fixed.add(one.detector, 1);
            }
        }
    }
    Ok(Body { facts: Facts::of(&view, operation, guardrail, findings), fixed })
}
