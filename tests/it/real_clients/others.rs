//! Every client but the AWS SDKs in their recent releases: a table, and a test for each entry.

use crate::support::call::KeyPair;
use crate::support::simulator::Seen;
use crate::support::warden::{Setup, TestWarden};

use super::application::Application;
use super::expected::{Expected, LOG, case_names};
use super::table::{self, Named};

/// One client, and what its application must see.
struct Client<'a> {
    named: &'static Named,
    program: &'static str,
    cases: &'a [(&'static str, Expected)],
}

const HELLO: Expected = Expected::Text("hello");
const STREAMED: Expected = Expected::Stream("hello, streamed");
const MODELS: Expected = Expected::Models {
    with: "anthropic.claude-3-haiku-20240307-v1:0",
    without: "anthropic.claude-3-opus-20240229-v1:0",
};

/// A refusal by policy, in an exception of this class.
const fn denied(class: &'static str) -> Expected {
    Expected::Raised { class, mentions: &["payments/allow", "anthropic.claude-3-opus-20240229-v1:0"] }
}

#[test]
fn one_of_the_first_boto3_releases_with_bedrock_conforms() {
    conforms(&Client {
        named: &table::BOTO3_FIRST,
        program: "boto3_first_client.py",
        cases: &[
            ("claude", HELLO),
            ("titan", HELLO),
            ("stream", STREAMED),
            ("list_models", MODELS),
            ("denied", denied("AccessDeniedException")),
            ("denied_stream", denied("AccessDeniedException")),
        ],
    });
}

#[test]
fn the_aws_cli_conforms() {
    conforms(&Client {
        named: &table::AWS_CLI,
        program: "aws_cli.py",
        cases: &[
            ("converse", HELLO),
            ("invoke", HELLO),
            ("list_models", MODELS),
            ("denied", denied("exit 255")),
            ("denied_invoke", denied("exit 255")),
        ],
    });
}

#[test]
fn the_javascript_sdk_over_http1_conforms() {
    conforms(&Client {
        named: &table::JAVASCRIPT_HTTP1,
        program: "aws_sdk_http1.mjs",
        cases: &[
            ("converse", HELLO),
            ("stream", STREAMED),
            ("denied", denied("AccessDeniedException")),
            ("denied_stream", denied("AccessDeniedException")),
        ],
    });
}

#[test]
fn the_anthropic_sdk_for_python_conforms() {
    conforms(&Client {
        named: &table::ANTHROPIC_PYTHON,
        program: "anthropic_client.py",
        cases: &[
            ("message", HELLO),
            ("stream", STREAMED),
            ("beta", HELLO),
            ("denied", denied("PermissionDeniedError")),
            ("denied_stream", denied("PermissionDeniedError")),
        ],
    });
}

#[test]
fn the_anthropic_sdk_for_javascript_conforms() {
    conforms(&Client {
        named: &table::ANTHROPIC_JAVASCRIPT,
        program: "anthropic_sdk.mjs",
        cases: &[
            ("message", HELLO),
            ("stream", STREAMED),
            ("beta", HELLO),
            ("denied", denied("PermissionDeniedError")),
            ("denied_stream", denied("PermissionDeniedError")),
        ],
    });
}

#[test]
fn langchain_with_converse_conforms() {
    conforms(&Client {
        named: &table::LANGCHAIN_CONVERSE,
        program: "langchain_converse.py",
        cases: &[
            ("answer", HELLO),
            ("stream", STREAMED),
            ("denied", denied("AccessDeniedException")),
            ("denied_stream", denied("AccessDeniedException")),
        ],
    });
}

#[test]
fn langchain_with_invoke_model_conforms() {
    conforms(&Client {
        named: &table::LANGCHAIN_INVOKE,
        program: "langchain_invoke.py",
        cases: &[
            ("answer", HELLO),
            ("stream", STREAMED),
            // Its control-plane call comes to the runtime's endpoint.
            ("profile", HELLO),
            ("denied", denied("AccessDeniedException")),
            ("denied_stream", denied("AccessDeniedException")),
        ],
    });
}

