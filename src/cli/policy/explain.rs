//! `policy explain`: what the policies say about one request, rule by rule.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::report::Report;
use super::{Folder, Output, question, request};
use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::{Access, Operation, Refused};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::identity::{CredentialKind, Principal};
use crate::policy::{Context, Denial, Direction, Facts, Inquiry, PolicySet, Repair};
use crate::sensitive::Findings;
use crate::yaml::closest;

/// Who asks for what.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Model id, inference profile id or ARN, as a caller would send it; left out for operations that call no model
    model: Option<String>,
    /// Model that stands behind a name that hides it, as Bedrock would say; may be given more than once
    #[arg(long, value_name = "MODEL", value_parser = |label: &str| ModelReference::parse(label))]
    resolves_to: Vec<ModelReference>,
    /// Facts of the request: maxTokens=9000 temperature=0.2 topP= topK= thinkingTokens= guardrail=ID:VERSION
    /// output=S3URI tools=a,b modalities=text,image findings=EMAIL:2 turns=3 images=1 stream=true
    #[arg(value_name = "NAME=VALUE")]
    facts: Vec<String>,
    /// Team of the caller
    #[arg(long)]
    team: String,
    /// Application of the caller
    #[arg(long)]
    app: String,
    /// Operation that is called
    #[arg(long, default_value = "Converse", value_parser = operation)]
    operation: Operation,
    /// Environment that the warden runs in, as `env` conditions name it
    #[arg(long, default_value = "prod")]
    env: String,
    /// Region that requests are sent to
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Address that the request comes from
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    source: IpAddr,
    /// Exception that the caller invokes with `x-warden-break-glass`
    #[arg(long, value_name = "ID")]
    break_glass: Option<String>,
    /// Time of the request (RFC 3339); now when left out
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// File that holds the request's JSON body
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    #[command(flatten)]
    folder: Folder,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &ExplainArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (set, diagnostics) = args.folder.compile()?;
    let Some(set) = set else {
        let list = diagnostics.render(terminal.color);
        return Err(Failure::usage(format!("policies do not load\n\n{list}")));
    };
    let principal = Principal {
        team: args.team.clone(),
        app: args.app.clone(),
        credential: CredentialKind::SigV4,
        credential_id: String::new(),
    };
    let (model, facts) = args.model_and_facts()?;
    let model = model.map(|model| args.resolved(&set, model)).transpose()?;
    if let Some(model) = model.as_ref().filter(|model| !model.is_resolved()) {
        writeln!(
            terminal.stderr,
            "{model} hides its model, and this command asks nobody: say what it is with --resolves-to MODEL"
        )?;
    }
    let asked = args.asked(&set, &principal, model.as_ref(), &facts)?;
    let context = Context {
        environment: args.env.clone(),
        region: args.region.clone(),
        source: args.source,
        now: args.at.unwrap_or_else(clock::now),
        break_glass: args.break_glass.clone(),
    };
    let operation = asked.operation;
    let inquiry = Inquiry {
        principal: &principal,
        operation,
        model: model.as_ref(),
        context: &context,
        facts: &asked.facts,
    };
    let reads = operation.access() == Access::Read;
    let repairs = if reads { Vec::new() } else { set.repair(&inquiry) };
    let repaired = asked.repaired(&repairs);
    let inquiry = Inquiry { facts: &repaired, ..inquiry };
    let (verdict, checks) = if reads {
        (set.decide_read(&inquiry).0, set.read_checks(&inquiry))
    } else {
        (set.verify(&inquiry), set.checks(&inquiry))
    };
    let denial = Denial::of(&inquiry, &verdict.violations);
    let report = Report { set: &set, inquiry, repairs, verdict, denial, checks };
    match args.output {
        Output::Table => report.print(terminal)?,
        Output::Json => writeln!(terminal.stdout, "{:#}", report.json())?,
    }
    Ok(if report.verdict.is_allowed() { Exit::Success } else { Exit::Findings })
}

impl ExplainArgs {
    /// `model` with what is said to stand behind it: on the command line, or in catalog.yaml.
    fn resolved(&self, set: &PolicySet, model: ModelReference) -> Result<ModelReference, Failure> {
        if self.resolves_to.is_empty() {
            return Ok(set.alias(&model).unwrap_or(model));
        }
        if !model.kind().needs_lookup() {
            return Err(Failure::usage(format!("{model} hides no model")).hint("leave out --resolves-to"));
        }
        Ok(model.with(Found::stated(self.resolves_to.clone())))
    }

    /// The model, and the facts: the first word is one of them when the operation calls no model.
    fn model_and_facts(&self) -> Result<(Option<ModelReference>, Vec<String>), Failure> {
        let operation = self.operation;
        let facts = || self.facts.clone();
        match &self.model {
            Some(label) if operation.takes_model() => {
                let model = ModelReference::parse(label)
                    .map_err(|error| Failure::usage(format!("`{label}`: {error}")))?;
                Ok((Some(model), facts()))
            }
            None if operation.takes_model() => {
                Err(Failure::usage(format!("{operation} calls a model")).hint("write its id or ARN first"))
            }
            Some(fact) if fact.contains('=') => {
                Ok((None, std::iter::once(fact.clone()).chain(facts()).collect()))
            }
            Some(_) => Err(Failure::usage(format!("{operation} calls no model")).hint("leave the model out")),
            None => Ok((None, facts())),
        }
    }

    fn asked(
        &self,
        set: &PolicySet,
        principal: &Principal,
        model: Option<&ModelReference>,
        facts: &[String],
    ) -> Result<Asked, Failure> {
        let Some(file) = &self.request else {
            let facts = question::facts(facts, self.operation, model)?;
            let operation = streamed(self.operation, facts.stream)?;
            return Ok(Asked { operation, facts, fixed: Findings::default() });
        };
        let guardrail = question::guardrail_only(facts)?;
        let detectors = set.detectors(principal, Direction::Prompt);
        let body = request::read(file, self.operation, model, guardrail, set.scanner(), detectors)?;
        Ok(Asked { operation: self.operation, facts: body.facts, fixed: body.fixed })
    }
}

/// A request as it was asked about.
struct Asked {
    operation: Operation,
    facts: Facts,
    fixed: Findings,
}

impl Asked {
    fn repaired(&self, repairs: &[Repair]) -> Facts {
        let mut facts = self.facts.apply(repairs);
        let left = facts.findings.detectors();
        for (detector, count) in self.fixed.iter().filter(|(detector, _)| !left.contains(*detector)) {
            facts.findings.add(detector, count);
        }
        facts
    }
}

fn operation(name: &str) -> Result<Operation, String> {
    let known = || Operation::ALL.into_iter().map(Operation::name);
    Operation::named(name).ok_or_else(|| match closest(name, known()) {
        _ if Refused::is_known(name) => "it is never passed on, whatever policies say".to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("operations are {}", known().collect::<Vec<_>>().join(", ")),
    })
}

/// The operation that `stream=` turns the given one into.
fn streamed(operation: Operation, stream: bool) -> Result<Operation, Failure> {
    match (operation, stream) {
        (Operation::InvokeModel, true) => Ok(Operation::InvokeModelWithResponseStream),
        (Operation::Converse, true) => Ok(Operation::ConverseStream),
        (operation, true) if operation.may_stream() => Ok(operation),
        (operation, false) if !operation.is_streaming() => Ok(operation),
        (operation, _) => Err(Failure::usage(format!("{} cannot have stream={stream}", operation.name()))),
    }
}
