//! JSON web tokens, signed or encrypted.
//!
//! Three to five parts of base64url joined by dots, the first of which decodes to a header that names an algorithm.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "JWT",
    short: "jwt",
    aliases: &[],
    finds: "JSON web tokens, signed or encrypted",
    check: Some("a header that names an algorithm"),
    triggers: &[Trigger::Literal("eyJ")],
    pattern: concat!(
        r"eyJ[A-Za-z0-9_-]{5,1024}\.[A-Za-z0-9_-]{0,4096}\.[A-Za-z0-9_-]{0,2048}",
        r"(?:\.[A-Za-z0-9_-]{1,4096})?(?:\.[A-Za-z0-9_-]{1,512})?",
    ),
    validate,
    words: &["bearer", "token", "jwt", "authorization"],
    keys: &["token", "accesstoken", "idtoken", "authorization", "bearer"],
    whole: false,
    examples: Examples {
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
    let begins = !candidate.byte_before(candidate.range.start).is_ascii_alphanumeric();
    let (header, _) = candidate.matched().split_once('.')?;
    (begins && names_algorithm(header)).then(|| candidate.checked())
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
