//! Filters against a real journal, while it is open for writing.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::audit::*;

struct Corpus {
    folder: TempDir,
    journal: Journal,
    /// In the order of arrival.
    ids: Vec<String>,
}

impl Corpus {
    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.db")
    }

    /// Positions in `ids` of what a filter finds, oldest first.
    async fn find(&self, filter: Filter) -> Vec<usize> {
        let rows = run(&self.path(), &filter).await.unwrap();
        let place = |row: &Row| self.ids.iter().position(|id| id == row.text("request_id")).unwrap();
        let mut found: Vec<usize> = rows.iter().map(place).collect();
        assert!(found.is_sorted_by(|newer, older| newer > older), "newest first: {found:?}");
        found.reverse();
        found
    }
}

fn entry(journal: &Journal, team: &str, operation: &str, model: &str) -> Entry {
    let mut entry = Entry::open(journal, Arrival::default());
    entry.request.caller = Some(Caller {
        team: team.to_owned(),
        app: format!("{team}-app"),
        credential_kind: "sigv4".to_owned(),
        credential_id: "AKIA".to_owned(),
    });
    entry.request.target = Some(Target {
        operation: operation.to_owned(),
        region: "us-east-1".to_owned(),
        model: Some(Model {
            requested: format!("us.{model}"),
            resolved: model.to_owned(),
            ..Model::default()
        }),
    });
    entry
}

fn hit(rule: &str) -> Vec<RuleHit> {
    vec![RuleHit { rule: rule.to_owned(), at: "org.yaml:3".to_owned(), ..RuleHit::default() }]
}

fn finding(direction: Direction, detector: &str) -> Vec<Finding> {
    vec![Finding { direction, detector: detector.to_owned(), count: 2 }]
}

