//! One question at a time, answers for as long as they are true, and nothing remembered of what went wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use super::super::client::UpstreamError;
use super::cache::{ABSENT, FIXED, MOST};
use super::*;
use crate::bedrock::model::resolution::Lifetime;
use crate::identity::CredentialKind;

const CHANGING: Duration = Duration::from_mins(1);
const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const OPUS: &str = "anthropic.claude-3-opus-20240229-v1:0";
const PROFILE: &str = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456";
const THROUGHPUT: &str = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456";
const CUSTOM: &str = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/abcdef123456";

/// A control plane that answers by the end of the path, after a second.
#[derive(Default)]
struct Scripted {
    answers: Mutex<BTreeMap<String, (u16, &'static str, String)>>,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Scripted {
    fn say(&self, name: &str, status: u16, error: &'static str, body: impl Into<String>) {
        self.answers.lock().unwrap().insert(name.to_owned(), (status, error, body.into()));
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

impl ControlPlane for Scripted {
    async fn ask(&self, _: &Principal, lookup: &Lookup) -> Result<Reply, UpstreamError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let path = lookup.path();
        let answers = self.answers.lock().unwrap();
        let named = answers.iter().find(|(name, _)| path.ends_with(name.as_str()));
        let missing = (404, "ResourceNotFoundException", String::new());
        let (status, error, body) = named.map_or(&missing, |(_, answer)| answer);
        if *status == 0 {
            return Err(UpstreamError::Timeout);
        }
        Ok(Reply {
            status: StatusCode::from_u16(*status).unwrap(),
            error: (!error.is_empty()).then(|| (*error).to_owned()),
            body: Bytes::from(body.clone()),
        })
    }
}

fn foundation(model: &str) -> String {
    format!("arn:aws:bedrock:us-east-1::foundation-model/{model}")
}

fn profile_of(model: &str) -> String {
    format!("{{\"models\":[{{\"modelArn\":\"{}\"}}]}}", foundation(model))
}

fn throughput_of(arn: &str) -> String {
    format!(
        "{{\"modelArn\":\"{arn}\",\"desiredModelArn\":\"{arn}\",\"provisionedModelArn\":\"{THROUGHPUT}\"}}"
    )
}

fn caller(team: &str, app: &str) -> Principal {
    let (team, app) = (team.to_owned(), app.to_owned());
    Principal { team, app, credential: CredentialKind::SigV4, credential_id: String::new() }
}

fn resolver() -> Arc<Resolver<Scripted>> {
    Arc::new(Resolver::new(Scripted::default(), CHANGING))
}

/// Canonical ids behind `name`.
async fn behind(resolver: &Resolver<Scripted>, name: &str) -> Result<Vec<String>, ResolveError> {
    let reference =
        resolver.resolve(&caller("payments", "checkout"), &ModelReference::parse(name).unwrap()).await?;
    assert!(reference.is_resolved());
    Ok(reference.origin_ids().into_iter().map(str::to_owned).collect())
}

#[tokio::test(start_paused = true)]
async fn a_name_that_says_it_all_is_never_asked_about() {
    let resolver = resolver();
    assert_eq!(behind(&resolver, HAIKU).await.unwrap(), [HAIKU]);
    assert_eq!(behind(&resolver, &format!("us.{HAIKU}")).await.unwrap(), [HAIKU]);
    assert_eq!(resolver.control.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_once_however_many_wait_for_it() {
    let resolver = resolver();
    resolver.control.say("abcdef123456", 200, "", profile_of(HAIKU));
    let tasks = TaskTracker::new();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let resolver = Arc::clone(&resolver);
            tasks.spawn(async move { behind(&resolver, PROFILE).await })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap().unwrap(), [HAIKU]);
    }
    assert_eq!(resolver.control.asked(), 1);
    assert!(lock(&resolver.flights).by_reference.is_empty() && lock(&resolver.flights).by_caller.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_as_long_as_its_kind_stays_true() {
    let second = Duration::from_secs(1);
    for (name, body, kept) in
        [(PROFILE, profile_of(HAIKU), FIXED), (THROUGHPUT, throughput_of(&foundation(HAIKU)), CHANGING)]
    {
        let resolver = resolver();
        resolver.control.say("abcdef123456", 200, "", body);
        assert_eq!(behind(&resolver, name).await.unwrap(), [HAIKU]);
        // The answer took a second, and it is as old as the question.
        tokio::time::sleep(kept.checked_sub(second * 2).unwrap()).await;
        assert_eq!(behind(&resolver, name).await.unwrap(), [HAIKU]);
        assert_eq!(resolver.control.asked(), 1, "{name}");
        tokio::time::sleep(second).await;
        assert_eq!(behind(&resolver, name).await.unwrap(), [HAIKU]);
        assert_eq!(resolver.control.asked(), 1, "{name} is asked about again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throughput_that_was_moved_is_never_served_stale_fails_closed() {
    let resolver = resolver();
    resolver.control.say("abcdef123456", 200, "", throughput_of(&foundation(HAIKU)));
    assert_eq!(behind(&resolver, THROUGHPUT).await.unwrap(), [HAIKU]);
    resolver.control.say("abcdef123456", 200, "", throughput_of(&foundation(OPUS)));
    assert_eq!(behind(&resolver, THROUGHPUT).await.unwrap(), [HAIKU], "within the minute");
    tokio::time::sleep(CHANGING).await;
    assert_eq!(behind(&resolver, THROUGHPUT).await.unwrap(), [OPUS]);
    resolver.control.say("abcdef123456", 503, "", "");
    tokio::time::sleep(CHANGING).await;
    assert_eq!(behind(&resolver, THROUGHPUT).await, Err(ResolveError::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_remembered_briefly_and_apart() {
    let resolver = resolver();
    assert_eq!(behind(&resolver, PROFILE).await, Err(ResolveError::NotFound));
    assert_eq!(behind(&resolver, PROFILE).await, Err(ResolveError::NotFound));
    assert_eq!(resolver.control.asked(), 1);
    resolver.control.say("abcdef123456", 200, "", profile_of(HAIKU));
    tokio::time::sleep(ABSENT).await;
    assert_eq!(behind(&resolver, PROFILE).await.unwrap(), [HAIKU]);
    // As many names that nobody has as there is room for push nothing out.
    let mut cache = Cache::new(CHANGING);
    let found = Known::Found(Found::stated(Vec::new()));
    cache.remember(PROFILE, found.clone(), Lifetime::Fixed, Instant::now());
    for number in 0..2 * MOST {
        let name = format!("name-{number}");
        cache.remember(&name, Known::Absent, Lifetime::Changing, Instant::now());
    }
    assert_eq!(cache.recall(PROFILE, Instant::now()), Some(found));
    let left =
        (0..2 * MOST).filter(|number| cache.recall(&format!("name-{number}"), Instant::now()).is_some());
    assert_eq!(left.count(), MOST);
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_is_told_and_not_remembered() {
    let forbidden = ResolveError::Forbidden { operation: "GetInferenceProfile" };
    let unreadable = ResolveError::Resolution(ResolutionError::Member("models"));
    let table = [
        (403, "AccessDeniedException", "", forbidden),
        (403, "ExpiredTokenException", "", forbidden),
        (400, "IncompleteSignatureException", "", forbidden),
        (401, "", "", forbidden),
        (429, "ThrottlingException", "", ResolveError::Unavailable),
        (500, "InternalServerException", "", ResolveError::Unavailable),
        (503, "", "", ResolveError::Unavailable),
        (302, "", "", ResolveError::Unavailable),
        // Of somebody in between.
        (404, "", "<html>", ResolveError::Unavailable),
        (404, "UnknownOperationException", "", ResolveError::Unavailable),
        (400, "ValidationException", "", ResolveError::NotFound),
        (200, "", "{}", unreadable),
        (0, "", "", ResolveError::Unavailable),
    ];
    for (status, error, body, expected) in table {
        let resolver = resolver();
        resolver.control.say("abcdef123456", status, error, body);
        assert_eq!(behind(&resolver, PROFILE).await, Err(expected), "{status} {error}");
        resolver.control.say("abcdef123456", 200, "", profile_of(HAIKU));
        let remembered = expected == ResolveError::NotFound;
        assert_eq!(behind(&resolver, PROFILE).await.is_err(), remembered, "{status} {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_is_followed_to_its_end_or_refused() {
    let resolver = resolver();
    resolver.control.say("provisioned-model%2Fabcdef123456", 200, "", throughput_of(CUSTOM));
    let base = |arn: &str| format!("{{\"baseModelArn\":\"{arn}\"}}");
    resolver.control.say("v1%3A0%2Fabcdef123456", 200, "", base(&foundation("amazon.nova-lite-v1:0")));
    let reference = resolver
        .resolve(&caller("payments", "checkout"), &ModelReference::parse(THROUGHPUT).unwrap())
        .await
        .unwrap();
    let chain: Vec<_> = reference.chain().into_iter().map(ModelReference::raw).collect();
    assert_eq!(chain, [THROUGHPUT, CUSTOM, &foundation("amazon.nova-lite-v1:0")]);
    assert_eq!(resolver.control.asked(), 2);

    let looping = Resolver::new(Scripted::default(), CHANGING);
    looping.control.say("abcdef123456", 200, "", base(CUSTOM));
    assert_eq!(behind(&looping, CUSTOM).await, Err(ResolveError::Resolution(ResolutionError::Loop)));
    let endless = Resolver::new(Scripted::default(), CHANGING);
    for number in 0..9 {
        endless.control.say(
            &format!("%2F{number}"),
            200,
            "",
            base(&CUSTOM.replace("abcdef123456", &(number + 1).to_string())),
        );
    }
    let first = CUSTOM.replace("abcdef123456", "0");
    assert_eq!(behind(&endless, &first).await, Err(ResolveError::Resolution(ResolutionError::TooDeep)));
    let prompt = "arn:aws:bedrock:us-east-1:111122223333:prompt/QWERTYUIOP";
    assert_eq!(behind(&endless, prompt).await, Err(ResolveError::Resolution(ResolutionError::Draft)));
}

#[tokio::test(start_paused = true)]
async fn a_bare_name_is_everything_that_has_it() {
    let both = resolver();
    let own = profile_of(OPUS).replacen('{', &format!("{{\"inferenceProfileArn\":\"{PROFILE}\","), 1);
    both.control.say("/provisioned-model-throughput/claims", 200, "", throughput_of(&foundation(HAIKU)));
    both.control.say("/inference-profiles/claims", 200, "", own.clone());
    assert_eq!(behind(&both, "claims").await.unwrap(), [HAIKU, OPUS]);
    let one = resolver();
    one.control.say("/inference-profiles/claims", 200, "", own.clone());
    assert_eq!(behind(&one, "claims").await.unwrap(), [OPUS]);
    assert_eq!(behind(&resolver(), "claims").await, Err(ResolveError::NotFound));
    let unsure = resolver();
    unsure.control.say("/provisioned-model-throughput/claims", 403, "AccessDeniedException", "");
    unsure.control.say("/inference-profiles/claims", 200, "", own);
    let forbidden = ResolveError::Forbidden { operation: "GetProvisionedModelThroughput" };
    assert_eq!(behind(&unsure, "claims").await, Err(forbidden), "it may be a throughput, too");
}

#[tokio::test(start_paused = true)]
async fn one_caller_cannot_ask_everything_at_once() {
    let resolver = resolver();
    let tasks = TaskTracker::new();
    let ask = |caller: Principal, name: String| {
        let resolver = Arc::clone(&resolver);
        tasks.spawn(async move { resolver.resolve(&caller, &ModelReference::parse(&name).unwrap()).await })
    };
    let greedy: Vec<_> = (0..20).map(|number| ask(caller("a", "a"), format!("greedy-{number}"))).collect();
    let others: Vec<_> =
        (0..20).map(|number| ask(caller("b", &number.to_string()), format!("other-{number}"))).collect();
    let mut busy = 0;
    for one in greedy {
        busy += usize::from(one.await.unwrap() == Err(ResolveError::Busy));
    }
    assert_eq!(busy, 20 - MOST_OF_ONE_CALLER);
    for one in others {
        let answer = one.await.unwrap();
        assert!(matches!(answer, Err(ResolveError::NotFound | ResolveError::Unavailable)), "{answer:?}");
    }
    assert_eq!(resolver.control.most_at_once.load(Ordering::SeqCst), MOST_QUESTIONS);
    assert_eq!(ask(caller("a", "a"), "greedy-20".to_owned()).await.unwrap(), Err(ResolveError::NotFound));
    assert!(lock(&resolver.flights).by_reference.is_empty() && lock(&resolver.flights).by_caller.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_given_up_is_asked_by_the_next_who_waits() {
    let resolver = resolver();
    resolver.control.say("abcdef123456", 200, "", profile_of(HAIKU));
    let tasks = TaskTracker::new();
    let first = {
        let resolver = Arc::clone(&resolver);
        tasks.spawn(async move { behind(&resolver, PROFILE).await })
    };
    tokio::task::yield_now().await;
    let second = {
        let resolver = Arc::clone(&resolver);
        tasks.spawn(async move { behind(&resolver, PROFILE).await })
    };
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), [HAIKU]);
    assert_eq!(resolver.control.asked(), 2);
    assert!(lock(&resolver.flights).by_reference.is_empty() && lock(&resolver.flights).by_caller.is_empty());
}
