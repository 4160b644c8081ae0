//! A warden behind a path: what callers sign is longer than what Bedrock is asked.

use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use serde_json::json;

use crate::support::call::{Call, HAIKU};
use crate::support::rust_sdk::client_below;
use crate::support::session::{
    Conversation, SONIC, prompt_end, prompt_start, session_end, session_start, text,
};
use crate::support::simulator::Seen;
use crate::support::warden::Setup;

#[test]
fn a_base_path_is_signed_by_callers_and_unknown_to_bedrock() {
    let warden = Setup::new().setting("WARDEN_LISTEN_BASE_PATH", "/teams/bedrock").start();
    let below = |base: &str, mut call: Call| {
        call.target = format!("{base}{}", call.target);
        warden.send(call)
    };
    let hello = || Call::converse(HAIKU, "say: hello");
    let response = below("/teams/bedrock", hello());
    assert_eq!(response.converse_text(), "hello");
    assert_eq!(warden.record_of(&response).text("end_state"), "complete");
    below("/teams/bedrock", Call::list_models()).assert_ok();
    let seen = warden.upstream();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(Seen::signature_ok));
    assert_eq!(seen[0].path(), hello().target);
    assert_eq!(seen[1].path(), "/foundation-models");

    for base in [
        "",
        "/teams",
        "/teams/bedrockx",
        "/teams/bedrock/teams/bedrock",
        "/teams/%62edrock",
        "/teams//bedrock",
    ] {
        let response = below(base, hello());
        assert_eq!(response.status, 403, "{base}: {}", response.text());
        assert!(warden.record_of(&response).is_denial(), "{base}");
    }
    // A signature over the path without its base proves nothing about the path with it.
    let mut call = warden.sign(hello());
    call.target = format!("/teams/bedrock{}", call.target);
    assert_eq!(warden.tls().send(&call).status, 403);
    assert_eq!(warden.upstream().len(), 2, "nothing else was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_whose_endpoint_has_a_path_is_served() {
    let warden = Setup::new().setting("WARDEN_LISTEN_BASE_PATH", "/bedrock").start();
    let client = client_below(&warden, &warden.key, "/bedrock");
    let said = ContentBlock::Text("say: hello".to_owned());
    let message = Message::builder().role(ConversationRole::User).content(said).build().unwrap();
    let answer = client.converse().model_id(HAIKU).messages(message.clone()).send().await.unwrap();
    let output = answer.output.unwrap();
    assert_eq!(output.as_message().unwrap().content()[0].as_text().unwrap(), "hello");
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    talk.say(text("turn", "USER", &["good day"]));
    assert_eq!(talk.answer().await.unwrap(), "You said: good day");
    talk.say([prompt_end(), session_end()]);
    assert_eq!(talk.rest().await.unwrap(), ["completionEnd"]);

    let elsewhere = client_below(&warden, &warden.key, "");
    let refused = elsewhere.converse().model_id(HAIKU).messages(message).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"), "{refused:?}");
}
