use super::*;

const MINIMAL: &str = "\
listen: { address: 127.0.0.1:8443, tls: { certificate: tls/server.pem, key: tls/server.key } }
upstream: { region: eu-central-1 }
policies: policies/
callers: callers.yaml
audit: { journal: data/audit.db }
";

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(&Source::new("warden.yaml", text), Path::new("/etc/warden"), &environment)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn paths_are_relative_to_the_file_and_endpoints_follow_the_region() {
    let config = parse(MINIMAL, &[]).unwrap();
    assert_eq!(config.policies, Path::new("/etc/warden/policies/"));
    assert_eq!(config.master_key, Path::new("/etc/warden/master.key"));
    assert_eq!(config.upstream.endpoint.to_string(), "https://bedrock-runtime.eu-central-1.amazonaws.com");
    assert_eq!(
        config.upstream.control_plane_endpoint.to_string(),
        "https://bedrock.eu-central-1.amazonaws.com"
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let config = parse(
        MINIMAL,
        &[
            ("WARDEN_LISTEN_ADDRESS", "127.0.0.1:0"),
            ("WARDEN_UPSTREAM_ENDPOINT", "https://127.0.0.1:9999"),
            ("WARDEN_CONFIG", "ignored"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.address.port(), 0);
    assert_eq!(config.upstream.endpoint.to_string(), "https://127.0.0.1:9999");
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_hint() {
    let text = "\
listen: { adress: 127.0.0.1:8443, tls: { certificate: a.pem } }
upstream:
  region: Frankfurt
  endpoint: http://bedrock.example
audit: { mode: relaxed, deadline: soon }
telemetry: {}
policies: [a, b]
";
    let mistakes = parse(text, &[("WARDEN_UPSTREAM_REGOIN", "x"), ("WARDEN_DRAIN", "never")]).unwrap_err();
    assert_eq!(
        mistakes,
        [
            "error: warden.yaml:6:1: unknown key `telemetry` in the configuration (known keys: listen, admin, upstream, policies, callers, master_key, environment, audit, limits, drain, log)",
            "error: warden.yaml:1:11: unknown key `adress` in listen (did you mean `address`?)",
            "error: warden.yaml:7:11: `policies` must be a single value",
            "error: environment:1:1: this variable names no configuration key (did you mean `WARDEN_UPSTREAM_REGION`?)",
            "error: warden.yaml:1:1: `listen.address` is missing (add it to the file, or set `WARDEN_LISTEN_ADDRESS`)",
            "error: warden.yaml:1:1: `listen.tls.key` is missing (add it to the file, or set `WARDEN_LISTEN_TLS_KEY`)",
            "error: warden.yaml:3:11: `upstream.region` must be a region such as `us-east-1`, not `Frankfurt`",
            "error: warden.yaml:4:13: `upstream.endpoint` must be `https`: prompts and credentials would cross the network in clear",
            "error: warden.yaml:1:1: `policies` is missing (add it to the file, or set `WARDEN_POLICIES`)",
            "error: warden.yaml:1:1: `callers` is missing (add it to the file, or set `WARDEN_CALLERS`)",
            "error: warden.yaml:1:1: `audit.journal` is missing (add it to the file, or set `WARDEN_AUDIT_JOURNAL`)",
            "error: warden.yaml:5:35: `audit.deadline` must be a duration such as `500ms`, `30s` or `5m`, not `soon`",
            "error: warden.yaml:5:16: `audit.mode` can only be `strict` in this version, not `relaxed`",
            "error: environment:1:1: `drain` must be a duration such as `500ms`, `30s` or `5m`, not `never`",
        ]
    );
}

#[test]
fn a_warden_never_calls_itself_and_never_listens_in_clear_beyond_loopback() {
    for own in ["https://127.0.0.1:8443", "https://localhost:8443"] {
        let mistakes = parse(MINIMAL, &[("WARDEN_UPSTREAM_ENDPOINT", own)]).unwrap_err();
        assert!(mistakes[0].contains("is the warden's own listener"), "{mistakes:?}");
    }
    let mistakes = parse(MINIMAL, &[("WARDEN_LISTEN_PLAIN_ADDRESS", "0.0.0.0:8080")]).unwrap_err();
    assert!(mistakes[0].contains("must be on a loopback address"), "{mistakes:?}");
}

#[test]
fn endpoints_are_origins() {
    for (text, accepted) in [
        ("https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", true),
        ("https://[::1]:9000", true),
        ("http://127.0.0.1:9000", true),
        ("https://user:pass@host", false),
        ("https://host/base", false),
        ("https://host?query", false),
        ("ftp://host", false),
        ("host:443", false),
        ("", false),
    ] {
        assert_eq!(endpoint(text).is_ok(), accepted, "{text}");
    }
    let shown = |text: &str| endpoint(text).unwrap().to_string();
    assert_eq!(shown("https://host:443"), "https://host");
    assert_eq!(shown("https://host:8443/"), "https://host:8443");
}
