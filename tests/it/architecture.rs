//! Import directions and purity of the source tree, read from the source itself.
//!
//! In one crate nothing but this test stops a wrong `use`. Test modules are left out: they may know more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each room may import. A room that is not listed does not exist yet: add it, with as little as it needs.
const ALLOWED: &[(&str, &[&str])] = &[
    // Leaves: a clock, and the way YAML is read.
    ("clock", &[]),
    ("causes", &[]),
    ("yaml", &[]),
    // Certificates for this machine.
    ("tls", &["clock"]),
    // Pure knowledge.
    ("bedrock", &[]),
    ("sensitive", &["bedrock"]),
    ("identity", &["bedrock", "yaml", "clock"]),
    ("policy", &["sensitive", "bedrock", "identity", "yaml"]),
    // Effects.
    ("config", &["yaml", "clock"]),
    ("audit", &["policy", "sensitive", "bedrock", "identity", "config", "clock"]),
    // Files that somebody signed.
    ("bundle", &["yaml", "clock"]),
    // Of the record its plain data, of the detectors their names.
    ("telemetry", &["audit", "sensitive", "bedrock", "config", "causes", "clock", "tls"]),
    ("permit", &["policy", "audit"]),
    // Of policies what counts and how far, of the record what was counted before.
    ("quota", &["policy", "audit", "config", "clock"]),
    // Of identity, the proven principal that a session is made for.
    ("upstream", &["permit", "policy", "audit", "identity", "bedrock", "config", "causes", "clock", "tls"]),
    // Bundles from elsewhere: the warden's own credentials, and one host.
    ("fetch", &["bundle", "upstream", "config", "causes", "clock", "tls", "yaml"]),
    (
        "proxy",
        &[
            "permit",
            "quota",
            "upstream",
            "audit",
            "policy",
            "sensitive",
            "bedrock",
            "identity",
            "config",
            "clock",
            "telemetry",
            "yaml",
        ],
    ),
    (
        "server",
        &[
            "bundle",
            "fetch",
            "proxy",
            "tls",
            "permit",
            "quota",
            "upstream",
            "audit",
            "policy",
            "sensitive",
            "bedrock",
            "identity",
            "config",
            "clock",
            "telemetry",
            "yaml",
        ],
    ),
    (
        "console",
        &["proxy", "audit", "policy", "sensitive", "bedrock", "identity", "config", "clock", "telemetry"],
    ),
    // The double of Bedrock knows the wire and nothing of the warden.
    ("simulator", &["bedrock", "identity", "clock", "yaml", "tls"]),
    // The command line may know everybody.
    (
        "cli",
        &[
            "bundle",
            "server",
            "console",
            "proxy",
            "permit",
            "quota",
            "upstream",
            "audit",
            "policy",
            "sensitive",
            "bedrock",
            "identity",
            "config",
            "clock",
            "telemetry",
            "simulator",
            "tls",
            "yaml",
        ],
    ),
];

/// Rooms that decide: no I/O, no clock, no environment, no log.
const PURE: &[&str] = &["bedrock", "policy", "sensitive"];

const IMPURE: &[&str] = &[
    "tokio",
    "sqlx",
    "tracing",
    "hyper",
    "std::env",
    "std::fs",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "crate::clock",
    "println",
];

/// A source file: its room, its place, its code without comments and tests.
struct File {
    room: String,
    path: PathBuf,
    code: String,
}

#[test]
fn imports_point_one_way() {
    let mut wrong = BTreeSet::new();
    for file in files() {
        let allowed = ALLOWED.iter().find(|(room, _)| *room == file.room);
        let Some((_, allowed)) = allowed else {
            wrong.insert(format!("{}: the room `{}` is not in the table", file.path.display(), file.room));
            continue;
        };
        for import in imports(&file.code) {
            if import != file.room && !allowed.contains(&import.as_str()) {
                wrong.insert(format!("{}: `{}` must not import `{import}`", file.path.display(), file.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rooms_that_decide_are_pure() {
    let mut wrong = BTreeSet::new();
    for file in files().iter().filter(|file| PURE.contains(&file.room.as_str())) {
        for word in IMPURE.iter().filter(|word| mentions(&file.code, word)) {
            wrong.insert(format!("{}: mentions `{word}`", file.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_no_circles() {
    let mut left: Vec<_> = ALLOWED.to_vec();
    while !left.is_empty() {
        let names: BTreeSet<_> = left.iter().map(|(room, _)| *room).collect();
        let before = left.len();
        left.retain(|(_, imports)| imports.iter().any(|import| names.contains(import)));
        assert!(left.len() < before, "{left:?} import each other");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = files()
        .into_iter()
        .filter(|file| !std::fs::read_to_string(&file.path).unwrap().starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn the_reader_of_imports_reads_them() {
    let code = "use crate::audit::Journal;\nuse crate::{bedrock::Operation, policy};\nfn f() { crate::clock::now() }\n\
                pub(crate) use crate::{\n    yaml::{Node, Source},\n    identity,\n};\n";
    let expected = ["audit", "bedrock", "clock", "identity", "policy", "yaml"];
    assert_eq!(imports(code), expected.into_iter().map(str::to_owned).collect());
}

/// Names of the rooms that `code` names after `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(rooms.insert(word(rest))),
            Some(group) => rooms.extend(members(group)),
        }
    }
    rooms.retain(|room| room.starts_with(|first: char| first.is_ascii_lowercase()));
    rooms
}

/// First words of the members of a `{…}` group whose opening brace was read.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut found, mut start) = (0, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && depth == 0 && !character.is_whitespace() => {
                found.push(word(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect()
}

/// Whether `code` has `needle` as a path or word of its own.
fn mentions(code: &str, needle: &str) -> bool {
    let inside = |character: char| character.is_ascii_alphanumeric() || character == '_';
    code.match_indices(needle).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + needle.len()..]);
        !before.ends_with(inside) && !after.starts_with(inside)
    })
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    assert!(paths.len() > 10, "the source tree is not where it is looked for");
    paths.into_iter().filter_map(|path| read(&root, path)).collect()
}

fn read(root: &Path, path: PathBuf) -> Option<File> {
    let inside = path.strip_prefix(root).unwrap();
    let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
    let first = parts[0].trim_end_matches(".rs");
    // The two roots declare the rooms and start the command line.
    if matches!(first, "main" | "lib") || parts.iter().any(|part| matches!(*part, "tests" | "tests.rs")) {
        return None;
    }
    // A test module in a file of its own is one line; one in place is the end of its file.
    let source = std::fs::read_to_string(&path).unwrap().replace("#[cfg(test)]\nmod tests;", "");
    let product = source.split("#[cfg(test)]").next().unwrap();
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    Some(File {
        room: first.to_owned(),
        code: code.fold(String::new(), |code, line| code + line + "\n"),
        path,
    })
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}
