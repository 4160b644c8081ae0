// OpenAI's SDK for JavaScript on Bedrock's compatible routes.

import OpenAI from "openai";

import { ENDPOINT, run } from "./cases.mjs";

// Its key comes as its users would set it: OPENAI_API_KEY.
const client = new OpenAI({ baseURL: `${ENDPOINT}/openai/v1`, maxRetries: 0 });

const GPT = "openai.gpt-oss-20b-1:0";
const NOT_GRANTED = "openai.gpt-oss-120b-1:0";
const BREAKS = "simulate: exception-mid-stream";

const chat = (content, model, options) =>
  client.chat.completions.create({
    model,
    messages: [{ role: "user", content }],
    max_completion_tokens: 64,
    ...options,
  });

const respond = (input, model, options) =>
  client.responses.create({ model, input, max_output_tokens: 64, ...options });

async function answer(model = GPT) {
  return { text: (await chat("say: hello", model)).choices[0].message.content };
}

async function stream(model = GPT, prompt = "say: hello, streamed") {
  let text = "";
  let stop;
  for await (const chunk of await chat(prompt, model, { stream: true })) {
    text += chunk.choices[0].delta.content ?? "";
    stop ??= chunk.choices[0].finish_reason;
  }
  return { text, finished: stop === "stop" };
}

async function response(model = GPT) {
  return { text: (await respond("say: hello", model)).output_text };
}

async function responseStream(model = GPT, prompt = "say: hello, streamed") {
  let text = "";
  let completed;
  for await (const event of await respond(prompt, model, { stream: true })) {
    text += event.type === "response.output_text.delta" ? event.delta : "";
    completed ??= event.type === "response.completed" ? event.response : undefined;
  }
  const repeated = completed?.output[0].content[0].text;
  return { text, finished: repeated === text && completed.status === "completed" };
}

async function listModels() {
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  return { models };
}

await run(
  {
    answer: () => answer(),
    stream: () => stream(),
    response: () => response(),
    response_stream: () => responseStream(),
    list_models: listModels,
    denied: () => answer(NOT_GRANTED),
    denied_stream: () => stream(NOT_GRANTED),
    denied_response: () => response(NOT_GRANTED),
    denied_response_stream: () => responseStream(NOT_GRANTED),
    broken: () => stream(GPT, BREAKS),
    broken_response: () => responseStream(GPT, BREAKS),
  },
  (error) => ({ status: error.status, code: error.code }),
);