/// 0 complete, allowed by a rule; 1 modified, an answer with a phone number stopped; 2 denied; 3 abandoned before a
/// decision; 4 still open, with a shadow rule.
async fn corpus() -> (Corpus, OpenEntry) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("audit.db"), JournalOptions::default()).await.unwrap();
    let mut ids = Vec::new();

    let entry_0 = entry(&journal, "payments", "Converse", "anthropic.claude-3");
    ids.push(entry_0.request_id().to_string());
    let judgement = Judgement { granted_by: vec!["org/allow".to_owned()], ..Judgement::default() };
    let (_, open) = entry_0.commit_intent(Intent { judgement, ..Intent::default() }).await.unwrap();
    let outcome = Outcome {
        http_status: Some(200),
        tokens: Tokens { input: Some(11), output: Some(22), ..Tokens::default() },
        ..Outcome::new(EndState::Complete)
    };
    open.finish(outcome).await.unwrap();

    let entry_1 = entry(&journal, "research", "InvokeModel", "amazon.titan");
    ids.push(entry_1.request_id().to_string());
    let edits =
        vec![Edit { field: "max_tokens".to_owned(), rule: "org/limits".to_owned(), ..Edit::default() }];
    let judgement = Judgement { findings: finding(Direction::In, "EMAIL"), ..Judgement::default() };
    let (_, open) = entry_1.commit_intent(Intent { judgement, edits, ..Intent::default() }).await.unwrap();
    let judgement = Judgement {
        findings: finding(Direction::Out, "PHONE"),
        violated: hit("org/answers"),
        ..Judgement::default()
    };
    open.finish(Outcome { judgement, ..Outcome::new(EndState::PolicyAbort) }).await.unwrap();

    let entry_2 = entry(&journal, "payments", "ConverseStream", "amazon.nova");
    ids.push(entry_2.request_id().to_string());
    let denied = Denied {
        reason: DenialReason::Deny,
        http_status: 403,
        error_code: "AccessDeniedException".to_owned(),
        message: "no".to_owned(),
        judgement: Judgement { violated: hit("org/models"), ..Judgement::default() },
    };
    entry_2.refuse(denied).await.unwrap();

    let entry_3 = Entry::open(&journal, Arrival::default());
    ids.push(entry_3.request_id().to_string());
    drop(entry_3);

    let entry_4 = entry(&journal, "payments", "Converse", "anthropic.claude-3");
    ids.push(entry_4.request_id().to_string());
    let judgement = Judgement { shadow: hit("org/models"), ..Judgement::default() };
    let (_, open) = entry_4.commit_intent(Intent { judgement, ..Intent::default() }).await.unwrap();
    (Corpus { folder, journal, ids }, open)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_what_it_names_and_nothing_else() {
    let (corpus, open) = corpus().await;
    let none = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let table: Vec<(&str, Filter, &[usize])> = vec![
        ("everything", none(), &[0, 1, 2, 3, 4]),
        ("limit", Filter { limit: 2, ..none() }, &[3, 4]),
        ("team", Filter { team: text("payments"), ..none() }, &[0, 2, 4]),
        ("team is no pattern", Filter { team: text("pay%"), ..none() }, &[]),
        ("app", Filter { app: text("research-app"), ..none() }, &[1]),
        ("operation", Filter { operation: text("conversestream"), ..none() }, &[2]),
        ("model resolved", Filter { model: text("amazon.*"), ..none() }, &[1, 2]),
        ("model requested", Filter { model: text("us.anthropic*"), ..none() }, &[0, 4]),
        ("model exact", Filter { model: text("amazon"), ..none() }, &[]),
        ("model quoted", Filter { model: text("' OR 1=1 --"), ..none() }, &[]),
        ("allow", Filter { decision: Some(Decision::Allow), ..none() }, &[0, 4]),
        ("modify", Filter { decision: Some(Decision::Modify), ..none() }, &[1]),
        ("deny", Filter { decision: Some(Decision::Deny), ..none() }, &[2]),
        ("error", Filter { decision: Some(Decision::Error), ..none() }, &[3]),
        ("rule violated or shadow", Filter { rule: text("org/models"), ..none() }, &[2, 4]),
        ("rule granting", Filter { rule: text("org/allow"), ..none() }, &[0]),
        ("rule editing", Filter { rule: text("org/limits"), ..none() }, &[1]),
        ("rule of the answer", Filter { rule: text("org/ans*"), ..none() }, &[1]),
        ("finding in", Filter { finding: text("email"), ..none() }, &[1]),
        ("finding out", Filter { finding: text("PHONE"), ..none() }, &[1]),
        ("finding absent", Filter { finding: text("US_SSN"), ..none() }, &[]),
        ("complete", Filter { state: Some(State::Ended(EndState::Complete)), ..none() }, &[0]),
        ("policy abort", Filter { state: Some(State::Ended(EndState::PolicyAbort)), ..none() }, &[1]),
        ("refused", Filter { state: Some(State::Ended(EndState::Refused)), ..none() }, &[2]),
        ("abandoned", Filter { state: Some(State::Ended(EndState::Abandoned)), ..none() }, &[3]),
        ("open", Filter { state: Some(State::Open), ..none() }, &[4]),
        ("request", Filter { request: Some(corpus.ids[2].clone()), ..none() }, &[2]),
        ("several", Filter { team: text("payments"), decision: Some(Decision::Deny), ..none() }, &[2]),
        ("since", Filter { since: Some(crate::clock::now()), ..none() }, &[]),
        ("until", Filter { until: Some(crate::clock::now()), ..none() }, &[0, 1, 2, 3, 4]),
    ];
    for (name, filter, expected) in table {
        assert_eq!(corpus.find(filter).await, expected, "{name}");
    }
    drop(open);
    corpus.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_request_of_a_dead_process_is_found_as_unknown() {
    let (corpus, open) = corpus().await;
    std::mem::forget(open);
    corpus.journal.clone().close().await;
    let journal = Journal::open(&corpus.path(), JournalOptions::default()).await.unwrap();
    let state = "unknown".parse::<State>().unwrap();
    assert_eq!(corpus.find(Filter { state: Some(state), ..Filter::default() }).await, [4]);
    journal.close().await;
    assert_eq!(
        corpus.find(Filter { state: Some(state), ..Filter::default() }).await,
        [4],
        "also when closed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_joins_what_both_records_say() {
    let (corpus, open) = corpus().await;
    let rows = run(&corpus.path(), &Filter::default()).await.unwrap();
    let flat = rows[3].flat();
    assert_eq!((&flat["decision"], &flat["state"]), (&"modify".into(), &"policy_abort".into()));
    assert_eq!(flat["findings"].as_array().unwrap().len(), 2);
    assert_eq!(flat["rules"][0]["at"], "org.yaml:3");
    assert_eq!(flat["records"][0]["kind"], "request.intent");
    assert_eq!(flat["records"][1]["kind"], "request.outcome");
    let flat = rows[4].flat();
    assert_eq!((&flat["in_tokens"], &flat["http_status"]), (&11.into(), &200.into()));
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_shown_with_all_its_records_in_their_exact_bytes() {
    let (corpus, open) = corpus().await;
    let shown = show(&corpus.path(), &corpus.ids[0].to_uppercase()).await.unwrap();
    let kinds: Vec<_> = shown.iter().map(|evidence| evidence.record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["request.intent", "request.outcome"]);
    assert_eq!(shown[0].seq + 1, shown[1].seq);
    assert_eq!(shown[0].record.to_string(), shown[0].text);
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_must_name_exactly_one_request() {
    let (corpus, open) = corpus().await;
    // The shortest beginning that only the first request has.
    let mut prefix = corpus.ids[0].clone();
    while !corpus.ids[1..].iter().any(|id| id.starts_with(&prefix)) {
        prefix.pop();
    }
    let shown = show(&corpus.path(), corpus.ids[0].get(..=prefix.len()).unwrap()).await.unwrap();
    assert_eq!(shown[0].record["request_id"], corpus.ids[0]);
    let error = show(&corpus.path(), &prefix).await.unwrap_err();
    assert!(matches!(error, QueryError::Ambiguous { .. }), "{error}");
    let error = show(&corpus.path(), "00000000-0000").await.unwrap_err();
    assert!(matches!(error, QueryError::NotFound(_)), "{error}");
    for invalid in ["", "abc", "%%%%", "zzzz"] {
        let error = show(&corpus.path(), invalid).await.unwrap_err();
        assert!(matches!(error, QueryError::InvalidId(_)), "{error}");
    }
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let error = run(&path, &Filter::default()).await.unwrap_err();
    assert!(matches!(error, QueryError::Missing(_)), "{error}");
    assert!(!path.exists());
}

#[test]
fn times_are_read_as_people_write_them() {
    let now: jiff::Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    for (text, expected) in [
        ("90s", "2026-11-24T14:58:30Z"),
        ("24h", "2026-11-23T15:00:00Z"),
        ("7d", "2026-11-17T15:00:00Z"),
        ("2w", "2026-11-10T15:00:00Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
    ] {
        assert_eq!(text.parse::<Moment>().unwrap().resolve(now).to_string(), expected, "{text}");
    }
    for text in ["", "h", "-1h", "1y", "yesterday", "99999999999999999999d", "1é"] {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
    assert_eq!("9223372036854775807s".parse::<Moment>().unwrap().resolve(now), jiff::Timestamp::MIN);
}

#[test]
fn every_state_has_a_name_that_finds_it() {
    for state in State::all() {
        assert_eq!(state.name().parse::<State>(), Ok(state));
    }
    assert!("done".parse::<State>().unwrap_err().contains("complete"));
}

#[tokio::test]
async fn counts_are_summed_up_in_the_window_that_was_counted_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let journal = Journal::open(&path, JournalOptions::default()).await.unwrap();
    let counted = |starts, amount| crate::audit::Counted {
        rule: "payments/quotas".to_owned(),
        measure: "tokens",
        window: "day",
        subject: "payments".to_owned(),
        starts,
        amount,
        near: None,
    };
    // What was counted, and where the count stands then.
    let table = [(100, 50, (100, 50)), (100, 30, (100, 80)), (200, 7, (200, 7)), (100, 99, (200, 7))];
    for (starts, amount, (last, sum)) in table {
        let entry = Entry::open(&journal, Arrival::default());
        let intent =
            Intent { counted: vec![counted(starts, amount), counted(starts, 5)], ..Intent::default() };
        let (_, open) = entry.commit_intent(intent).await.unwrap();
        let outcome = Outcome { counted: vec![counted(starts, -5)], ..Outcome::new(EndState::Complete) };
        open.finish(outcome).await.unwrap();
        let tallies = super::tallies(&path).await.unwrap();
        assert_eq!(tallies.len(), 1);
        assert_eq!((tallies[0].starts, tallies[0].amount), (last, sum), "{starts} {amount}");
    }
}
