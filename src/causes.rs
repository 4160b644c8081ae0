//! An error with what caused it, for the log.

use std::error::Error;
use std::fmt::Write as _;

use aws_smithy_types::error::ErrorMetadata;

/// `error` and its causes, each in its own words.
///
/// SECRET: by what they show to people and never by their `Debug`: that of an HTTP client's error holds the whole answer,
/// and an answer about credentials holds credentials. Of what AWS says of an error only the code: of a wrong signature it
/// repeats the request that was signed, session token included.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a text does not fail.
        let _written = match cause.downcast_ref::<ErrorMetadata>() {
            Some(metadata) => write!(text, ": {}", metadata.code().unwrap_or("no code")),
            None => write!(text, ": {cause}"),
        };
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::error::CredentialsError;
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("the answer is not JSON")]
    struct Unreadable {
        body: &'static str,
    }

    #[test]
    fn causes_are_told_in_their_own_words_and_show_nothing_else() {
        let error = CredentialsError::provider_error(Unreadable { body: "{\"SecretAccessKey\": \"wJalr" });
        let text = causes(&error);
        assert!(text.ends_with(": the answer is not JSON"), "{text}");
        assert!(format!("{error:?}").contains("wJalr") && !text.contains("wJalr"), "{text}");
    }
}
