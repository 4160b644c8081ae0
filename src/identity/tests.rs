use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::callers::{Key, KeyKind, Register};
use super::keys::{BearerKey, derive_secret};
use super::sigv4::EVENTS_PAYLOAD;
use super::*;
use crate::bedrock::fault::Fault;

const REGION: &str = "us-east-1";
const HOST: &str = "localhost:8443";
const PAIR: &str = "AKIAWRDNABCDEFGH2345";
const REVOKED: &str = "AKIAWRDNREVOKED22222";
const EXPIRED: &str = "AKIAWRDNEXPIRED22222";
const FUTURE: &str = "AKIAWRDNFUTURE222222";
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn key(id: &str, kind: KeyKind) -> Key {
    Key {
        id: id.to_owned(),
        kind,
        created: now() - 9 * DAY,
        not_before: None,
        not_after: None,
        revoked: None,
        replaced_by: None,
    }
}

/// Callers with keys in every state, and what is needed to use them.
struct World {
    master: MasterKey,
    callers: Callers,
    bearer: String,
    revoked_bearer: String,
    expired_bearer: String,
}

impl World {
    fn new() -> Self {
        let master = MasterKey::generate().unwrap();
        let mut register = Register::default();
        let mut add = |key: Key| register.add("payments", "checkout", key);
        add(key(PAIR, KeyKind::Pair));
        add(Key { revoked: Some(now() - DAY), ..key(REVOKED, KeyKind::Pair) });
        add(Key { not_after: Some(now()), ..key(EXPIRED, KeyKind::Pair) });
        add(Key { not_before: Some(now() + DAY), ..key(FUTURE, KeyKind::Pair) });
        let mut bearer = |change: fn(&mut Key)| {
            let bearer = BearerKey::generate().unwrap();
            let mut key = key(bearer.id(), KeyKind::Bearer { hash: bearer.hash(&master) });
            change(&mut key);
            add(key);
            bearer.into_secret().expose().to_owned()
        };
        let valid = bearer(|_| ());
        let revoked = bearer(|key| key.revoked = Some(now()));
        let expired = bearer(|key| key.not_after = Some(now()));
        let callers = Callers::new(&register, &master);
        Self { master, callers, bearer: valid, revoked_bearer: revoked, expired_bearer: expired }
    }

    fn sign(&self, id: &str, sent: &Sent) -> Sent {
        sign_as(id, derive_secret(&self.master, id).expose(), sent, &Signing::default())
    }

    fn verify(&self, sent: &Sent) -> Result<Principal, AuthenticationError> {
        self.verify_at(sent, now())
    }

    fn verify_at(&self, sent: &Sent, now: Timestamp) -> Result<Principal, AuthenticationError> {
        let hash = digest::digest(&digest::SHA256, &sent.body);
        self.callers.identify(&sent.head(), REGION, now)?.prove(hash.as_ref().try_into().unwrap())
    }
}

/// Signs with AWS's own signer, which shares no code with ours.
fn sign_as(id: &str, secret: &str, sent: &Sent, how: &Signing) -> Sent {
    let identity = Credentials::new(id, secret, how.token.clone(), None, "test").into();
    let mut settings = SigningSettings::default();
    if how.checksum {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(how.region)
        .name(how.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(how.at.as_second().unsigned_abs()))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("https://{HOST}{}", sent.target);
    let headers = sent.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let body = match (how.unsigned_payload, how.events) {
        (true, _) => SignableBody::UnsignedPayload,
        (false, true) => SignableBody::Precomputed(EVENTS_PAYLOAD.to_owned()),
        (false, false) => SignableBody::Bytes(&sent.body),
    };
    let request = SignableRequest::new(sent.method.as_str(), &uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut signed = sent.clone();
    for (name, value) in instructions.headers() {
        signed.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    signed
}

struct Signing {
    region: &'static str,
    service: &'static str,
    at: Timestamp,
    checksum: bool,
    unsigned_payload: bool,
    /// Signs that events follow, in the form of the JavaScript SDK.
    events: bool,
    token: Option<String>,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            region: REGION,
            service: "bedrock",
            at: now(),
            checksum: false,
            unsigned_payload: false,
            events: false,
            token: None,
        }
    }
}

/// A request on the wire.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
    authority: Option<String>,
    http2: bool,
    encrypted: bool,
}

