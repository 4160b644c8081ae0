use super::*;

pub(super) const MINIMAL: &str = "\
listen: { address: 127.0.0.1:8443, tls: { certificate: tls/server.pem, key: tls/server.key } }
upstream: { region: eu-central-1 }
policies: policies/
callers: callers.yaml
audit: { journal: data/audit.db }
";

pub(super) fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(&Source::new("warden.yaml", text), Path::new("/etc/warden"), &environment)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn paths_are_relative_to_the_file_and_endpoints_follow_the_region() {
    let config = parse(MINIMAL, &[]).unwrap();
    assert_eq!(config.policies, Policies::Folder("/etc/warden/policies/".into()));
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
fn names_are_looked_behind_again_after_a_minute_or_what_is_said() {
    let recheck = |value: &str| {
        let config = parse(MINIMAL, &[("WARDEN_UPSTREAM_RECHECK", value)]);
        config.map(|config| config.upstream.recheck).map_err(|mistakes| mistakes.concat())
    };
    assert_eq!(parse(MINIMAL, &[]).unwrap().upstream.recheck, Duration::from_mins(1));
    assert_eq!(recheck("5m"), Ok(Duration::from_mins(5)));
    assert!(recheck("301s").unwrap_err().contains("must be at most `5m`"));
    assert!(recheck("0s").is_err());
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_hint() {
    let text = "\
listen: { adress: 127.0.0.1:8443, tls: { certificate: a.pem } }
upstream:
  region: Frankfurt
  endpoint: http://bedrock.example
audit: { mode: relaxed, deadline: soon }
console: {}
policies: [a, b]
";
    let mistakes = parse(text, &[("WARDEN_UPSTREAM_REGOIN", "x"), ("WARDEN_DRAIN", "never")]).unwrap_err();
    assert_eq!(
        mistakes,
        [
            "error: warden.yaml:6:1: unknown key `console` in the configuration (known keys: listen, admin, upstream, policies, policies_sha256, callers, master_key, environment, audit, quotas, limits, drain, log, telemetry)",
            "error: warden.yaml:1:11: unknown key `adress` in listen (did you mean `address`?)",
            "error: warden.yaml:7:11: policies must be a mapping (`key: value`)",
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
    let role = ("WARDEN_UPSTREAM_ASSUME_ROLE_ARN", "arn:aws:iam::111122223333:role/bedrock");
    let own = ("WARDEN_UPSTREAM_ASSUME_ROLE_ENDPOINT", "https://localhost:8443");
    let mistakes = parse(MINIMAL, &[role, own]).unwrap_err();
    assert!(mistakes[0].contains("`upstream.assume_role.endpoint` is the warden's own"), "{mistakes:?}");
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

fn telemetry(section: &str, environment: &[(&str, &str)]) -> Telemetry {
    parse(&format!("{MINIMAL}{section}"), environment).unwrap().telemetry
}

#[test]
fn a_section_turns_telemetry_on_and_needs_no_keys() {
    let silent = telemetry("", &[]);
    assert!(silent.prometheus && silent.cloudwatch.is_none() && silent.otlp.is_none());

    let all = telemetry("telemetry: { cloudwatch: {}, otlp: {}, prometheus: false }\n", &[]);
    assert!(!all.prometheus && all.otlp.is_some());
    let cloudwatch = all.cloudwatch.unwrap();
    assert_eq!((cloudwatch.namespace.as_str(), cloudwatch.series), ("BedrockWarden", 500));
    assert_eq!(cloudwatch.deployment, "default");
    assert_eq!(cloudwatch.way, CloudWatchWay::PutMetricData { endpoint: None });

    let emf = telemetry("telemetry: { cloudwatch: { mode: emf, agent: 127.0.0.1:25888 } }\n", &[]);
    let agent = EmfOutput::Agent("127.0.0.1:25888".parse().unwrap());
    assert_eq!(emf.cloudwatch.unwrap().way, CloudWatchWay::EmbeddedMetricFormat(agent));
    assert!(telemetry("telemetry: { cloudwatch: { mode: off } }\n", &[]).cloudwatch.is_none());
}

#[test]
fn telemetry_is_turned_on_by_the_environment_alone() {
    let cloudwatch = telemetry("", &[("WARDEN_TELEMETRY_CLOUDWATCH_MODE", "emf")]).cloudwatch.unwrap();
    assert_eq!(cloudwatch.way, CloudWatchWay::EmbeddedMetricFormat(EmfOutput::Stdout));
    let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    assert!(telemetry("", &[collector]).otlp.is_some());
    assert!(telemetry("", &[collector, ("OTEL_SDK_DISABLED", "TRUE")]).otlp.is_none());
    assert!(telemetry("", &[collector, ("WARDEN_TELEMETRY_OTLP_ENABLED", "false")]).otlp.is_none());
}

#[test]
fn opentelemetry_is_configured_by_its_own_variables() {
    let read = |variables: &[(&str, &str)]| telemetry("telemetry: { otlp: {} }\n", variables).otlp.unwrap();
    let otlp = read(&[("OTEL_TRACES_SAMPLER", ""), ("OTEL_EXPORTER_OTLP_TIMEOUT", " ")]);
    let (traces, metrics) = (otlp.traces.unwrap(), otlp.metrics.unwrap());
    assert_eq!(traces.url, "http://localhost:4318/v1/traces");
    assert_eq!(metrics.url, "http://localhost:4318/v1/metrics");
    assert_eq!((traces.timeout, traces.gzip), (Duration::from_secs(10), false));
    assert_eq!(otlp.sampler, Sampler { follow_parent: true, share: 1.0 });
    assert_eq!(otlp.batches, Batches { queue: 2048, size: 512, delay: Duration::from_secs(5) });
    assert_eq!((otlp.interval, otlp.service_name.as_str()), (Duration::from_mins(1), "bedrock-warden"));

    let otlp = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://all:4318/base/"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics/as/it/is/"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name = among others ,c=d"),
    ]);
    let (traces, metrics) = (otlp.traces.unwrap(), otlp.metrics.unwrap());
    assert_eq!(traces.url, "https://all:4318/base/v1/traces");
    assert_eq!(metrics.url, "http://metrics/as/it/is/");
    assert_eq!((traces.timeout, metrics.timeout), (Duration::from_secs(1), Duration::from_secs(2)));
    assert_eq!((traces.gzip, metrics.gzip), (true, false));
    assert_eq!(otlp.batches, Batches { queue: 10, size: 10, delay: Duration::from_secs(5) });
    assert_eq!(otlp.interval, Duration::from_millis(1500));
    assert_eq!(otlp.sampler, Sampler { follow_parent: false, share: 0.25 });
    assert_eq!(otlp.service_name, "among others");

    let otlp = read(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics/"),
        ("WARDEN_TELEMETRY_OTLP_ENDPOINT", "http://ours:1"),
        ("OTEL_SERVICE_NAME", "named"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=among others"),
    ]);
    assert!(otlp.traces.is_none(), "and what is said of it does not matter");
    assert_eq!(
        (otlp.metrics.unwrap().url.as_str(), otlp.service_name.as_str()),
        ("http://ours:1/v1/metrics", "named")
    );
}

#[test]
fn samplers_are_those_of_the_standard() {
    for (name, argument, sampler) in [
        ("always_on", "0.5", Some((false, 1.0))),
        ("always_off", "", Some((false, 0.0))),
        ("traceidratio", "", Some((false, 1.0))),
        ("parentbased_always_on", "", Some((true, 1.0))),
        ("parentbased_always_off", "", Some((true, 0.0))),
        ("parentbased_traceidratio", "0.125", Some((true, 0.125))),
        ("parentbased_jaeger_remote", "", None),
        ("xray", "", None),
        ("traceidratio", "1.5", None),
        ("traceidratio", "NaN", None),
    ] {
        let variables = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        let read = parse(&format!("{MINIMAL}telemetry: {{ otlp: {{}} }}\n"), &variables);
        let read = read.ok().map(|config| config.telemetry.otlp.unwrap().sampler);
        let expected = sampler.map(|(follow_parent, share)| Sampler { follow_parent, share });
        assert_eq!(read, expected, "{name} {argument}");
    }
}

#[test]
fn what_opentelemetry_would_ignore_in_silence_is_a_mistake() {
    for (name, value, mistake) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be `http/protobuf`, not `grpc`"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "must be `http/protobuf`"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "must be `gzip` or `none`"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318", "must be a URL"),
        ("OTEL_TRACES_EXPORTER", "console", "must be `otlp` or `none`"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s", "must be milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "must be milliseconds"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "must be a whole number"),
    ] {
        let mistakes =
            parse(&format!("{MINIMAL}telemetry: {{ otlp: {{}} }}\n"), &[(name, value)]).unwrap_err();
        assert!(mistakes.iter().any(|line| line.contains(name) && line.contains(mistake)), "{mistakes:?}");
        let off = [(name, value), ("WARDEN_TELEMETRY_OTLP_ENABLED", "false")];
        assert!(telemetry("", &off).otlp.is_none());
    }
}

#[test]
fn telemetry_and_attribution_are_checked_before_anything_starts() {
    for (section, mistake) in [
        ("telemetry: { cloudwatch: { namespace: AWS/Bedrock } }", "must not begin with `AWS/`"),
        ("telemetry: { cloudwatch: { namespace: a b } }", "must be 1 to 255 letters"),
        ("telemetry: { cloudwatch: { interval: 100ms } }", "must be between `1s` and `1h`"),
        ("telemetry: { cloudwatch: { series: 49 } }", "must be a whole number from 50 to 10000"),
        ("telemetry: { cloudwatch: { mode: push } }", "must be `put-metric-data`, `emf` or `off`"),
        ("telemetry: { prometheus: yes }", "must be `true` or `false`"),
        ("telemetry: { otlp: { endpoint: 127.0.0.1 } }", "must be a URL such as"),
        ("telemetry: { otlp: { endpoint: 'http://user:pass@host' } }", "must be a URL such as"),
    ] {
        let mistakes = parse(&format!("{MINIMAL}{section}\n"), &[]).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains(mistake), "{section}: {mistakes:?}");
    }
    let role = "WARDEN_UPSTREAM_ASSUME_ROLE_ARN";
    for (variables, mistake) in [
        (&[("WARDEN_UPSTREAM_ASSUME_ROLE_DURATION", "1h")][..], "`upstream.assume_role.arn` is missing"),
        (&[(role, "arn:aws:iam::1:role/x")], "must be the ARN of a role"),
        (&[(role, "arn:aws:iam::111122223333:user/x")], "must be the ARN of a role"),
        (
            &[(role, "arn:aws:iam::111122223333:role/x"), ("WARDEN_UPSTREAM_ASSUME_ROLE_DURATION", "1m")],
            "must be between `15m` and `12h`",
        ),
    ] {
        let mistakes = parse(MINIMAL, variables).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains(mistake), "{variables:?}: {mistakes:?}");
    }
    let config = parse(MINIMAL, &[(role, "arn:aws-cn:iam::111122223333:role/team/bedrock")]).unwrap();
    assert_eq!(
        config.upstream.assume_role.unwrap().endpoint.to_string(),
        "https://sts.eu-central-1.amazonaws.com"
    );
}

