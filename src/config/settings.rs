//! One key at a time, from the file or from the environment, with mistakes pointed at wherever they are.

use std::path::{Path, PathBuf};

use crate::yaml::{Diagnostics, Node, Reader, Source, Value, closest};

/// Every key there is, dotted. A scalar `a.b` is overridden by `WARDEN_A_B`.
const KEYS: &[&str] = &[
    "listen.address",
    "listen.tls.certificate",
    "listen.tls.key",
    "listen.plain.address",
    "listen.base_path",
    "admin.address",
    "upstream.region",
    "upstream.endpoint",
    "upstream.control_plane_endpoint",
    "upstream.agent_endpoint",
    "upstream.ca",
    "upstream.connect_timeout",
    "upstream.answer_timeout",
    "upstream.idle_timeout",
    "upstream.recheck",
    "upstream.assume_role.arn",
    "upstream.assume_role.external_id",
    "upstream.assume_role.duration",
    "upstream.assume_role.endpoint",
    "upstream.request_metadata",
    "policies",
    "policies.source",
    "policies.public_key",
    "policies.poll",
    "policies.endpoint",
    "policies.region",
    "policies_sha256",
    "callers",
    "master_key",
    "environment",
    "audit.journal",
    "audit.deadline",
    "audit.mode",
    "audit.content",
    "quotas.store",
    "limits.connections",
    "limits.body_bytes",
    "limits.buffered_bytes",
    "limits.answer_bytes",
    "limits.header_timeout",
    "limits.body_timeout",
    "drain",
    "log.format",
    "telemetry.prometheus",
    "telemetry.cloudwatch.mode",
    "telemetry.cloudwatch.namespace",
    "telemetry.cloudwatch.deployment",
    "telemetry.cloudwatch.interval",
    "telemetry.cloudwatch.series",
    "telemetry.cloudwatch.endpoint",
    "telemetry.cloudwatch.agent",
    "telemetry.otlp.enabled",
    "telemetry.otlp.endpoint",
];

/// Names that are ours but not keys: the file itself, on the command line.
const OTHER_VARIABLES: &[&str] = &["WARDEN_CONFIG"];

/// A value and where it was written.
struct Written {
    text: String,
    source: Source,
    span: std::ops::Range<usize>,
}

