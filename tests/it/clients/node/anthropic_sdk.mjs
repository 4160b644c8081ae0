// Anthropic's own SDK for Bedrock.

import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";

import { CLAUDE, ENDPOINT, NOT_GRANTED, REGION, run } from "./cases.mjs";

const client = new AnthropicBedrock({ baseURL: ENDPOINT, awsRegion: REGION });

const request = (content, model) => ({ model, max_tokens: 64, messages: [{ role: "user", content }] });

async function message(model = CLAUDE) {
  return { text: (await client.messages.create(request("say: hello", model))).content[0].text };
}

async function stream(model = CLAUDE) {
  let text = "";
  let stop;
  for await (const event of await client.messages.create({
    ...request("say: hello, streamed", model),
    stream: true,
  })) {
    text += event.type === "content_block_delta" ? event.delta.text : "";
    stop ??= event.type === "message_delta" ? event.delta.stop_reason : undefined;
  }
  return { text, finished: stop === "end_turn" };
}

// Beta features travel in the body here, not in a header.
async function beta() {
  const answer = await client.beta.messages.create({
    ...request("say: hello", CLAUDE),
    betas: ["token-efficient-tools-2025-02-19"],
  });
  return { text: answer.content[0].text };
}

await run(
  {
    message: () => message(),
    stream: () => stream(),
    beta,
    denied: () => message(NOT_GRANTED),
    denied_stream: () => stream(NOT_GRANTED),
  },
  (error) => ({ status: error.status, code: error.headers?.get("x-amzn-errortype") }),
);