impl Sent {
    fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
            authority: self.authority.as_deref(),
            http2: self.http2,
            encrypted: self.encrypted,
        }
    }

    fn new(target: &str) -> Self {
        let mut sent = Self {
            method: Method::POST,
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: br#"{"messages":[]}"#.to_vec(),
            authority: None,
            http2: false,
            encrypted: true,
        };
        sent.set("host", HOST);
        sent.set("content-type", "application/json");
        sent
    }

    fn converse() -> Self {
        Self::new("/model/anthropic.claude-v2%3A1/converse")
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Changes the text of the Authorization header.
    fn reauthorize(mut self, from: &str, to: &str) -> Self {
        let old = self.headers["authorization"].to_str().unwrap().to_owned();
        let new = old.replacen(from, to, 1);
        assert_ne!(new, old, "{from}");
        self.set("authorization", &new);
        self
    }
}

fn bearer(token: &str) -> Sent {
    Sent::converse().with(|sent| sent.set("authorization", &format!("Bearer {token}")))
}

#[test]
fn a_signed_request_names_its_principal() {
    let world = World::new();
    let expected = Principal {
        team: "payments".into(),
        app: "checkout".into(),
        credential: CredentialKind::SigV4,
        credential_id: PAIR.into(),
    };
    assert_eq!(world.verify(&world.sign(PAIR, &Sent::converse())), Ok(expected));
}

#[test]
fn http2_may_sign_the_authority_or_the_host() {
    let world = World::new();
    let host = world.sign(PAIR, &Sent::converse()).with(|sent| {
        sent.headers.remove("host");
        sent.authority = Some(HOST.into());
        sent.http2 = true;
    });
    assert!(world.verify(&host).is_ok());
    let elsewhere = host.clone().with(|sent| sent.authority = Some("evil.example".into()));
    assert_eq!(world.verify(&elsewhere), Err(AuthenticationError::Signature));
    let contradicted = host.clone().with(|sent| sent.set("host", "evil.example"));
    assert_eq!(world.verify(&contradicted), Err(AuthenticationError::Host));
    let http1 = host.with(|sent| sent.http2 = false);
    assert_eq!(world.verify(&http1), Err(AuthenticationError::Host));

    // As the JavaScript SDK signs. No Rust signer does, so the signature is made with our own parts.
    let sent = Sent::converse().with(|sent| {
        sent.headers.remove("host");
        sent.authority = Some(HOST.into());
        sent.http2 = true;
        sent.set("x-amz-date", "20261124T150000Z");
    });
    let scope = sigv4::Scope { date: "20261124".into(), region: REGION.into(), service: "bedrock".into() };
    let names = [":authority", "content-type", "x-amz-date"].map(str::to_owned);
    let request = sigv4::Request {
        method: &sent.method,
        target: &sent.target,
        headers: &sent.headers,
        authority: sent.authority.as_deref(),
    };
    let hash = hex::encode(digest::digest(&digest::SHA256, &sent.body));
    let canonical = sigv4::canonical_request(&request, &names, &hash).unwrap();
    let text = sigv4::string_to_sign("20261124T150000Z", &scope, &canonical);
    let signature = sigv4::signature(derive_secret(&world.master, PAIR).expose(), &scope, &text);
    let header = format!(
        "AWS4-HMAC-SHA256 Credential={PAIR}/{scope}, SignedHeaders={}, Signature={}",
        names.join(";"),
        signature.to_hex()
    );
    let sent = sent.with(|sent| sent.set("authorization", &header));
    assert!(world.verify(&sent).is_ok());
    let elsewhere = sent.clone().with(|sent| sent.authority = Some("evil.example".into()));
    assert_eq!(world.verify(&elsewhere), Err(AuthenticationError::Signature));
    let http1 = sent.with(|sent| {
        sent.http2 = false;
        sent.set("host", HOST);
    });
    assert_eq!(world.verify(&http1), Err(AuthenticationError::Unsigned("host".into())));
}

