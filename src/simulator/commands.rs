//! Lines of a prompt that steer the double: `say: TEXT`, `intervene: TEXT`, `simulate: NAME`.
//!
//! Receives the texts of a request and returns what stands after the colon. Lines, because they pass a proxy that
//! strips unknown headers, and because any client can write them. Pure.

/// How transcripts mark whose turn it is.
const TURNS: &[&str] = &["Human:", "User:"];

/// What follows `name: ` on the last line that begins so, exactly as it stands; the conversation's latest word counts.
pub fn last<'a>(texts: &'a [String], name: &str) -> Option<&'a str> {
    let lines = texts.iter().rev().flat_map(|text| text.lines().rev());
    lines.map(without_turn).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn without_turn(line: &str) -> &str {
    let line = line.trim_start();
    TURNS.iter().find_map(|turn| line.strip_prefix(turn)).map_or(line, str::trim_start)
}