/// The file's tree with the environment laid over it.
pub struct Settings<'a> {
    source: &'a Source,
    root: Option<Node>,
    environment: &'a [(String, String)],
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Settings<'a> {
    /// Parses the file and reports keys and `WARDEN_…` variables that do not exist.
    pub fn open(
        source: &'a Source,
        environment: &'a [(String, String)],
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let root = source.parse(diagnostics);
        let mut settings = Self { source, root, environment, diagnostics };
        settings.check_keys();
        settings.check_variables();
        settings
    }

    fn check_keys(&mut self) {
        let Some(root) = self.root.take() else { return };
        let mut reader = Reader { source: self.source, diagnostics: self.diagnostics };
        check_section(&mut reader, &root, "");
        self.root = Some(root);
    }

    fn check_variables(&mut self) {
        let known: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
        for (name, value) in self.environment.iter().filter(|(name, _)| name.starts_with("WARDEN_")) {
            if known.contains(name) || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let unknown = in_environment(name, value);
            let diagnostic = unknown.source.error(unknown.span, "this variable names no configuration key");
            self.diagnostics.push(match closest(name, known.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("remove it, or rename it if it is not meant for bedrock-warden"),
            });
        }
    }

    /// A key that may be absent.
    pub fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let written = self.written(key)?;
        match parse(&written.text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.diagnostics.push(written.source.error(written.span, format!("`{key}` {reason}")));
                None
            }
        }
    }

    /// A key that must be there.
    pub fn required<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if self.written(key).is_none() {
            let message = format!("`{key}` is missing");
            self.diagnostics.push(
                self.source
                    .error(0..0, message)
                    .help(format!("add it to the file, or set `{}`", variable(key))),
            );
            return None;
        }
        self.optional(key, parse)
    }

    /// A required path, taken from `folder` when it is relative.
    pub fn path(&mut self, key: &str, folder: &Path) -> Option<PathBuf> {
        self.required(key, |text| Ok(folder.join(text)))
    }

    pub fn optional_path(&mut self, key: &str, folder: &Path) -> Option<PathBuf> {
        self.optional(key, |text| Ok(folder.join(text)))
    }

    /// Reports a value that is well-formed and cannot be used all the same.
    pub fn refuse(&mut self, key: &str, reason: &str) {
        let diagnostic = match self.written(key) {
            Some(written) => written.source.error(written.span, format!("`{key}` {reason}")),
            None => self.source.error(0..0, format!("`{key}` {reason}")),
        };
        self.diagnostics.push(diagnostic);
    }

    /// Reports a value that must not be shown.
    pub fn refuse_unseen(&mut self, key: &str, reason: &str) {
        self.diagnostics.push(self.source.error(0..0, format!("`{key}` {reason}")));
    }

    /// Whether `key` has a value of its own.
    pub fn is_written(&self, key: &str) -> bool {
        self.written(key).is_some()
    }

    /// Whether a key that can also be a value is a section, or any of the section's keys is set in the environment.
    pub fn has_section_of(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.value, Value::Mapping(_)))
            || self.has_variable_below(key)
    }

    /// Whether a section is there, if only empty, or any of its keys is set in the environment.
    pub fn has_section(&self, key: &str) -> bool {
        self.node(key).is_some() || self.has_variable_below(key)
    }

    fn has_variable_below(&self, key: &str) -> bool {
        let below = format!("{key}.");
        let mut keys = KEYS.iter().filter(|known| known.starts_with(&below));
        keys.any(|known| self.environment.iter().any(|(name, _)| *name == variable(known)))
    }

    /// Whether a variable of the environment begins with `prefix`.
    pub fn has_variable(&self, prefix: &str) -> bool {
        self.environment.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// Whether a variable that is not ours has a value, in any case.
    pub fn variable_is(&self, name: &str, value: &str) -> bool {
        self.environment.iter().any(|(known, set)| known == name && set.eq_ignore_ascii_case(value))
    }

    /// A variable that is a standard of others. Empty is unset, as that standard has it.
    pub fn standard<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (name, value) = self.set(name)?;
        match parse(value.trim()) {
            Ok(value) => Some(value),
            Err(reason) => {
                let written = in_environment(name, value);
                self.diagnostics.push(written.source.error(written.span, format!("`{name}` {reason}")));
                None
            }
        }
    }

    /// Whether a variable that is a standard of others has a value.
    pub fn has_standard(&self, name: &str) -> bool {
        self.set(name).is_some()
    }

    fn set(&self, name: &str) -> Option<&'a (String, String)> {
        self.environment.iter().find(|(known, value)| known == name && !value.trim().is_empty())
    }

    fn node(&self, key: &str) -> Option<&Node> {
        let mut node = self.root.as_ref()?;
        for part in key.split('.') {
            let Value::Mapping(entries) = &node.value else { return None };
            node = &entries.iter().find(|(key, _)| key.name == part)?.1;
        }
        Some(node)
    }

    fn written(&self, key: &str) -> Option<Written> {
        let name = variable(key);
        if let Some((_, value)) = self.environment.iter().find(|(known, _)| *known == name) {
            return Some(in_environment(&name, value));
        }
        let node = self.node(key)?;
        match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => {
                Some(Written { text: text.clone(), source: self.source.clone(), span: node.span.clone() })
            }
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }
}

/// Checks the members of one section against the keys below `prefix`.
fn check_section(reader: &mut Reader<'_>, node: &Node, prefix: &str) {
    let mut known: Vec<&str> = KEYS
        .iter()
        .filter_map(|key| key.strip_prefix(prefix))
        .filter_map(|rest| rest.split('.').next())
        .collect();
    known.dedup();
    let place = if prefix.is_empty() { "the configuration" } else { prefix.trim_end_matches('.') };
    let Some(mapping) = reader.mapping(node, place, &known) else { return };
    for (key, value) in mapping.entries() {
        let path = format!("{prefix}{}", key.name);
        let section = format!("{path}.");
        let scalar = matches!(value.value, Value::Scalar { .. }) && !value.is_null();
        // One key can be a value, or a section that says more.
        if scalar && KEYS.contains(&path.as_str()) {
            continue;
        }
        if KEYS.iter().any(|known| known.starts_with(&section)) {
            if !value.is_null() {
                check_section(reader, value, &section);
            }
        } else if KEYS.contains(&path.as_str()) && !scalar && !value.is_null() {
            reader.error(&value.span, format!("`{path}` must be a single value"));
        }
    }
}

/// `listen.tls.key` → `WARDEN_LISTEN_TLS_KEY`.
fn variable(key: &str) -> String {
    format!("WARDEN_{}", key.replace('.', "_").to_uppercase())
}

fn in_environment(name: &str, value: &str) -> Written {
    let source = Source::new("environment", format!("{name}={value}"));
    Written { text: value.to_owned(), span: 0..source.text.len(), source }
}
