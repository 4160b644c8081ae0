//! A scripted STS under paused time: how often it is asked, and what serves meanwhile.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::clock;
use crate::identity::CredentialKind;

const HOUR: Duration = Duration::from_hours(1);

/// Answers the nth call, counted from zero, after a second.
struct Script {
    calls: AtomicU32,
    answer: fn(u32) -> Result<Duration, NoSession>,
}

impl Assume for Arc<Script> {
    async fn assume(&self, whose: &Whose) -> Result<Credentials, NoSession> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let life = (self.answer)(nth)?;
        let id = format!("{}#{nth}", whose.name);
        Ok(Credentials::new(id, "secret", Some("token".to_owned()), Some(paused_now() + life), "script"))
    }
}

struct Bench {
    sessions: Arc<Sessions<Arc<Script>>>,
    script: Arc<Script>,
    tasks: TaskTracker,
}

impl Bench {
    fn new(answer: fn(u32) -> Result<Duration, NoSession>) -> Self {
        LazyLock::force(&START);
        let script = Arc::new(Script { calls: AtomicU32::new(0), answer });
        let tasks = TaskTracker::new();
        let sessions = Sessions::new(Arc::clone(&script), tasks.clone(), paused_now);
        Self { sessions, script, tasks }
    }

    fn calls(&self) -> u32 {
        self.script.calls.load(Ordering::SeqCst)
    }

    /// The key id that `app` would sign with.
    async fn key(&self, app: &str) -> Result<String, NoSession> {
        let identity = self.sessions.of(&principal(app)).await?;
        Ok(identity.data::<Credentials>().unwrap().access_key_id().to_owned())
    }
}

/// The wall clock of the tests goes with tokio's, which is paused.
static START: LazyLock<std::time::Instant> = LazyLock::new(clock::instant);

fn paused_now() -> SystemTime {
    let passed = Instant::now().into_std().saturating_duration_since(*START);
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + passed
}

fn principal(app: &str) -> Principal {
    Principal {
        team: "payments".to_owned(),
        app: app.to_owned(),
        credential: CredentialKind::SigV4,
        credential_id: "AKIATEST".to_owned(),
    }
}

