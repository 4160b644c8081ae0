//! Keys and tokens of well-known services.
//!
//! Each issuer marks its keys with a prefix of its own, so that they are found in public code; here they are found too.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::secrets;

pub(super) static DETECTOR: Detector = Detector {
    name: "API_KEY",
    short: "api_key",
    aliases: &[],
    finds: "keys and tokens of Anthropic, OpenAI, Google, Stripe, GitLab, npm, PyPI, SendGrid, Hugging Face and others",
    check: Some("a prefix that only its issuer uses"),
    triggers: &[
        Trigger::Literal("sk-"),
        Trigger::Literal("sk_"),
        Trigger::Literal("rk_"),
        Trigger::Literal("AIza"),
        Trigger::Literal("glpat-"),
        Trigger::Literal("npm_"),
        Trigger::Literal("pypi-"),
        Trigger::Literal("SG."),
        Trigger::Literal("hf_"),
        Trigger::Literal("xai-"),
        Trigger::Literal("gsk_"),
        Trigger::Literal("shp"),
        Trigger::Literal("dop_v1_"),
        Trigger::Literal("lin_api_"),
        Trigger::Literal("nvapi-"),
        Trigger::Literal("ya29."),
        Trigger::Literal("dapi"),
        Trigger::Literal("hvs."),
        Trigger::Literal("AGE-SECRET-KEY-1"),
    ],
    pattern: concat!(
        r"sk-(?:ant-[a-z0-9]{3,12}-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,200}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,128}",
        r"|AIza[A-Za-z0-9_-]{35}|glpat-[A-Za-z0-9_-]{20,64}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,300}",
        r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|hf_[A-Za-z0-9]{30,64}|(?:xai|nvapi)-[A-Za-z0-9_-]{40,128}",
        r"|gsk_[A-Za-z0-9]{40,64}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}|dop_v1_[a-f0-9]{64}|lin_api_[A-Za-z0-9]{32,64}",
        r"|ya29\.[A-Za-z0-9_-]{20,512}|dapi[a-f0-9]{32}|hvs\.[A-Za-z0-9_-]{24,160}|AGE-SECRET-KEY-1[A-Z0-9]{58}",
    ),
    validate,
    words: &["api key*", "apikey"],
    keys: &["apikey"],
    whole: false,
    examples: Examples {
        found: &[
            ("OPENAI_API_KEY=sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7", "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7"),
            ("stripe sk_live_aB3dE5fG7hJ9kL1mN3pQ5rS7;", "sk_live_aB3dE5fG7hJ9kL1mN3pQ5rS7"),
        ],
        passed: &[
            "sk-learn",
            "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "task-aB3dE5fG7hJ9kL1mN3pQ5rS7aB3d",
            "npm_config_registry",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let of_key = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let matched = candidate.matched();
    let apart =
        !of_key(candidate.byte_before(candidate.range.start)) && !of_key(candidate.byte(candidate.range.end));
    (apart && secrets::entropy(matched) >= 3.0).then(|| candidate.checked())
}
