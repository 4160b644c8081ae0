//! The schema of requests as Cedar sees them, published by `policy cedar --schema`.
//!
//! Hands out text and checks conditions of authors against it. Conditions are checked against a form without `atoms`:
//! those are computed for translated rules only, and a condition that relied on one would never hold.

use std::sync::LazyLock;

use cedar_policy::{PolicySet, Schema, ValidationMode, ValidationResult, Validator};

use crate::bedrock::operation::{Access, Operation};
use crate::policy::rules::limits::PARAMETERS;

/// The published schema.
pub fn schema() -> String {
    let atoms = "\n    // Conditions that Cedar cannot state, computed by the warden, such as \
                 `hours:06:00-20:00 Europe/Berlin`.\n    atoms: Set<String>,";
    written(atoms)
}

/// What Cedar's type checker says of policies over the schema; `None` when there is no schema to check against.
pub(super) fn validate(policies: &PolicySet) -> Option<ValidationResult> {
    let validator = CONDITIONS.as_ref()?;
    Some(validator.validate(policies, ValidationMode::Strict))
}

/// INVARIANT: `Some`; a test holds the schema to be well-formed.
static CONDITIONS: LazyLock<Option<Validator>> = LazyLock::new(|| validator(&written("")));

pub(super) fn validator(text: &str) -> Option<Validator> {
    Schema::from_cedarschema_str(text).ok().map(|(schema, _)| Validator::new(schema))
}

fn written(atoms: &str) -> String {
    let actions = |inferring: bool| {
        let all = Operation::ALL.into_iter();
        let some = all.filter(|operation| (operation.access() == Access::Model) == inferring);
        some.map(Operation::name).collect::<Vec<_>>().join(", ")
    };
    let parameters: Vec<String> =
        PARAMETERS.iter().map(|parameter| format!("{}?: Long", parameter.name())).collect();
    TEMPLATE
        .replace("{inferring}", &actions(true))
        .replace("{others}", &actions(false))
        .replace("{parameters}", &parameters.join(", "))
        .replace("{atoms}", atoms)
}

const TEMPLATE: &str = r"// A request as bedrock-warden judges it: after repairs, as it will be sent. Bodies of all model families and of
// Converse have the same form here. No text of a prompt is in it.
namespace Warden {
  entity Org;
  entity Team in [Org];
  // Named `team/app`.
  entity App in [Team];
  // Named by the id that the caller wrote; `none` for operations that call no model.
  entity Model;

  type Request = {
    app: String,
    // As the warden is configured: prod, dev, …
    env: String,
    // The AWS region that requests are sent to.
    region: String,
    // UTC, in whole milliseconds.
    now: datetime,
    source: ipaddr,
    // What the caller sent as `x-warden-break-glass`.
    breakGlass?: String,
    model: {
      // As the caller wrote it, and without geography, context variant or ARN around it.
      id: String,
      base: String,
      // Every name and id of the model, of what stands behind it, and of what those were trained from.
      names: Set<String>,
      // foundation, profile, router, … : of the name itself, and of all that stands behind it, too.
      kind: String,
      kinds: Set<String>,
      // Where it may run. Geographies: `eu`, `global`; a region of none, such as `eu-west-2`, is itself; `unknown` when
      // that is not known.
      geos: Set<String>,
      // The same with regions as they are, `eu-central-1`; one that this version does not know is its geography.
      places: Set<String>,
      // Whether it is a catalogue model and not a profile or context variant of one.
      plain: Bool,
      // Whether its name says nothing about the model, so that it had to be looked up.
      own: Bool,
      // Whether everything behind its name is known.
      resolved: Bool
    },
    // Numbers. `temperature` and `topP` are in thousandths, rounded up: `temperature > 800` means more than 0.8.
    params: {
      // The largest value, where a body sets a parameter more than once.
      {parameters},
      // The smallest, rounded down.
      least: { {parameters} },
      // Parameters that are absent and could be set; values that are no numbers.
      absent: Set<String>,
      malformed: Set<String>,
      stream: Bool
    },
    content: {
      modalities: Set<String>,
      // Names of the tools that the model is offered, and how many.
      tools: Set<String>,
      toolCount: Long,
      turns: Long,
      images: Long,
      // An estimate: one for every four bytes of text that the model would read.
      inputTokens: Long,
      // Attachments that no detector can look into, and their kinds.
      unread: Long,
      uninspected: Set<String>
    },
    // The S3 URI that the answer goes to instead of to the caller.
    output?: String,
    // `id:version`.
    guardrail?: String,
    // Whether the caller would see what the guardrail holds back.
    guardrailLeaks: Bool,
    // Whether the caller marks the parts that it looks at.
    guardrailNarrowed: Bool,
    // Detectors that found something in the prompt.
    findings: Set<String>,{atoms}
  };

  // What an item of `allow` grants that names no action.
  action Infer;
  action {inferring} in [Infer] appliesTo { principal: [App], resource: [Model], context: Request };
  action {others} appliesTo { principal: [App], resource: [Model], context: Request };
}
";
