//! Texts as the formats of other programs want them: XML, annotations of GitHub's workflows, CSV.
//!
//! Receives any text, returns one that the format cannot take for its own syntax.

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Text for an attribute or element of XML 1.0, which has no control characters.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// An annotation of GitHub's workflow commands.
pub(super) fn github(level: &str, file: &str, line: &str, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} file={},line={line},title={}::{}", property(file), property(title), data(message))
}

/// A field of CSV. A spreadsheet takes what begins like a formula for one, so that such text is marked as text.
pub(super) fn csv(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let marked = if formula { format!("'{field}") } else { field.to_owned() };
    if formula || marked.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", marked.replace('"', "\"\""))
    } else {
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_taken_for_syntax() {
        assert_eq!(xml("a<b & \"c\"\u{7}"), "a&lt;b &amp; &quot;c&quot; ");
        assert_eq!(
            github("error", "a,b.yaml", "3", "x: y", "50%\nless"),
            "::error file=a%2Cb.yaml,line=3,title=x%3A y::50%25%0Aless"
        );
        let table = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-x", "\"'-x\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
        ];
        for (field, expected) in table {
            assert_eq!(csv(field), expected);
        }
    }
}
