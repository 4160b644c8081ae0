// The AWS SDK for JavaScript with the handler that its users choose to stay on HTTP/1.1.

import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";

import { CLAUDE, NOT_GRANTED, run } from "./cases.mjs";

const runtime = new BedrockRuntimeClient({ requestHandler: new NodeHttpHandler() });

const request = (text, modelId) => ({
  modelId,
  messages: [{ role: "user", content: [{ text }] }],
  inferenceConfig: { maxTokens: 64 },
});

async function converse(modelId = CLAUDE) {
  const response = await runtime.send(new ConverseCommand(request("say: hello", modelId)));
  return { text: response.output.message.content[0].text };
}

async function stream(modelId = CLAUDE) {
  const response = await runtime.send(new ConverseStreamCommand(request("say: hello, streamed", modelId)));
  let text = "";
  let counted = false;
  for await (const event of response.stream) {
    text += event.contentBlockDelta?.delta.text ?? "";
    counted ||= Boolean(event.metadata?.usage);
  }
  return { text, finished: counted };
}

await run({
  converse: () => converse(),
  stream: () => stream(),
  denied: () => converse(NOT_GRANTED),
  denied_stream: () => stream(NOT_GRANTED),
});
