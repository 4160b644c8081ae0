//! `policy explain`: what the policies say about one request, rule by rule.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::recorded::recorded;
use super::report::Report;
use super::{Folder, JournalFile, Output, question, request};
use crate::audit::query;
use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::{Operation, Refused};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::identity::{CredentialKind, Principal};
use crate::policy::analysis::description;
use crate::policy::analysis::probe::Probe;
use crate::policy::{Context, Direction, PolicySet};
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
    #[arg(long, required_unless_present = "decision")]
    team: Option<String>,
    /// Application of the caller
    #[arg(long, required_unless_present = "decision")]
    app: Option<String>,
    /// Id of a recorded decision (`x-amzn-RequestId` of its answer) or its beginning: its request is asked about again
    #[arg(long, value_name = "ID", conflicts_with_all = ["model", "facts", "team", "app", "request", "resolves_to"])]
    decision: Option<String>,
    #[command(flatten)]
    journal: JournalFile,
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
    let set = args.folder.loaded(terminal.color)?;
    let probe = match &args.decision {
        Some(id) => args.recorded(id, &set, terminal)?,
        None => args.described(&set, terminal)?,
    };
    let judged = probe.judge(&set);
    let checks = probe.checks(&set, &judged);
    let report = Report { set: &set, probe: &probe, judged, checks };
    match args.output {
        Output::Table => report.print(terminal)?,
        Output::Json => writeln!(terminal.stdout, "{:#}", report.json())?,
    }
    Ok(if report.judged.is_allowed() { Exit::Success } else { Exit::Findings })
}

impl ExplainArgs {
    /// The request of a recorded decision.
    fn recorded(&self, id: &str, set: &PolicySet, terminal: &mut Terminal) -> Result<Probe, Failure> {
        let journal = self.journal.path(terminal)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let evidence = runtime.block_on(query::show(&journal, id))?;
        let opening = evidence.first().map(|evidence| &evidence.record);
        let Some(found) = opening.and_then(|record| recorded(record, set.scanner())) else {
            return Err(Failure::usage(format!(
                "no policy was asked about `{id}`, or the record does not say enough"
            ))
            .hint("`bedrock-warden audit show` has all that is known of it"));
        };
        let digest = opening.and_then(|record| record.get("policy_digest")).and_then(Value::as_str);
        let decided = if found.decided.allowed { "allowed" } else { "denied" };
        let talk = &mut terminal.stderr;
        writeln!(
            talk,
            "{} was {decided} under {}",
            found.id,
            digest.unwrap_or("policies that are not named")
        )?;
        if digest.is_some_and(|digest| digest != set.digest()) {
            writeln!(talk, "these are other policies: what follows is what they say now")?;
        }
        if let Some(missing) = found.missing {
            writeln!(talk, "the record does not hold {}", missing.name())?;
        }
        Ok(found.probe)
    }

    /// The request that the command line describes.
    fn described(&self, set: &PolicySet, terminal: &mut Terminal) -> Result<Probe, Failure> {
        let principal = Principal {
            team: self.team.clone().unwrap_or_default(),
            app: self.app.clone().unwrap_or_default(),
            credential: CredentialKind::SigV4,
            credential_id: String::new(),
        };
        let (model, facts) = self.model_and_facts()?;
        let model = model.map(|model| self.resolved(set, model)).transpose()?;
        if let Some(model) = model.as_ref().filter(|model| !model.is_resolved()) {
            writeln!(
                terminal.stderr,
                "{model} hides its model, and this command asks nobody: say what it is with --resolves-to MODEL"
            )?;
        }
        self.probe(set, principal, model, &facts)
    }

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

    fn probe(
        &self,
        set: &PolicySet,
        principal: Principal,
        model: Option<ModelReference>,
        facts: &[String],
    ) -> Result<Probe, Failure> {
        let context = Context {
            environment: self.env.clone(),
            region: self.region.clone(),
            source: self.source,
            now: self.at.unwrap_or_else(clock::now),
            break_glass: self.break_glass.clone(),
        };
        let Some(file) = &self.request else {
            let facts = question::facts(facts, self.operation, model.as_ref(), set.scanner())?;
            let operation = description::streamed(self.operation, facts.stream)?;
            return Ok(Probe { principal, operation, model, context, facts, fixed: Findings::default() });
        };
        let guardrail = question::guardrail_only(facts)?;
        let detectors = set.detectors(&principal, Direction::Prompt);
        let body = request::read(file, self.operation, model.as_ref(), guardrail, set.scanner(), detectors)?;
        let (facts, fixed) = (body.facts, body.fixed);
        Ok(Probe { principal, operation: self.operation, model, context, facts, fixed })
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
