//! The solver cvc5 as a program of others: started, asked, and told apart from one that is not there.
//!
//! Receives trials, returns what the solver says of them. Symbolic compilation is `cedar-policy-symcc`'s, which is written
//! after the Lean model of Cedar.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use cedar_policy::{PolicySet, Request, RequestEnv, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, always_denies_asserts};
use tokio::process::Command;

use crate::bedrock::operation::Operation;
use crate::cli::Failure;
use crate::clock;
use crate::policy::cedar_schema;

/// A running solver, and the schema of requests.
pub(super) struct Prover {
    schema: Schema,
    compiler: CedarSymCompiler<LocalSolver>,
    spent: Duration,
}

/// What the solver says of a set of policies.
#[derive(Debug)]
pub(super) enum Answer {
    /// It denies every request.
    DeniesAll,
    /// It allows this one.
    Allows(Box<Request>),
    /// The solver gave up.
    Unknown,
}

impl Prover {
    pub fn start(program: &Path, limit: u32) -> Result<Self, Failure> {
        let (schema, _) = Schema::from_cedarschema_str(&cedar_schema()).map_err(Failure::internal)?;
        let mut command = Command::new(program);
        let limit = format!("--tlimit-per={}", u64::from(limit) * 1000);
        command.args([OsStr::new("--lang"), OsStr::new("smt"), OsStr::new(&limit)]).kill_on_drop(true);
        let solver = LocalSolver::from_command(&mut command).map_err(|error| absent(program, &error))?;
        let compiler = CedarSymCompiler::new(solver).map_err(Failure::internal)?;
        Ok(Self { schema, compiler, spent: Duration::ZERO })
    }

    /// Whether `policies` deny every request for `operation`.
    pub async fn ask(&mut self, policies: &PolicySet, operation: Operation) -> Result<Answer, Failure> {
        let compiled = CompiledPolicySet::compile(policies, &self.environment(operation)?, &self.schema)
            .map_err(|error| Failure::internal(format!("{operation}: {}", described(&error))))?;
        let asserts = always_denies_asserts(&compiled);
        let started = clock::instant();
        let found = self.compiler.check_sat(&asserts).await;
        self.spent += started.elapsed();
        match found {
            Ok(None) => Ok(Answer::DeniesAll),
            Ok(Some(found)) => Ok(Answer::Allows(Box::new(found.request))),
            Err(Error::SolverUnknown) => Ok(Answer::Unknown),
            Err(error) => Err(Failure::missing(format!("the solver failed: {}", described(&error)))
                .hint("cvc5 must be 1.3 or newer; other solvers lack its theory of sets")),
        }
    }

    /// Time that the solver has taken so far.
    pub const fn spent(&self) -> Duration {
        self.spent
    }

    fn environment(&self, operation: Operation) -> Result<RequestEnv, Failure> {
        let is_meant = |one: &RequestEnv| one.action().id().unescaped() == operation.name();
        let found = self.schema.request_envs().find(is_meant);
        found.ok_or_else(|| Failure::internal(format!("the schema has no {operation}")))
    }
}

fn absent(program: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::missing(format!("the solver `{}` cannot be started: {error}", program.display())).hint(
        "install cvc5 1.3 or newer (https://cvc5.github.io) and put it on the PATH, or name it with --solver or in CVC5; \
         with `pip install cvc5`, name the warden's deploy/solver/cvc5-stdin",
    )
}

/// An error with all that caused it.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