#[test]
fn a_signature_is_good_for_five_minutes_in_both_directions() {
    let world = World::new();
    let sent = world.sign(PAIR, &Sent::converse());
    for seconds in [-300, -299, 0, 299, 300] {
        assert!(world.verify_at(&sent, now() + SignedDuration::from_secs(seconds)).is_ok(), "{seconds}");
    }
    let late = world.verify_at(&sent, now() + SignedDuration::from_secs(301)).unwrap_err();
    let text = "signature expired: 20261124T150000Z is now earlier than 20261124T150001Z (20261124T150501Z - 5 min.)";
    assert_eq!((late.to_string().as_str(), late.fault()), (text, Fault::InvalidSignature));
    let early = world.verify_at(&sent, now() - SignedDuration::from_secs(301)).unwrap_err();
    assert!(matches!(early, AuthenticationError::NotYetCurrent { .. }), "{early}");
}

#[test]
fn what_a_signature_does_not_cover_fails_closed() {
    let world = World::new();
    let signed = || world.sign(PAIR, &Sent::converse());
    let unsigned = |name: &str| AuthenticationError::Unsigned(name.into());
    let cases = [
        ("x-amzn-bedrock-guardrailidentifier", unsigned("x-amzn-bedrock-guardrailidentifier")),
        ("x-amz-target", unsigned("x-amz-target")),
        ("x-amz-content-sha256", unsigned("x-amz-content-sha256")),
        ("x-amz-security-token", AuthenticationError::Unrecognised),
    ];
    for (name, expected) in cases {
        let sent = signed().with(|sent| sent.set(name, "x"));
        assert_eq!(world.verify(&sent), Err(expected), "{name}");
    }
    let harmless = signed().with(|sent| sent.set("x-amzn-trace-id", "Root=1"));
    assert!(world.verify(&harmless).is_ok(), "Lambda adds this one after signing");
    for (name, value) in [("content-type", "application/json"), ("content-type", "text/plain")] {
        let twice = signed().with(|sent| {
            sent.headers.append(name, HeaderValue::from_static(value));
        });
        assert_eq!(world.verify(&twice), Err(AuthenticationError::Repeated(name.into())));
    }
    let hosts = signed().with(|sent| {
        sent.headers.append("host", HeaderValue::from_static(HOST));
    });
    assert_eq!(world.verify(&hosts), Err(AuthenticationError::Host));
    let without_host = signed().reauthorize("content-type;host;", "content-type;");
    assert_eq!(world.verify(&without_host), Err(unsigned("host")));
    let without_date = signed().reauthorize(";x-amz-date", "");
    assert_eq!(world.verify(&without_date), Err(unsigned("x-amz-date")));
    let absent = signed().reauthorize(";x-amz-date", ";x-absent;x-amz-date");
    assert!(matches!(world.verify(&absent), Err(AuthenticationError::AbsentHeader(_))));
}

#[test]
fn a_path_that_normalisation_would_change_fails_closed() {
    let world = World::new();
    for target in
        ["//model/m/converse", "/model/../model/m/converse", "/model/./m/converse", "/model//m/converse"]
    {
        assert_eq!(
            world.verify(&world.sign(PAIR, &Sent::new(target))),
            Err(AuthenticationError::Path),
            "{target}"
        );
    }
}