fn refused() -> NoSession {
    NoSession::Refused { code: "AccessDenied".to_owned() }
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_first_requests_are_one_call() {
    let bench = Bench::new(|_| Ok(HOUR));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let sessions = Arc::clone(&bench.sessions);
            bench.tasks.spawn(async move { sessions.of(&principal("checkout")).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(bench.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_principal_has_a_session_of_its_own_whatever_its_key() {
    let bench = Bench::new(|_| Ok(HOUR));
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#0");
    assert_eq!(bench.key("refunds").await.unwrap(), "refunds@payments#1");
    let rotated = Principal { credential_id: "AKIAOTHER".to_owned(), ..principal("checkout") };
    bench.sessions.of(&rotated).await.unwrap();
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_ahead_while_it_still_serves() {
    let bench = Bench::new(|_| Ok(HOUR));
    bench.key("checkout").await.unwrap();
    wait(3600 - 5 * 60 - 1).await;
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#0");
    assert_eq!(bench.calls(), 1, "not due yet");
    wait(1).await;
    for _ in 0..10 {
        assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#0", "served at once");
    }
    wait(2).await;
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#1");
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_session_is_renewed_in_the_last_fifth_of_its_life() {
    let bench = Bench::new(|_| Ok(HOUR / 4));
    bench.key("checkout").await.unwrap();
    for (seconds, calls) in [(12 * 60 - 1, 1), (1, 2)] {
        wait(seconds).await;
        bench.key("checkout").await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(bench.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_renewal_keeps_the_session_until_its_end_and_no_longer() {
    let bench = Bench::new(|nth| if nth == 0 { Ok(HOUR) } else { Err(refused()) });
    bench.key("checkout").await.unwrap();
    wait(3600 - 60).await;
    for _ in 0..59 {
        assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#0");
        assert_eq!(bench.sessions.problem(), None, "it still serves");
        wait(1).await;
    }
    // Attempts take a second, and pauses of 1, 2, 4, 8 and 16 seconds are between them.
    assert!((5..=7).contains(&bench.calls()), "{} calls", bench.calls());
    wait(1).await;
    assert_eq!(bench.key("checkout").await, Err(refused()));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_requests_are_refused_at_once_until_the_pause_is_over() {
    let bench = Bench::new(|nth| if nth < 2 { Err(NoSession::Timeout) } else { Ok(HOUR) });
    let began = Instant::now();
    let (one, other) = tokio::join!(bench.key("checkout"), bench.key("checkout"));
    assert_eq!((one, other), (Err(NoSession::Timeout), Err(NoSession::Timeout)));
    assert_eq!((bench.calls(), began.elapsed().as_secs()), (1, 1), "who waited does not ask again");
    assert_eq!(bench.key("checkout").await, Err(NoSession::Timeout));
    assert_eq!((bench.calls(), began.elapsed().as_secs()), (1, 1));
    assert_eq!(bench.key("refunds").await, Err(NoSession::Timeout), "others have a pause of their own");
    wait(2).await;
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#2");
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_end_with_a_success() {
    let bench = Bench::new(|nth| if nth == 40 { Ok(Duration::from_mins(15)) } else { Err(refused()) });
    for _ in 0..600 {
        drop(bench.key("checkout").await);
        wait(1).await;
    }
    let asked = bench.calls();
    assert!((20..=25).contains(&asked), "{asked} calls in ten minutes");
    for _ in 0..1000 {
        drop(bench.key("checkout").await);
        wait(1).await;
        if bench.calls() == 41 {
            break;
        }
    }
    wait(15 * 60).await;
    let before = bench.calls();
    assert!(bench.key("checkout").await.is_err());
    wait(1).await;
    assert!(bench.key("checkout").await.is_err());
    assert_eq!(bench.calls(), before + 2, "the first pause is short again");
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_future_is_none_fails_closed() {
    let bench = Bench::new(|_| Ok(Duration::ZERO));
    assert_eq!(bench.key("checkout").await, Err(NoSession::Unusable));
    let endless = Credentials::new("id", "secret", None, None, "script");
    assert!(matches!(Session::of(endless, paused_now()), Err(NoSession::Unusable)));
}

#[tokio::test(start_paused = true)]
async fn principals_that_are_gone_are_forgotten() {
    let bench = Bench::new(|_| Ok(HOUR));
    bench.key("checkout").await.unwrap();
    bench.key("refunds").await.unwrap();
    bench.sessions.retain(|team, app| (team, app) == ("payments", "refunds"));
    assert_eq!(bench.key("refunds").await.unwrap(), "refunds@payments#1");
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#2", "asked for anew");
}

#[tokio::test(start_paused = true)]
async fn readiness_speaks_of_a_role_that_nobody_can_have_and_notices_when_they_can() {
    let bench = Bench::new(|nth| if nth < 4 { Err(refused()) } else { Ok(HOUR) });
    assert_eq!(bench.sessions.problem(), None);
    for expected in [None, None, Some(refused())] {
        assert!(bench.key("checkout").await.is_err());
        assert_eq!(bench.sessions.problem(), expected);
        wait(5).await;
    }
    // No more requests come. Being asked whether we are ready is what makes us look.
    let deadline = Instant::now() + Duration::from_mins(1);
    while bench.sessions.problem().is_some() {
        assert!(Instant::now() < deadline);
        wait(1).await;
    }
    assert_eq!(bench.key("checkout").await.unwrap(), "checkout@payments#4");
}

#[tokio::test(start_paused = true)]
async fn one_principal_that_is_refused_does_not_make_the_others_wait() {
    let bench = Bench::new(|nth| if nth == 0 { Ok(HOUR) } else { Err(refused()) });
    bench.key("refunds").await.unwrap();
    for _ in 0..5 {
        assert!(bench.key("checkout").await.is_err());
        wait(20).await;
    }
    assert_eq!(bench.sessions.problem(), None);
    assert!(bench.key("refunds").await.is_ok());
}