#[test]
fn paths_before_paths_have_one_spelling() {
    use super::values::{base_path, endpoint, endpoint_below};
    for path in ["/bedrock", "/a/b-c_d.e~f", "/..a"] {
        assert_eq!(base_path(path).as_deref(), Ok(path));
        let endpoint = endpoint_below(&format!("https://gateway.example{path}")).unwrap();
        assert_eq!(endpoint.to_string(), format!("https://gateway.example{path}"));
        assert_eq!(endpoint.uri("/model/m/converse").unwrap().path(), format!("{path}/model/m/converse"));
        assert!(
            super::values::endpoint(&format!("https://gateway.example{path}")).is_err(),
            "only Bedrock's"
        );
    }
    for path in
        ["", "/", "bedrock", "/a/", "//a", "/a//b", "/a/../b", "/.", "/a%2Fb", "/a?b", "/a#b", "/a b", "/a;b"]
    {
        assert!(base_path(path).is_err(), "{path}");
    }
    for whole in ["https://gateway.example", "https://gateway.example/"] {
        assert_eq!(endpoint_below(whole).unwrap().to_string(), endpoint(whole).unwrap().to_string());
    }
    for wrong in
        ["https://gateway.example/a/", "http://gateway.example/a", "https://u@gateway.example/a", "/a", "a/b"]
    {
        assert!(endpoint_below(wrong).is_err(), "{wrong}");
    }
}