#[test]
fn another_scope_payload_or_token_fails_closed() {
    let world = World::new();
    let secret = derive_secret(&world.master, PAIR);
    let sign = |how: &Signing| sign_as(PAIR, secret.expose(), &Sent::converse(), how);
    let region = sign(&Signing { region: "us-west-2", ..Signing::default() });
    assert_eq!(world.verify(&region), Err(AuthenticationError::Region(REGION.into())));
    let service = sign(&Signing { service: "bedrock-runtime", ..Signing::default() });
    assert_eq!(world.verify(&service), Err(AuthenticationError::Service));
    let unsigned = sign(&Signing { checksum: true, unsigned_payload: true, ..Signing::default() });
    assert_eq!(world.verify(&unsigned), Err(AuthenticationError::PayloadMarker));
    let events = sign(&Signing::default()).with(|sent| {
        sent.headers.insert("x-amz-content-sha256", HeaderValue::from_static(EVENTS_PAYLOAD));
    });
    assert_eq!(world.verify(&events), Err(AuthenticationError::Unsigned("x-amz-content-sha256".into())));
    let token = sign(&Signing { token: Some("token".into()), ..Signing::default() });
    assert_eq!(world.verify(&token), Err(AuthenticationError::Unrecognised));
    let stated = sign(&Signing { checksum: true, ..Signing::default() });
    assert!(world.verify(&stated).is_ok());
    let changed = stated.with(|sent| sent.body.push(b' '));
    assert_eq!(world.verify(&changed), Err(AuthenticationError::PayloadHash));
    let yesterday = sign(&Signing::default()).reauthorize("/20261124/", "/20261123/");
    assert_eq!(world.verify(&yesterday), Err(AuthenticationError::ScopeDate));
    for date in ["", "20261124", "20261124T150000", "20261124T15:00Z", "20261324T150000Z", "+0261124T150000Z"]
    {
        let sent = sign(&Signing::default()).with(|sent| sent.set("x-amz-date", date));
        assert_eq!(world.verify(&sent), Err(AuthenticationError::Date), "{date}");
    }
}

#[test]
fn unknown_and_revoked_keys_look_alike_and_only_their_holder_learns_of_expiry() {
    let world = World::new();
    let verify = |id: &str| world.verify(&world.sign(id, &Sent::converse()));
    assert_eq!(verify("AKIAIOSFODNN7EXAMPLE"), Err(AuthenticationError::Unrecognised));
    assert_eq!(verify(REVOKED), Err(AuthenticationError::Unrecognised));
    assert_eq!(verify(EXPIRED), Err(AuthenticationError::ExpiredKey));
    assert_eq!(verify(FUTURE), Err(AuthenticationError::ExpiredKey));
    let guess = sign_as(EXPIRED, "guess", &Sent::converse(), &Signing::default());
    assert_eq!(world.verify(&guess), Err(AuthenticationError::Signature));
    assert!(world.verify(&bearer(&world.bearer)).is_ok());
    for token in [&world.revoked_bearer, "bwk_unknown", BearerKey::generate().unwrap().into_secret().expose()]
    {
        assert_eq!(world.verify(&bearer(token)), Err(AuthenticationError::Unrecognised));
    }
    assert_eq!(world.verify(&bearer(&world.expired_bearer)), Err(AuthenticationError::ExpiredKey));
}

#[test]
fn a_bearer_key_counts_only_where_and_how_it_belongs() {
    let world = World::new();
    let token = &world.bearer;
    let sent = |value: &str| Sent::converse().with(|sent| sent.set("authorization", value));
    assert_eq!(world.verify(&bearer(token)).unwrap().credential, CredentialKind::Bearer);
    assert!(world.verify(&sent(&format!("bearer {token}"))).is_ok(), "a scheme has no case");
    let unrecognised =
        ["Bearer", "Bearer ", "Bearer  {}", "Bearer {} ", "Bearer {}, Bearer other", "Bearer {},x"];
    for value in unrecognised {
        let value = value.replace("{}", token);
        assert_eq!(world.verify(&sent(&value)), Err(AuthenticationError::Unrecognised), "{value}");
    }
    for value in ["", "Basic eA==", token, "AWS4-HMAC-SHA1 Credential=x", "AWS4-HMAC-SHA256"] {
        let error = world.verify(&sent(value)).unwrap_err();
        let refused =
            [Fault::MissingAuthenticationToken, Fault::InvalidSignature, Fault::IncompleteSignature];
        assert!(refused.contains(&error.fault()), "{value}: {error}");
    }
    let clear = bearer(token).with(|sent| sent.encrypted = false);
    assert_eq!(world.verify(&clear), Err(AuthenticationError::BearerInClear));
    let mut two = bearer(token);
    two.headers.append("authorization", HeaderValue::from_static("Bearer other"));
    assert_eq!(world.verify(&two), Err(AuthenticationError::Several));
    let presigned = bearer(token).with(|sent| sent.target.push_str("?X-Amz-Signature=00"));
    assert_eq!(world.verify(&presigned), Err(AuthenticationError::Several));
    let query = Sent::new(&format!("/model/m/converse?access_token={token}"));
    assert_eq!(world.verify(&query), Err(AuthenticationError::Missing));
    let alone = Sent::new("/model/m/converse?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    assert_eq!(world.verify(&alone), Err(AuthenticationError::Presigned));
}

#[test]
fn refusals_do_not_repeat_credentials() {
    let world = World::new();
    let signed = world.sign(PAIR, &Sent::converse());
    let header = signed.headers["authorization"].to_str().unwrap().to_owned();
    let signature = header.rsplit('=').next().unwrap().to_owned();
    let broken = [
        signed.clone().with(|sent| sent.body.push(b' ')),
        signed.clone().reauthorize("Credential=", "Credential=x"),
        signed.clone().reauthorize("Signature=", "Signature=0"),
        signed.reauthorize("SignedHeaders=", "SignedHeaders=Secret;"),
        bearer(&world.revoked_bearer),
    ];
    for sent in broken {
        let error = world.verify(&sent).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&signature) && !shown.contains(&world.revoked_bearer), "{shown}");
        assert!(!shown.contains("Secret") && !shown.contains(PAIR), "{shown}");
    }
}

