//! Every spelling under which some family knows a parameter.
//!
//! Receives a member name, returns the parameter it means. One table for all families, because Converse hands
//! `additionalModelRequestFields` to whichever model runs. Never decides whether a value is acceptable.

use crate::bedrock::view::Parameter;

/// Folded spellings (see [`fold`]) in the order of [`Parameter`].
pub(crate) const ALIASES: &[(&str, Parameter)] = &[
    ("maxtokens", Parameter::MaxTokens),
    ("maxtokenstosample", Parameter::MaxTokens),
    ("maxtokencount", Parameter::MaxTokens),
    ("maxgenlen", Parameter::MaxTokens),
    ("maxnewtokens", Parameter::MaxTokens),
    ("maxcompletiontokens", Parameter::MaxTokens),
    ("maxoutputtokens", Parameter::MaxTokens),
    ("maxlength", Parameter::MaxTokens),
    ("outputtokens", Parameter::MaxTokens),
    ("temperature", Parameter::Temperature),
    ("topp", Parameter::TopP),
    ("p", Parameter::TopP),
    ("topk", Parameter::TopK),
    ("k", Parameter::TopK),
    ("minp", Parameter::MinP),
    ("budgettokens", Parameter::ThinkingTokens),
    ("thinkingbudget", Parameter::ThinkingTokens),
    ("thinkingtokens", Parameter::ThinkingTokens),
    ("maxthinkingtokens", Parameter::ThinkingTokens),
    ("maxreasoningtokens", Parameter::ThinkingTokens),
    ("reasoningbudget", Parameter::ThinkingTokens),
    ("n", Parameter::Choices),
    ("numresults", Parameter::Choices),
    ("numgenerations", Parameter::Choices),
    ("numberofimages", Parameter::Choices),
    ("numreturnsequences", Parameter::Choices),
    ("candidatecount", Parameter::Choices),
    ("samples", Parameter::Choices),
    ("bestof", Parameter::Choices),
    ("presencepenalty", Parameter::PresencePenalty),
    ("frequencypenalty", Parameter::FrequencyPenalty),
    ("countpenalty", Parameter::CountPenalty),
    ("seed", Parameter::Seed),
    ("randomseed", Parameter::Seed),
    ("stop", Parameter::Stop),
    ("stopsequences", Parameter::Stop),
    ("returnlikelihoods", Parameter::ReturnLikelihoods),
    ("logitbias", Parameter::LogitBias),
    ("stream", Parameter::Stream),
];

/// The parameter that `name` means to some family, however it is spelled.
pub(crate) fn parameter(name: &str) -> Option<Parameter> {
    let folded = fold(name);
    ALIASES.iter().find(|(alias, _)| *alias == folded).map(|(_, parameter)| *parameter)
}

/// `name` as a careless decoder could read it: without case and without anything that is not a letter or a digit.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        // Upper case first: U+017F has no lower case but is the upper case `S`, and U+212A lower-cases to `k`.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether `name` is written as providers write names: `snake_case` or `camelCase`.
pub(crate) fn is_conventional(name: &str) -> bool {
    let bytes = name.as_bytes();
    let has_upper = bytes.iter().any(u8::is_ascii_uppercase);
    let has_underscore = bytes.contains(&b'_');
    bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !(has_upper && has_underscore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_under_every_spelling() {
        for name in
            ["maxTokens", "max_tokens", "MAX_TOKENS", "Max-Tokens", "maxTo\u{212a}ens", "max_token\u{17f} "]
        {
            assert_eq!(parameter(name), Some(Parameter::MaxTokens), "{name}");
        }
        assert_eq!(parameter("topKReturn"), None);
    }

    #[test]
    fn only_snake_case_and_camel_case_are_conventional() {
        for name in ["top_k", "topK", "k", "max_tokens_to_sample"] {
            assert!(is_conventional(name), "{name}");
        }
        for name in ["TOP_K", "TopK", "top_K", "top k", "maxTo\u{212a}ens", "", "_k"] {
            assert!(!is_conventional(name), "{name}");
        }
    }

    #[test]
    fn the_table_holds_folded_spellings_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (alias, _) in ALIASES {
            assert_eq!(fold(alias), *alias);
            assert!(seen.insert(alias), "{alias}");
        }
    }
}
