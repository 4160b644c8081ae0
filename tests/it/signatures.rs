//! Who may call: requests whose signatures are wrong in one way each.

use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, hmac};

use crate::support::call::{Call, HAIKU, KeyPair};
use crate::support::http::{Response, Target};
use crate::support::http2;
use crate::support::warden::{Setup, TestWarden};

/// What somebody in the middle does to a signed request.
type Change = fn(&mut Call);

#[test]
fn a_signed_request_that_was_changed_is_refused() {
    let changes: &[(&str, Change)] = &[
        ("another body", |call| *call.body.last_mut().unwrap() = b' '),
        ("a longer body", |call| call.body.push(b' ')),
        ("another model", |call| call.target = call.target.replace("haiku", "opus1")),
        ("another operation", |call| call.target = call.target.replace("/converse", "/invoke")),
        ("the label in another spelling", |call| call.target = call.target.replace("%3A", ":")),
        ("a query", |call| call.target.push_str("?trace=1")),
        ("another method", |call| call.method = "PUT".to_owned()),
        ("another host", |call| call.replace_header("host", "bedrock.example")),
        ("another signed header", |call| call.replace_header("content-type", "text/plain")),
        ("another date", |call| {
            let date = call.header_value("x-amz-date").unwrap().replace('Z', "");
            let last = if date.ends_with('0') { "1Z" } else { "0Z" };
            call.replace_header("x-amz-date", &format!("{}{last}", &date[..date.len() - 1]));
        }),
        ("a signed header left out", |call| call.headers.retain(|(name, _)| name != "content-type")),
        ("a signature cut short", |call| {
            edit_authorization(call, |value| value[..value.len() - 1].to_owned());
        }),
        ("an upper-case signature", |call| {
            edit_authorization(call, |value| {
                let (head, signature) = value.rsplit_once('=').unwrap();
                format!("{head}={}", signature.to_uppercase())
            });
        }),
        ("another region in the scope", |call| {
            edit_authorization(call, |v| v.replace("/us-east-1/", "/us-west-2/"));
        }),
        ("another service in the scope", |call| edit_authorization(call, |v| v.replace("/bedrock/", "/s3/"))),
        ("two authorizations", |call| {
            let value = call.header_value("authorization").unwrap().to_owned();
            call.headers.push(("authorization".to_owned(), value));
        }),
        ("no authorization", |call| call.headers.retain(|(name, _)| name != "authorization")),
        ("an empty authorization", |call| edit_authorization(call, |_| String::new())),
        ("another scheme", |call| edit_authorization(call, |_| "Basic cGF5bWVudHM6c2VjcmV0".to_owned())),
        ("an unsigned x-amz header", |call| call.replace_header("x-amz-target", "Bedrock.Everything")),
        ("an unsigned security token", |call| call.replace_header("x-amz-security-token", "token")),
        ("a payload hash of its own", |call| {
            call.replace_header(
                "x-amz-content-sha256",
                &hex::encode(digest::digest(&digest::SHA256, b"").as_ref()),
            );
        }),
    ];
    let warden = Setup::new().start();
    for (what, change) in changes {
        let mut call = warden.sign(Call::converse(HAIKU, "say: hello"));
        change(&mut call);
        assert_unauthenticated(&warden, what, &warden.tls().send(&call));
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn signatures_outside_their_time_place_or_service_are_refused() {
    let warden = Setup::new().start();
    let now = SystemTime::now();
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let rows = [
        ("old", now - minutes(16), "us-east-1", "bedrock"),
        ("from the future", now + minutes(16), "us-east-1", "bedrock"),
        ("for another region", now, "eu-central-1", "bedrock"),
        ("for another service", now, "us-east-1", "s3"),
    ];
    for (what, time, region, service) in rows {
        let call = Call::converse(HAIKU, "say: hello");
        let call = call.sign_at(&warden.key, &warden.authority(), time, region, service);
        assert_unauthenticated(&warden, what, &warden.tls().send(&call));
    }
    let recent = Call::converse(HAIKU, "say: hello");
    let recent = recent.sign_at(&warden.key, &warden.authority(), now - minutes(4), "us-east-1", "bedrock");
    assert_eq!(warden.tls().send(&recent).converse_text(), "hello", "a clock may be four minutes wrong");
}

#[test]
fn an_unsigned_payload_is_refused() {
    let warden = Setup::new().start();
    let mut call = Call::converse(HAIKU, "say: hello");
    call.replace_header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let call = sign_by_hand(call, &warden.key, &[("host", &warden.authority())], "UNSIGNED-PAYLOAD");
    assert_unauthenticated(&warden, "UNSIGNED-PAYLOAD", &warden.tls().send(&call));
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_payload_hash_that_is_signed_must_be_true() {
    let warden = Setup::new().start();
    for (what, hashed, status) in [("true", None, 200), ("false", Some(&b"another body"[..]), 403)] {
        let mut call = Call::converse(HAIKU, "say: hello");
        let hash = hex::encode(digest::digest(&digest::SHA256, hashed.unwrap_or(&call.body)).as_ref());
        call.replace_header("x-amz-content-sha256", &hash);
        let call = sign_by_hand(call, &warden.key, &[("host", &warden.authority())], &hash);
        assert_eq!(warden.tls().send(&call).status, status, "{what}");
    }
    assert_eq!(warden.upstream().len(), 1);
}

#[test]
fn a_presigned_query_is_refused() {
    let warden = Setup::new().start();
    let mut call = warden.sign(Call::converse(HAIKU, "say: hello"));
    let authorization = call.header_value("authorization").unwrap().to_owned();
    let field = |name: &str| {
        let rest = authorization.split_once(&format!("{name}=")).unwrap().1;
        rest.split(',').next().unwrap().replace('/', "%2F").replace(';', "%3B")
    };
    call.target = format!(
        "{}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires=300\
         &X-Amz-SignedHeaders={}&X-Amz-Signature={}",
        call.target,
        field("Credential"),
        call.header_value("x-amz-date").unwrap(),
        field("SignedHeaders"),
        field("Signature"),
    );
    call.headers.retain(|(name, _)| name != "authorization" && name != "x-amz-date");
    assert_unauthenticated(&warden, "presigned", &warden.tls().send(&call));
    assert!(warden.upstream().is_empty());
}

#[test]
fn the_pseudo_header_may_be_signed_on_http2_only() {
    let warden = Setup::new().start();
    let authority = warden.authority();
    let call = Call::converse(HAIKU, "say: hello");
    let hash = hex::encode(digest::digest(&digest::SHA256, &call.body).as_ref());
    let signed = sign_by_hand(call, &warden.key, &[(":authority", &authority)], &hash);
    assert_eq!(http2::send(&warden.tls_with(&["h2"]), &signed).converse_text(), "hello");
    let mut on_http1 = signed.clone();
    on_http1.replace_header("host", &authority);
    assert_unauthenticated(&warden, ":authority on HTTP/1.1", &warden.tls().send(&on_http1));
    assert_eq!(warden.upstream().len(), 1);
}

#[test]
fn host_must_be_signed() {
    let warden = Setup::new().start();
    let call = Call::converse(HAIKU, "say: hello");
    let hash = hex::encode(digest::digest(&digest::SHA256, &call.body).as_ref());
    let mut call = sign_by_hand(call, &warden.key, &[], &hash);
    call.replace_header("host", &warden.authority());
    assert_unauthenticated(&warden, "unsigned host", &warden.tls().send(&call));
}

#[test]
fn a_bearer_token_never_crosses_a_plain_listener() {
    let warden = Setup::new().start();
    let token = warden.add_bearer("payments", "scripts");
    let send = |target: Target| {
        target.send(&Call::converse(HAIKU, "say: hello").bearer(&token, &target.authority()))
    };
    assert_unauthenticated(&warden, "bearer in the clear", &send(warden.plain()));
    assert!(warden.upstream().iter().all(|seen| !seen.path().ends_with("/converse")));
    assert_eq!(send(warden.tls()).converse_text(), "hello");
    assert!(!warden.stderr().contains(&token));
}

#[test]
fn a_bearer_token_that_was_changed_is_refused() {
    let warden = Setup::new().start();
    let token = warden.add_bearer("payments", "scripts");
    let other_end = if token.ends_with('a') { 'b' } else { 'a' };
    let changed = [
        ("another last character", format!("{}{other_end}", &token[..token.len() - 1])),
        ("cut short", token[..token.len() - 2].to_owned()),
        ("lengthened", format!("{token}A")),
        ("in upper case", token.to_uppercase()),
        ("nothing", String::new()),
        ("somebody's own", "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLw==".to_owned()),
    ];
    for (what, token) in changed {
        let call = Call::converse(HAIKU, "say: hello").bearer(&token, &warden.authority());
        assert_unauthenticated(&warden, what, &warden.tls().send(&call));
    }
    assert!(warden.upstream().iter().all(|seen| !seen.path().ends_with("/converse")));
}

#[test]
fn a_signature_is_as_good_on_the_plain_listener() {
    let warden = Setup::new().start();
    let target = warden.plain();
    let call = Call::converse(HAIKU, "say: hello").sign(&warden.key, &target.authority());
    assert_eq!(target.send(&call).converse_text(), "hello");
}

/// Refused as Bedrock would refuse it, and on record without a principal having been proved.
#[track_caller]
fn assert_unauthenticated(warden: &TestWarden, what: &str, response: &Response) {
    assert!(matches!(response.status, 400 | 403 | 404), "{what}: {} {}", response.status, response.text());
    let errors = [
        "InvalidSignatureException",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
        "ValidationException",
        "AccessDeniedException",
    ];
    assert!(errors.contains(&response.error_type()), "{what}: {}", response.error_type());
    let record = warden.record_of(response);
    assert!(record.is_denial(), "{what}: {record:?}");
}

fn edit_authorization(call: &mut Call, edit: impl FnOnce(&str) -> String) {
    let value = edit(call.header_value("authorization").unwrap());
    call.replace_header("authorization", &value);
}

/// SigV4 written out, for what no SDK would sign: `extra` are signed headers that the call itself does not have (but for
/// `host`, which it gets).
fn sign_by_hand(mut call: Call, key: &KeyPair, extra: &[(&str, &str)], payload_hash: &str) -> Call {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    call.headers.push(("x-amz-date".to_owned(), date.clone()));
    let mut signed: Vec<(String, String)> = call.headers.clone();
    signed.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    signed.sort();
    let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines = signed.iter().fold(String::new(), |lines, (name, value)| lines + name + ":" + value + "\n");
    let path = call.target.replace('%', "%25");
    let canonical = format!("{}\n{path}\n\n{lines}\n{names}\n{payload_hash}", call.method);
    let scope = format!("{}/us-east-1/bedrock/aws4_request", &date[..8]);
    let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let signing_key = [&date[..8], "us-east-1", "bedrock", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", key.secret).into_bytes(), |key, part| mac(&key, part));
    let signature = hex::encode(mac(&signing_key, &to_sign));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        key.id
    );
    call.headers.push(("authorization".to_owned(), authorization));
    if let Some((_, value)) = extra.iter().find(|(name, _)| *name == "host") {
        call.replace_header("host", value);
    }
    call
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
