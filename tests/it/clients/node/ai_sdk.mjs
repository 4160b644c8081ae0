// The AI SDK with its provider for Bedrock.

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { generateText, streamText } from "ai";

import { CLAUDE, NOT_GRANTED, run } from "./cases.mjs";

const bedrock = createAmazonBedrock();

const request = (prompt, model) => ({ model: bedrock(model), prompt, maxOutputTokens: 64, maxRetries: 0 });

async function answer(model = CLAUDE) {
  return { text: (await generateText(request("say: hello", model))).text };
}

async function stream(model = CLAUDE) {
  let failure;
  // A stream's errors go to this callback; without it they are printed.
  const onError = ({ error }) => (failure = error);
  const result = streamText({ ...request("say: hello, streamed", model), onError });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  if (failure) throw failure;
  return { text, finished: (await result.finishReason) === "stop" };
}

await run(
  {
    answer: () => answer(),
    stream: () => stream(),
    denied: () => answer(NOT_GRANTED),
    denied_stream: () => stream(NOT_GRANTED),
  },
  (error) => ({ status: error.statusCode, code: error.responseHeaders?.["x-amzn-errortype"] }),
);
