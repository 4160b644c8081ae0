// OpenAI's SDK for JavaScript on Bedrock's compatible route.

import OpenAI from "openai";

import { ENDPOINT, run } from "./cases.mjs";

// Its key comes as its users would set it: OPENAI_API_KEY.
const client = new OpenAI({ baseURL: `${ENDPOINT}/openai/v1` });

const request = (content, options) =>
  client.chat.completions.create({
    model: "openai.gpt-oss-20b-1:0",
    messages: [{ role: "user", content }],
    max_completion_tokens: 64,
    ...options,
  });

async function answer() {
  return { text: (await request("say: hello")).choices[0].message.content };
}

async function stream() {
  let text = "";
  let stop;
  for await (const chunk of await request("say: hello, streamed", { stream: true })) {
    text += chunk.choices[0].delta.content ?? "";
    stop ??= chunk.choices[0].finish_reason;
  }
  return { text, finished: stop === "stop" };
}

await run({ answer, stream }, (error) => ({
  status: error.status,
  code: error.headers?.get("x-amzn-errortype"),
}));
