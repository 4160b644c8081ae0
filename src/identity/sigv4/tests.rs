use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    map
}

fn header_line(name: &str, pairs: &[(&str, &str)], authority: Option<&str>) -> Option<String> {
    let headers = headers(pairs);
    let request = Request { method: &Method::GET, target: "/", headers: &headers, authority };
    let text = canonical_request(&request, &[name.to_owned()], "").ok()?;
    String::from_utf8(text).unwrap().lines().nth(3).map(str::to_owned)
}

#[test]
fn the_authorization_header_is_read_in_any_order_and_spacing() {
    let signature = "0123456789abcdef".repeat(4);
    let credential = "Credential=AKIAEXAMPLE/20261124/eu-west-1/bedrock/aws4_request";
    let spellings = [
        format!("{ALGORITHM} {credential}, SignedHeaders=:authority;x-amz-date, Signature={signature}"),
        format!("{ALGORITHM} SignedHeaders=:authority;x-amz-date,Signature={signature},{credential}"),
        format!("{ALGORITHM}  Signature={signature},   {credential},SignedHeaders=:authority;x-amz-date "),
    ];
    for spelling in spellings {
        let parsed = Authorization::parse(&spelling).unwrap();
        assert_eq!(parsed.access_key_id, "AKIAEXAMPLE");
        assert_eq!(parsed.scope.to_string(), "20261124/eu-west-1/bedrock/aws4_request");
        assert!(parsed.signs(":authority") && parsed.signs("x-amz-date") && !parsed.signs("host"));
        assert_eq!(parsed.signature.to_hex(), signature);
        assert!(!format!("{parsed:?}").contains(&signature), "a signature must not be shown");
    }
}

#[test]
fn an_authorization_header_written_any_other_way_is_refused() {
    let valid = format!(
        "{ALGORITHM} Credential=AKIAEXAMPLE/20261124/eu-west-1/bedrock/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}",
        "ab".repeat(32)
    );
    assert!(Authorization::parse(&valid).is_ok());
    let cases = [
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA1 ", AuthorizationError::Algorithm),
        ("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 ", AuthorizationError::Algorithm),
        ("AWS4-HMAC-SHA256 ", "aws4-hmac-sha256 ", AuthorizationError::Algorithm),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", AuthorizationError::Algorithm),
        ("Credential=", "credential=", AuthorizationError::Unknown),
        (", SignedHeaders", ", Extra=1, SignedHeaders", AuthorizationError::Unknown),
        (", SignedHeaders", ",, SignedHeaders", AuthorizationError::Unknown),
        (
            ", SignedHeaders=host;x-amz-date",
            ", Signature=00, SignedHeaders=host",
            AuthorizationError::Repeated("Signature"),
        ),
        (", SignedHeaders=host;x-amz-date", "", AuthorizationError::Missing("SignedHeaders")),
        ("/aws4_request", "/aws4", AuthorizationError::Credential),
        ("/aws4_request", "", AuthorizationError::Credential),
        ("/20261124/", "/2026112/", AuthorizationError::Credential),
        ("/20261124/", "/x/20261124/", AuthorizationError::Credential),
        ("AKIAEXAMPLE", "", AuthorizationError::Credential),
        ("host;x-amz-date", "x-amz-date;host", AuthorizationError::SignedHeaders),
        ("host;x-amz-date", "host;host;x-amz-date", AuthorizationError::SignedHeaders),
        ("host;x-amz-date", "Host;x-amz-date", AuthorizationError::SignedHeaders),
        ("host;x-amz-date", "host;;x-amz-date", AuthorizationError::SignedHeaders),
        ("host;x-amz-date", ":path;host", AuthorizationError::SignedHeaders),
        ("=abab", "=ABab", AuthorizationError::Signature),
        ("=abab", "=ab", AuthorizationError::Signature),
        ("=abab", "=ababab", AuthorizationError::Signature),
    ];
    for (from, to, expected) in cases {
        let changed = valid.replacen(from, to, 1);
        assert_ne!(changed, valid, "{from}");
        assert_eq!(Authorization::parse(&changed), Err(expected), "{changed}");
    }
}

#[test]
fn the_wire_path_is_encoded_once_more() {
    let cases = [
        ("/model/anthropic.claude-v2/invoke", "/model/anthropic.claude-v2/invoke"),
        ("/model/anthropic.claude-v2%3A1/invoke", "/model/anthropic.claude-v2%253A1/invoke"),
        ("/model/anthropic.claude-v2:1/invoke", "/model/anthropic.claude-v2%3A1/invoke"),
        ("/model/m;a=b/invoke", "/model/m%3Ba%3Db/invoke"),
        ("/a//b/./c/../d/", "/a/b/d/"),
        ("/..", "/"),
        ("/a/%2e%2e/b", "/a/%252e%252e/b"),
        ("", "/"),
    ];
    for (path, expected) in cases {
        assert_eq!(canonical_uri(path), expected, "{path}");
    }
}

#[test]
fn query_pairs_are_sorted_as_they_stand() {
    let cases = [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("flag", "flag="),
        (
            "byProvider=Stability%20AI&byOutputModality=TEXT",
            "byOutputModality=TEXT&byProvider=Stability%20AI",
        ),
        ("a=b=c", "a=b=c"),
    ];
    for (query, expected) in cases {
        assert_eq!(canonical_query(query), expected, "{query}");
    }
}

#[test]
fn header_values_are_trimmed_collapsed_and_joined() {
    let line = |name, pairs: &[(&str, &str)], authority| header_line(name, pairs, authority);
    assert_eq!(line("x-a", &[("X-A", "  one   two\t three ")], None).unwrap(), "x-a:one two three");
    assert_eq!(line("x-a", &[("x-a", "1"), ("x-a", " 2")], None).unwrap(), "x-a:1,2");
    assert_eq!(line("host", &[("host", "here")], None).unwrap(), "host:here");
    assert_eq!(line("host", &[], Some("there:8443")).unwrap(), "host:there:8443");
    assert_eq!(line(":authority", &[("host", "here")], Some("there")).unwrap(), ":authority:there");
    assert_eq!(line(":authority", &[("host", "here")], None), None);
    assert_eq!(line("x-a", &[], Some("there")), None);
}

/// The example of AWS's own documentation for signing keys and signatures.
#[test]
fn the_documented_example_is_reproduced() {
    let headers = headers(&[
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
    ]);
    let request = Request {
        method: &Method::GET,
        target: "/?Action=ListUsers&Version=2010-05-08",
        headers: &headers,
        authority: None,
    };
    let names = ["content-type", "host", "x-amz-date"].map(str::to_owned);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let canonical = canonical_request(&request, &names, empty).unwrap();
    let scope = Scope { date: "20150830".into(), region: "us-east-1".into(), service: "iam".into() };
    let text = string_to_sign("20150830T123600Z", &scope, &canonical);
    assert!(text.ends_with("f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"), "{text}");
    let signature = signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &scope, &text);
    assert_eq!(signature.to_hex(), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    let key = SigningKey::derive(SECRET, &scope);
    assert_ne!(key.sign(&text), signature, "another secret");
    assert_eq!(format!("{key:?} {signature:?}"), "SigningKey(..) Signature(..)");
}