#[test]
fn litellm_on_both_routes_conforms() {
    conforms(&Client {
        named: &table::LITELLM,
        program: "litellm_client.py",
        cases: &[
            ("converse", HELLO),
            ("converse_stream", STREAMED),
            ("invoke", HELLO),
            ("invoke_stream", STREAMED),
            ("denied_converse", denied("PermissionDeniedError")),
            ("denied_converse_stream", denied("PermissionDeniedError")),
            ("denied_invoke", denied("PermissionDeniedError")),
            ("denied_invoke_stream", denied("PermissionDeniedError")),
        ],
    });
}

#[test]
fn the_ai_sdk_conforms() {
    conforms(&Client {
        named: &table::AI_SDK,
        program: "ai_sdk.mjs",
        cases: &[
            ("answer", HELLO),
            ("stream", STREAMED),
            ("denied", denied("APICallError")),
            ("denied_stream", denied("APICallError")),
        ],
    });
}

#[test]
fn claude_code_without_a_terminal_conforms() {
    conforms(&Client {
        named: &table::CLAUDE_CODE,
        program: "claude_code.mjs",
        cases: &[("answer", HELLO), ("stream", STREAMED), ("denied", denied("exit 1"))],
    });
}

/// A refusal of OpenAI's models, in an exception of this class.
const fn denied_gpt(class: &'static str) -> Expected {
    Expected::Raised { class, mentions: &["payments/allow", "openai.gpt-oss-120b-1:0"] }
}

const GPT_MODELS: Expected =
    Expected::Models { with: "openai.gpt-oss-20b-1:0", without: "openai.gpt-oss-120b-1:0" };

/// A stream that broke in its middle.
const fn broken(class: &'static str) -> Expected {
    Expected::Raised { class, mentions: &["The model stopped generating"] }
}

#[test]
fn the_openai_sdk_for_python_conforms() {
    conforms(&Client {
        named: &table::OPENAI_PYTHON,
        program: "openai_client.py",
        cases: &[
            ("answer", HELLO),
            ("stream", STREAMED),
            ("response", HELLO),
            ("response_stream", STREAMED),
            ("called", Expected::Text("{\"text\":\"rain\"}")),
            ("list_models", GPT_MODELS),
            ("denied", denied_gpt("PermissionDeniedError")),
            ("denied_stream", denied_gpt("PermissionDeniedError")),
            ("denied_response", denied_gpt("PermissionDeniedError")),
            ("denied_response_stream", denied_gpt("PermissionDeniedError")),
            (
                "denied_state",
                Expected::Raised { class: "PermissionDeniedError", mentions: &["previous_response_id"] },
            ),
            ("broken", broken("APIError")),
            ("broken_response", broken("APIError")),
        ],
    });
}

#[test]
fn the_openai_sdk_for_javascript_conforms() {
    conforms(&Client {
        named: &table::OPENAI_JAVASCRIPT,
        program: "openai_sdk.mjs",
        cases: &[
            ("answer", HELLO),
            ("stream", STREAMED),
            ("response", HELLO),
            ("response_stream", STREAMED),
            ("list_models", GPT_MODELS),
            ("denied", denied_gpt("PermissionDeniedError")),
            ("denied_stream", denied_gpt("PermissionDeniedError")),
            ("denied_response", denied_gpt("PermissionDeniedError")),
            ("denied_response_stream", denied_gpt("PermissionDeniedError")),
            ("broken", broken("APIError")),
            ("broken_response", broken("APIError")),
        ],
    });
}

