//! `policy replay`: what other policies would have decided about the requests in the journal.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::recorded::recorded;
use super::text::counted;
use super::{JournalFile, Output, folder};
use crate::audit::query::{Moment, Openings};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::policy::PolicySet;
use crate::policy::analysis::replay::Difference;

/// What to replay, and against what.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Policy folders: a candidate, compared with what was decided; or two, compared with each other
    #[arg(required = true, num_args = 1..=2, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Requests from this time on: `24h`, `7d`, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    #[command(flatten)]
    journal: JournalFile,
    /// Exit with 1 when a request is denied that was not, is allowed that was not, or anything changes or cannot be told
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Which findings end a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Denied,
    Allowed,
    Any,
}

/// Records that are read at a time.
const PAGE: u32 = 20_000;

pub(super) fn run(args: &ReplayArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut sets = Vec::new();
    for path in &args.folders {
        sets.push(folder(path, terminal.color)?.0);
    }
    let (before, candidate) = match sets.as_slice() {
        [before, candidate] => (Some(before), candidate),
        [candidate] => (None, candidate),
        _ => return Err(Failure::usage("name one policy folder, or two")),
    };
    let journal = args.journal.path(terminal)?;
    let since = args.since.map(|since| since.resolve(clock::now()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = runtime.block_on(async {
        let mut openings = Openings::open(&journal, since).await?;
        let total = openings.count().await?;
        let mut tally = Tally::default();
        loop {
            let page = openings.page(PAGE).await?;
            if page.is_empty() {
                break;
            }
            tally.add(judged(&page, before, candidate)?);
            if terminal.interactive {
                write!(terminal.stderr, "\r{} of {total}", tally.read)?;
                terminal.stderr.flush()?;
            }
        }
        openings.close().await;
        Ok::<_, Failure>(tally)
    })?;
    if terminal.interactive {
        write!(terminal.stderr, "\r\u{1b}[K")?;
    }
    match args.output {
        Output::Table => tally.print(before, candidate, terminal)?,
        Output::Json => writeln!(terminal.stdout, "{:#}", tally.json(before, candidate))?,
    }
    let fails = args.fail_on.is_some_and(|fail_on| tally.fails(fail_on));
    Ok(if fails { Exit::Findings } else { Exit::Success })
}

/// Judges a page of records on all processors.
fn judged(page: &[String], before: Option<&PolicySet>, candidate: &PolicySet) -> Result<Tally, Failure> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = page.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        let work = |part| scope.spawn(move || tally(part, before, candidate));
        let workers: Vec<_> = page.chunks(share).map(work).collect();
        let mut sum = Tally::default();
        for worker in workers {
            let part = worker.join().map_err(|_| Failure::internal("a worker of the replay panicked"))?;
            sum.add(part);
        }
        Ok(sum)
    })
}

fn tally(records: &[String], before: Option<&PolicySet>, candidate: &PolicySet) -> Tally {
    let mut tally = Tally::default();
    for text in records {
        tally.read += 1;
        let record = serde_json::from_str::<Value>(text).ok();
        let Some(recorded) = record.as_ref().and_then(|record| recorded(record, candidate.scanner())) else {
            tally.unjudged += 1;
            continue;
        };
        let difference = recorded.compare(before, candidate);
        let principal = &recorded.probe.principal;
        tally.note(&principal.team, &principal.app, difference, recorded.id);
    }
    tally
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    what: What,
    team: String,
    app: String,
    /// Rules, fields, or what is missing.
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    NewlyDenied,
    NewlyAllowed,
    Rewritten,
    CannotTell,
}

impl What {
    const fn words(self) -> &'static str {
        match self {
            Self::NewlyDenied => "newly denied",
            Self::NewlyAllowed => "newly allowed",
            Self::Rewritten => "rewritten differently",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// Requests that fit a line.
#[derive(Debug, Default)]
struct Found {
    count: u64,
    /// The first few of them.
    examples: Vec<String>,
}

/// Decision ids that a line names.
const EXAMPLES: usize = 3;

/// What came out so far.
#[derive(Debug, Default)]
struct Tally {
    read: u64,
    /// Refused before any policy was asked, or recorded without what policies ask about.
    unjudged: u64,
    same: u64,
    lines: BTreeMap<Line, Found>,
}

impl Tally {
    fn note(&mut self, team: &str, app: &str, difference: Difference, id: String) {
        let list =
            |words: std::collections::BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
        let (what, why) = match difference {
            Difference::Same => {
                self.same += 1;
                return;
            }
            Difference::NewlyDenied(rules) => (What::NewlyDenied, list(rules)),
            Difference::NewlyAllowed(rules) => (What::NewlyAllowed, list(rules)),
            Difference::Rewritten(fields) => (What::Rewritten, list(fields)),
            Difference::CannotTell(missing) => (What::CannotTell, missing.name().to_owned()),
        };
        let line = Line { what, team: team.to_owned(), app: app.to_owned(), why };
        let found = self.lines.entry(line).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push(id);
        }
    }

    fn add(&mut self, other: Self) {
        self.read += other.read;
        self.unjudged += other.unjudged;
        self.same += other.same;
        for (line, more) in other.lines {
            let found = self.lines.entry(line).or_default();
            found.count += more.count;
            let room = EXAMPLES.saturating_sub(found.examples.len());
            found.examples.extend(more.examples.into_iter().take(room));
        }
    }

    fn fails(&self, fail_on: FailOn) -> bool {
        self.lines.keys().any(|line| match fail_on {
            FailOn::Denied => line.what == What::NewlyDenied,
            FailOn::Allowed => line.what == What::NewlyAllowed,
            FailOn::Any => true,
        })
    }

    fn print(
        &self,
        before: Option<&PolicySet>,
        candidate: &PolicySet,
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        let judged = usize::try_from(self.read - self.unjudged).unwrap_or(usize::MAX);
        let then = before.map_or("what was decided", PolicySet::digest);
        let requests = counted(judged, "recorded request");
        writeln!(terminal.stdout, "replayed {requests}: {then} → {}", candidate.digest())?;
        let who = |line: &Line| format!("{}/{}", line.team, line.app);
        let width = |texts: &mut dyn Iterator<Item = String>| {
            texts.map(|text| text.chars().count()).max().unwrap_or_default()
        };
        let callers = width(&mut self.lines.keys().map(who));
        let whys = width(&mut self.lines.keys().map(|line| line.why.clone()));
        for (line, found) in &self.lines {
            let (words, who, why) = (line.what.words(), who(line), &line.why);
            let example = found.examples.first().map(String::as_str).unwrap_or_default();
            writeln!(
                terminal.stdout,
                "{:8}  {words:21}  {who:callers$}  {why:whys$}  e.g. {example}",
                found.count
            )?;
        }
        writeln!(terminal.stdout, "{:8}  as before", self.same)?;
        if self.unjudged > 0 {
            writeln!(
                terminal.stdout,
                "{:8}  not replayed: no policy was asked, or the record does not say enough",
                self.unjudged
            )?;
        }
        Ok(())
    }

    fn json(&self, before: Option<&PolicySet>, candidate: &PolicySet) -> Value {
        let line = |(line, found): (&Line, &Found)| {
            json!({
                "what": line.what.words(),
                "team": line.team,
                "app": line.app,
                "why": line.why,
                "count": found.count,
                "examples": found.examples,
            })
        };
        json!({
            "before": before.map(PolicySet::digest),
            "candidate": candidate.digest(),
            "replayed": self.read - self.unjudged,
            "not_replayed": self.unjudged,
            "same": self.same,
            "differences": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}
