//! JSON web tokens, signed or encrypted.
//!
//! Three to five parts of base64url joined by dots, the first of which decodes to a header that names an algorithm.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "JWT",
    short: "jwt",
    triggers: &[Trigger::Literal("eyJ")],
    pattern: "eyJ[A-Za-z0-9_-]{5}",
    validate,
    before: &["bearer", "token", "jwt", "authorization"],
    after: &[],
    keys: &["token", "accesstoken", "idtoken", "authorization", "bearer"],
    #[cfg(test)]
    examples: crate::sensitive::candidate::Examples {
        found: &[
            (
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            ),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0. rest", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
            (
                "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y2lwaGVydGV4dA.dGFn\n",
                "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y2lwaGVydGV4dA.dGFn",
            ),
        ],
        passed: &[
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJzdWIiOiIxIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "xeyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let start = candidate.range.start;
    if candidate.byte_before(start).is_ascii_alphanumeric() {
        return None;
    }
    let header = part_end(candidate.text, start);
    let names_algorithm = names_algorithm(candidate.text.get(start..header)?);
    if !names_algorithm || candidate.byte(header) != b'.' {
        return None;
    }
    let mut end = part_end(candidate.text, header + 1);
    let mut parts = 2;
    while parts < 5 && candidate.byte(end) == b'.' {
        let next = part_end(candidate.text, end + 1);
        // A full stop at the end of a sentence is no part, but one after two parts is: an empty signature.
        if next == end + 1 && parts > 2 {
            break;
        }
        end = next;
        parts += 1;
    }
    (parts > 2).then(|| candidate.checked_until(end))
}

fn part_end(text: &str, start: usize) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count()
}

fn names_algorithm(header: &str) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT.decode(header).is_ok_and(|json| json.windows(5).any(|part| part == br#""alg""#))
}