#[test]
fn the_anthropic_sdk_for_python_conforms_on_its_own_route() {
    conforms_with(
        &Client {
            named: &table::MESSAGES_PYTHON,
            program: "anthropic_messages.py",
            cases: &[
                ("message", HELLO),
                ("stream", STREAMED),
                ("beta", HELLO),
                ("denied", denied("PermissionDeniedError")),
                ("denied_stream", denied("PermissionDeniedError")),
                ("broken", broken("APIStatusError")),
            ],
        },
        "ANTHROPIC_AUTH_TOKEN",
    );
}

#[test]
fn the_anthropic_sdk_for_javascript_conforms_on_its_own_route() {
    conforms_with(
        &Client {
            named: &table::MESSAGES_JAVASCRIPT,
            program: "anthropic_messages.mjs",
            cases: &[
                ("message", HELLO),
                ("stream", STREAMED),
                ("denied", denied("PermissionDeniedError")),
                ("denied_stream", denied("PermissionDeniedError")),
                ("broken", broken("APIError")),
            ],
        },
        "ANTHROPIC_AUTH_TOKEN",
    );
}

/// Every client that reads `AWS_BEARER_TOKEN_BEDROCK`, and prefers it to a key pair that is worth nothing.
#[test]
fn clients_with_a_bearer_key_are_known_by_it() {
    let warden = warden();
    let bearer = warden.add_bearer("payments", "chat");
    let nothing = KeyPair { id: "AKIAUNKNOWN000000000".to_owned(), secret: "nothing".to_owned() };
    let more = [("AWS_BEARER_TOKEN_BEDROCK", bearer.as_str())];
    let clients = [
        (&table::AWS_CLI, "aws_cli.py", "converse"),
        (&table::JAVASCRIPT_HTTP1, "aws_sdk_http1.mjs", "converse"),
        (&table::ANTHROPIC_PYTHON, "anthropic_client.py", "message"),
        (&table::ANTHROPIC_JAVASCRIPT, "anthropic_sdk.mjs", "message"),
        (&table::LANGCHAIN_CONVERSE, "langchain_converse.py", "answer"),
        (&table::LITELLM, "litellm_client.py", "invoke"),
        (&table::AI_SDK, "ai_sdk.mjs", "answer"),
        (&table::CLAUDE_CODE, "claude_code.mjs", "answer"),
    ];
    for (named, program, case) in clients {
        let application = Application { language: named.language(), program };
        let Some(observed) = application.run_with(&warden, &[case], &nothing, &more) else { continue };
        HELLO.check(program, &observed[0]);
    }
    let journal = warden.journal();
    let intents: Vec<_> = journal.intents().collect();
    assert!(intents.iter().all(|intent| intent.text("cred_kind") == "bearer"), "{intents:?}");
}

fn conforms(client: &Client<'_>) {
    conforms_with(client, "OPENAI_API_KEY");
}

/// `bearer` is the variable in which a client looks for its key.
fn conforms_with(client: &Client<'_>, bearer: &str) {
    let warden = warden();
    let application = Application { language: client.named.language(), program: client.program };
    // Every client gets both kinds of key and takes the one it knows.
    let key = warden.add_bearer("payments", "chat");
    let more = [(bearer, key.as_str())];
    let Some(observed) = application.run_with(&warden, &case_names(client.cases), &warden.key, &more) else {
        return;
    };
    for ((case, expected), observed) in client.cases.iter().zip(&observed) {
        assert_eq!(observed["case"], *case);
        expected.check(case, observed);
    }
    assert!(warden.upstream().iter().all(Seen::signature_ok), "{:?}", warden.upstream());
    table::check_row(client.named, &warden, &observed);
}

fn warden() -> TestWarden {
    let claude = "allow:\n  - models: [\"anthropic.claude-*\", \"amazon.titan-*\", \"openai.*\"]\n";
    let haiku = "allow:\n  - models: [\"anthropic.claude-3-haiku-*\", \"anthropic.claude-haiku-*\", \
                 \"amazon.titan-text-*\", \"openai.gpt-oss-20b-*\"]\n";
    Setup::new().org(claude).team(haiku).setting("RUST_LOG", LOG).start()
}