#[test]
fn nothing_on_the_way_to_a_principal_shows_a_secret() {
    let world = World::new();
    let secret = derive_secret(&world.master, PAIR);
    let scope = "20261124/us-east-1/bedrock/aws4_request";
    for sent in [world.sign(PAIR, &Sent::converse()), bearer(&world.bearer)] {
        let authorization = sent.headers["authorization"].to_str().unwrap().to_owned();
        let credential = authorization.rsplit(['=', ' ']).next().unwrap();
        let head = RequestHead {
            method: &sent.method,
            target: &sent.target,
            headers: &sent.headers,
            authority: None,
            http2: false,
            encrypted: true,
        };
        let claim = world.callers.identify(&head, REGION, now()).unwrap();
        let shown = format!("{head:?} {claim:?} {:?} {:?}", world.callers, world.master);
        let hash = digest::digest(&digest::SHA256, &sent.body);
        let principal = claim.prove(hash.as_ref().try_into().unwrap()).unwrap();
        let shown = format!("{shown} {principal:?} {:?}", RecordKey::of(&world.master));
        for held in [credential, secret.expose(), scope] {
            assert!(!shown.contains(held), "{shown}");
        }
        assert!(shown.contains("checkout"), "what is shown is of use: {shown}");
    }
}

fn segment() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9_~:;@$!-]{0,7}(%[2-7][0-9A-F]|\\.[a-z]){0,3}"
}

fn request() -> impl Strategy<Value = Sent> {
    let method = prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::PUT)];
    let path = prop::collection::vec(segment(), 1..5);
    let query = prop::collection::vec("[a-z]{1,4}=[A-Za-z0-9._~-]{0,4}(%20|%2F)?", 0..4);
    let value = "[!-~]{1,6}( {1,3}[!-~]{1,6}){0,2}";
    let headers = prop::collection::vec(("x-(amz|amzn-bedrock|other)-[a-z]{3,9}", value), 0..4);
    let body = prop::collection::vec(any::<u8>(), 0..64);
    (method, path, query, headers, body).prop_map(|(method, path, query, headers, body)| {
        let question = if query.is_empty() { "" } else { "?" };
        let mut sent = Sent::new(&format!("/{}{question}{}", path.join("/"), query.join("&")));
        for (name, value) in headers {
            let known =
                ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"].contains(&name.as_str());
            if !known {
                sent.headers
                    .insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(&value).unwrap());
            }
        }
        sent.method = method;
        sent.body = body;
        sent
    })
}

/// Replaces one letter or digit of `text`, chosen by `seed`, by another one.
fn altered(text: &str, seed: usize) -> String {
    let places: Vec<usize> =
        text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    let at = places[seed % places.len()];
    let old = text.as_bytes()[at];
    let new = if old == b'0' { "1" } else { "0" };
    let mut changed = text.to_owned();
    changed.replace_range(at..=at, new);
    changed
}

