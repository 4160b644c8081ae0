// Anthropic's own SDK on Bedrock's `/anthropic` route.

import Anthropic from "@anthropic-ai/sdk";

import { CLAUDE, ENDPOINT, NOT_GRANTED, run } from "./cases.mjs";

// Its key comes as its users would set it: ANTHROPIC_AUTH_TOKEN.
const client = new Anthropic({ baseURL: `${ENDPOINT}/anthropic`, maxRetries: 0 });

const request = (content, model) => ({ model, max_tokens: 64, messages: [{ role: "user", content }] });

async function message(model = CLAUDE) {
  return { text: (await client.messages.create(request("say: hello", model))).content[0].text };
}

async function stream(model = CLAUDE, prompt = "say: hello, streamed") {
  let text = "";
  let stop;
  for await (const event of await client.messages.create({ ...request(prompt, model), stream: true })) {
    text += event.type === "content_block_delta" ? event.delta.text : "";
    stop ??= event.type === "message_delta" ? event.delta.stop_reason : undefined;
  }
  return { text, finished: stop === "end_turn" };
}

await run(
  {
    message: () => message(),
    stream: () => stream(),
    denied: () => message(NOT_GRANTED),
    denied_stream: () => stream(NOT_GRANTED),
    broken: () => stream(CLAUDE, "simulate: exception-mid-stream"),
  },
  (error) => ({ status: error.status }),
);
