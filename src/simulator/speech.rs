//! What the double says: from everything a request lets the model read to the text it answers.
//!
//! Receives a [`Prompt`] and returns a [`Completion`] that follows from it alone. A line `say: TEXT` in the prompt
//! makes the answer exactly TEXT; `say-base64: …` does the same for a text that holds line breaks, or that must not
//! stand in the prompt as it is. Otherwise the answer is prose without meaning. Either way the token limit and the
//! stop sequences are honoured. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::commands;
use super::random::Random;

/// One token, for want of a tokeniser.
const TOKEN_CHARACTERS: usize = 4;

/// The limit of a request that sets none.
const DEFAULT_MAX_TOKENS: usize = 4096;

/// What a request gives to the model, whatever its family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Every text that the model reads, in order.
    pub texts: Vec<String>,
    pub max_tokens: Option<usize>,
    pub stop_sequences: Vec<String>,
    /// How many answers are wanted; 0 means one.
    pub answers: usize,
}

/// Why an answer ends where it ends. Each family has its own word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    End,
    Length,
    Sequence(String),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    pub stop: Stop,
    pub tokens: usize,
}

impl Prompt {
    /// A prompt of one text.
    pub fn of(text: &str) -> Self {
        Self { texts: vec![text.to_owned()], ..Self::default() }
    }

    pub fn tokens(&self) -> usize {
        self.texts.iter().map(|text| tokens(text)).sum()
    }

    /// The sequence of chance that belongs to this prompt and `model`.
    pub fn random(&self, model: &str) -> Random {
        let texts = self.texts.iter().map(String::as_str);
        Random::of(&std::iter::once(model).chain(texts).collect::<Vec<_>>())
    }

    /// As many answers as are wanted.
    pub fn complete(&self, random: &mut Random) -> Vec<Completion> {
        (0..self.answers.max(1)).map(|_| self.complete_once(random)).collect()
    }

    fn complete_once(&self, random: &mut Random) -> Completion {
        let text = self.dictated().unwrap_or_else(|| prose(random));
        let limit = self.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS).saturating_mul(TOKEN_CHARACTERS);
        let limit = text.char_indices().nth(limit).map(|(at, _)| at);
        let sequence = self.stop_sequences.iter().filter(|sequence| !sequence.is_empty());
        let sequence = sequence.filter_map(|sequence| text.find(sequence).map(|at| (at, sequence))).min();
        let (end, stop) = match (limit, sequence) {
            (limit, Some((at, sequence))) if limit.is_none_or(|limit| at <= limit) => {
                (at, Stop::Sequence(sequence.clone()))
            }
            (Some(limit), _) => (limit, Stop::Length),
            (None, _) => (text.len(), Stop::End),
        };
        let text = text.get(..end).unwrap_or_default().to_owned();
        Completion { tokens: tokens(&text), text, stop }
    }

    /// The text that the prompt dictates, if it does.
    pub fn dictated(&self) -> Option<String> {
        if let Some(text) = commands::last(&self.texts, "say") {
            return Some(text.to_owned());
        }
        let encoded = commands::last(&self.texts, "say-base64")?;
        STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// About how many tokens a text has.
pub fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(TOKEN_CHARACTERS)
}

/// Cuts a text into the pieces of a stream: of uneven length, within words and numbers, never within a character.
pub fn pieces(text: &str, random: &mut Random) -> Vec<String> {
    const LONGEST: usize = 9;
    let mut characters = text.chars();
    let mut pieces = Vec::new();
    loop {
        let length = 1 + random.below(LONGEST);
        let piece: String = characters.by_ref().take(length).collect();
        if piece.is_empty() {
            return pieces;
        }
        pieces.push(piece);
    }
}

fn prose(random: &mut Random) -> String {
    let sentences = 3 + random.below(3);
    (0..sentences).map(|_| sentence(random)).collect::<Vec<_>>().join(" ")
}

fn sentence(random: &mut Random) -> String {
    let words = 6 + random.below(7);
    let words: Vec<&str> = (0..words).filter_map(|_| WORDS.get(random.below(WORDS.len())).copied()).collect();
    let mut sentence = words.join(" ");
    // INVARIANT: the words are ASCII, so the first byte is the first character.
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence + "."
}

const WORDS: &[&str] = &[
    "a", "about", "after", "against", "air", "along", "always", "and", "around", "before", "below",
    "between", "bright", "calm", "careful", "change", "clear", "cloud", "common", "deep", "distance",
    "early", "even", "every", "field", "follows", "from", "garden", "gentle", "ground", "harbour", "however",
    "into", "lantern", "light", "long", "many", "measure", "meets", "morning", "narrow", "near", "open",
    "over", "path", "patient", "plain", "quiet", "rain", "returns", "river", "road", "season", "shadow",
    "shape", "simple", "slow", "small", "some", "stone", "the", "their", "through", "toward", "tree",
    "under", "until", "valley", "water", "weather", "when", "wide", "wind", "with",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(prompt: &Prompt) -> Completion {
        prompt.complete(&mut prompt.random("model")).remove(0)
    }

    #[test]
    fn an_answer_follows_from_the_prompt() {
        let (left, right) = (Prompt::of("What is rain?"), Prompt::of("What is wind?"));
        assert_eq!(answer(&left), answer(&left));
        assert_ne!(answer(&left).text, answer(&right).text);
        assert_eq!(answer(&left).stop, Stop::End);
    }

    #[test]
    fn a_dictated_answer_is_exact() {
        let cases = [
            ("say: Grüße, 4111 1111", "Grüße, 4111 1111"),
            ("Hello\nsay: one \nsay: two ", "two "),
            ("\n\nHuman: say: hi\n\nAssistant:", "hi"),
            ("say-base64: YQpi", "a\nb"),
        ];
        for (prompt, expected) in cases {
            assert_eq!(answer(&Prompt::of(prompt)).text, expected, "{prompt}");
        }
    }

    #[test]
    fn limits_and_stop_sequences_end_an_answer_at_whichever_comes_first() {
        let say = |max_tokens, stop: &[&str]| {
            let stop_sequences = stop.iter().map(|&stop| stop.to_owned()).collect();
            answer(&Prompt { max_tokens, stop_sequences, ..Prompt::of("say: äöü one two three") })
        };
        let short = say(Some(1), &["two"]);
        assert_eq!((short.text.as_str(), short.stop, short.tokens), ("äöü ", Stop::Length, 1));
        let stopped = say(Some(5), &["three", "two", ""]);
        assert_eq!((stopped.text.as_str(), stopped.stop), ("äöü one ", Stop::Sequence("two".to_owned())));
        assert_eq!(say(Some(5), &[]).stop, Stop::End);
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in ".{0,60}", seed in any::<u64>()) {
            let pieces = pieces(&text, &mut Random::of(&[&seed.to_string()]));
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), text);
        }

        #[test]
        fn an_answer_is_the_beginning_of_what_was_dictated_and_keeps_to_its_limit(
            text in "[^\r\n\u{b}\u{c}\u{85}\u{2028}\u{2029}]{0,40}",
            limit in 1_usize..12,
            stop in "[a-c]{0,2}",
        ) {
            let answer = answer(&Prompt {
                max_tokens: Some(limit),
                stop_sequences: vec![stop.clone()],
                ..Prompt::of(&format!("say: {text}"))
            });
            prop_assert!(text.starts_with(&answer.text));
            prop_assert!(answer.tokens <= limit);
            prop_assert!(stop.is_empty() || !answer.text.contains(&stop));
            prop_assert_eq!(answer.stop == Stop::End, answer.text == text);
        }
    }
}