proptest! {
    #[test]
    fn what_aws_signs_verifies_and_any_change_to_it_does_not(
        sent in request(), checksum: bool, seed: usize, minutes in -4_i64..=4,
    ) {
        let world = World::new();
        let at = now() + SignedDuration::from_mins(minutes);
        let how = Signing { at, checksum, ..Signing::default() };
        let signed = sign_as(PAIR, derive_secret(&world.master, PAIR).expose(), &sent, &how);
        prop_assert!(world.verify(&signed).is_ok(), "{:?} {:?}", world.verify(&signed), signed);

        for name in signed.headers.keys() {
            let value = signed.headers[name].to_str().unwrap();
            if value.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
                let mut changed = signed.clone();
                changed.headers.insert(name, HeaderValue::from_str(&altered(value, seed)).unwrap());
                prop_assert!(world.verify(&changed).is_err(), "{name}: {changed:?}");
            }
            let mut without = signed.clone();
            without.headers.remove(name);
            prop_assert!(world.verify(&without).is_err(), "without {name}");
            let mut twice = signed.clone();
            twice.headers.append(name, signed.headers[name].clone());
            prop_assert!(world.verify(&twice).is_err(), "{name} twice");
        }
        let change = |change: &dyn Fn(&mut Sent)| world.verify(&signed.clone().with(change));
        prop_assert!(change(&|sent| sent.method = Method::DELETE).is_err());
        prop_assert!(change(&|sent| sent.target = altered(&sent.target, seed)).is_err());
        prop_assert!(change(&|sent| sent.target.push_str("&a=b")).is_err());
        prop_assert!(change(&|sent| sent.target.insert_str(0, "/x")).is_err());
        prop_assert!(change(&|sent| sent.body.push(0)).is_err());
        prop_assert!(change(&|sent| sent.body.insert(0, b'x')).is_err());
        if !sent.body.is_empty() {
            let at = seed % sent.body.len();
            prop_assert!(change(&|sent| sent.body[at] ^= 1).is_err());
        }
    }

    #[test]
    fn no_authorization_header_makes_verification_panic(value in "[ -~]{0,80}", target in "/[ -~]{0,40}") {
        let world = World::new();
        for value in [value.clone(), format!("AWS4-HMAC-SHA256 {value}"), format!("Bearer {value}")] {
            let sent = Sent::new(&target).with(|sent| sent.set("authorization", &value));
            prop_assert!(world.verify(&sent).is_err());
        }
    }
}

#[test]
fn a_session_is_proved_by_its_head_in_both_forms_and_by_nothing_else() {
    let world = World::new();
    let secret = derive_secret(&world.master, PAIR);
    let claim = |sent: &Sent| world.callers.identify(&sent.head(), REGION, now());
    let prove = |sent: &Sent| claim(sent)?.prove_session().map(|(principal, _)| principal.app);
    let empty = || Sent::converse().with(|sent| sent.body.clear());
    let rust = sign_as(PAIR, secret.expose(), &empty(), &Signing::default());
    assert_eq!(prove(&rust), Ok("checkout".to_owned()));
    let marked = empty().with(|sent| {
        sent.headers.insert("x-amz-content-sha256", HeaderValue::from_static(EVENTS_PAYLOAD));
    });
    let javascript = sign_as(PAIR, secret.expose(), &marked, &Signing { events: true, ..Signing::default() });
    assert_eq!(prove(&javascript), Ok("checkout".to_owned()));
    assert_eq!(
        claim(&javascript).unwrap().prove(&[0; 32]).map(drop),
        Err(AuthenticationError::PayloadMarker),
        "what is signed as events is no body"
    );
    let whole = sign_as(PAIR, secret.expose(), &Sent::converse(), &Signing::default());
    assert_eq!(prove(&whole), Err(AuthenticationError::Signature), "what is signed as a body is no session");
    let stated = sign_as(PAIR, secret.expose(), &empty(), &Signing { checksum: true, ..Signing::default() });
    assert_eq!(prove(&stated), Err(AuthenticationError::SessionPayload));
    let bearer = empty().with(|sent| {
        let value = format!("Bearer {}", world.bearer);
        sent.headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
    });
    assert_eq!(prove(&bearer), Err(AuthenticationError::BearerSession));
}
