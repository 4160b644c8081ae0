#![expect(clippy::format_push_string, reason = "what a printer of tests allocates is no matter")]

use proptest::prelude::*;

use super::*;

/// Keys in the order of the alphabet at every place.
#[derive(Debug, Clone, Copy)]
struct Alphabet;

impl Order for Alphabet {
    fn keys(self) -> Vec<&'static str> {
        vec!["a", "b", "c", "d", "e"]
    }

    fn under(self, _: &str) -> Self {
        self
    }
}

#[track_caller]
fn laid_out(text: &str) -> String {
    let source = Source::new("file.yaml", text);
    let once = formatted(&source, Alphabet).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let twice = formatted(&Source::new("file.yaml", once.as_str()), Alphabet);
    assert_eq!(twice.as_deref(), Ok(once.as_str()), "laid out twice:\n{text}");
    once
}

#[test]
fn files_get_one_layout_and_say_the_same() {
    let long = "x".repeat(60);
    let table = [
        // Keys in their order, unknown ones at the end as they stood.
        ("b: 1\nz: 2\na: 3\ny: 4\n", "a: 3\nb: 1\nz: 2\ny: 4\n"),
        // Indentation, spaces, blank lines, document markers.
        (
            "---\na:\n- 1\n-   2\n\n\n\nb:  {c: 1,d: [ 2,3 ]}\n...\n",
            "a:\n  - 1\n  - 2\n\nb: { c: 1, d: [2, 3] }\n",
        ),
        // Flow style stays flow, blocks stay blocks, and what is too long is broken up.
        ("a: [\n  1,\n  2\n]\nb:\n  c: 1\n", "a: [1, 2]\nb:\n  c: 1\n"),
        (
            &format!("- {{b: [{long}], a: {long}}}\n- {{}}\n"),
            &format!("- a: {long}\n  b: [{long}]\n- {{}}\n"),
        ),
        // Comments: the head stays, those above and behind an entry move with it, those below stay below.
        ("# head\n# more\nb: 1 # one\n# about a\na: 2\n", "# head\n# more\n# about a\na: 2\nb: 1  # one\n"),
        (
            "a:   # the list\n  - b: 1\n  # off:\n  #   - c\n\n# next\nb: 2\n# end\n",
            "a:  # the list\n  - b: 1\n  # off:\n  #   - c\n\n# next\nb: 2\n# end\n",
        ),
        ("a:\n- 1\n# about b\nb: 2\n", "a:\n  - 1\n# about b\nb: 2\n"),
        ("a: [1, # one\n    2]\n", "a:\n  - 1  # one\n  - 2\n"),
        ("- b: 1\n  # why\n  a: 2\n", "# why\n- a: 2\n  b: 1\n"),
        // Texts over several lines.
        ("a: |\n    one\n      two\nb: 1\n", "a: |\n  one\n    two\nb: 1\n"),
        ("- a: >-  # why\n        one\n        two\n", "- a: >-  # why\n    one\n    two\n"),
        ("a: one\n  two\nb: 'one\n\n  two'\n", "a: one two\nb: \"one\\ntwo\"\n"),
        ("a: |2\n   x\n", "a: \" x\\n\"\n"),
        ("\"a\": 'it''s'\nb:\nc: ~\n", "\"a\": 'it''s'\nb:\nc: ~\n"),
    ];
    for (text, expected) in table {
        assert_eq!(laid_out(text), expected, "{text}");
    }
}

#[test]
fn a_file_with_a_mistake_is_left_alone() {
    for text in ["a: [1\n", "a: 1\na: 2\n", "a: &x 1\n", ""] {
        let result = formatted(&Source::new("file.yaml", text), Alphabet);
        assert_eq!(result, Err(LayoutError::Unreadable), "{text:?}");
    }
}

/// A value, spelled in flow style or as a block.
#[derive(Debug, Clone)]
enum Spelled {
    Word(&'static str),
    List(bool, Vec<Spelled>),
    Pairs(bool, Vec<(&'static str, Spelled)>),
}

fn spelled() -> impl Strategy<Value = Spelled> {
    let words = [
        "x",
        "\"q: # no\"",
        "'it''s'",
        "12",
        "true",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "\"*\"",
        "a b c d e f g h i j",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(Spelled::Word);
    word.prop_recursive(4, 40, 5, |inner| {
        let keys = prop::sample::subsequence(vec!["e", "z", "a", "y", "c"], 1..5).prop_shuffle();
        let pairs = (any::<bool>(), keys, prop::collection::vec(inner.clone(), 5));
        prop_oneof![
            (any::<bool>(), prop::collection::vec(inner, 1..4))
                .prop_map(|(flow, list)| Spelled::List(flow, list)),
            pairs.prop_map(|(flow, keys, values)| Spelled::Pairs(
                flow,
                keys.into_iter().zip(values).collect()
            )),
        ]
    })
}

impl Spelled {
    fn flow(&self) -> String {
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::List(_, list) => {
                format!("[{}]", list.iter().map(Self::flow).collect::<Vec<_>>().join(" , "))
            }
            Self::Pairs(_, pairs) => {
                let pairs = pairs.iter().map(|(key, value)| format!("{key}:  {}", value.flow()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Lines without a line break at the end of the one before. `noise` says what is written between entries.
    fn write(&self, out: &mut String, indent: usize, noise: &mut impl Iterator<Item = u8>) {
        let entries: Vec<(String, &Self)> = match self {
            Self::Word(_) | Self::List(true, _) | Self::Pairs(true, _) => {
                return out.push_str(&format!(" {}", self.flow()));
            }
            Self::List(false, list) => list.iter().map(|value| ("-".to_owned(), value)).collect(),
            Self::Pairs(false, pairs) => {
                pairs.iter().map(|(key, value)| (format!("{key}:"), value)).collect()
            }
        };
        for (before, value) in entries {
            match noise.next().unwrap_or_default() % 8 {
                0 => out.push_str(" # behind"),
                1 => out.push_str(&format!("\n{:indent$}# above", "")),
                2 => out.push_str("\n\n# far left\n"),
                3 => out.push_str(&format!("\n\n\n{:1$}# inside\n", "", indent + 4)),
                4 => out.push('\n'),
                _ => {}
            }
            out.push_str(&format!("\n{:indent$}{before}", ""));
            value.write(out, indent + 2 + usize::from(noise.next().unwrap_or_default() % 2), noise);
        }
    }
}

proptest! {
    #[test]
    fn a_layout_is_final_and_loses_nothing(
        keys in prop::sample::subsequence(vec!["b", "a", "z", "d"], 1..4).prop_shuffle(),
        values in prop::collection::vec(spelled(), 4),
        noise in prop::collection::vec(any::<u8>(), 64),
    ) {
        let root = Spelled::Pairs(false, keys.into_iter().zip(values).collect());
        let mut text = String::from("# head");
        root.write(&mut text, 0, &mut noise.into_iter());
        let text = format!("{text} # last\n");
        let source = Source::new("file.yaml", text.as_str());
        prop_assume!(tree(&source).is_ok());
        let once = formatted(&source, Alphabet);
        prop_assert!(once.is_ok(), "{once:?}\n{text}");
        let once = once.unwrap();
        let twice = formatted(&Source::new("file.yaml", once.as_str()), Alphabet).unwrap();
        prop_assert_eq!(&once, &twice, "\nwritten:\n{}", text);
    }
}
