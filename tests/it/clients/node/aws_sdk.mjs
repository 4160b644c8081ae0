// An application that uses Amazon Bedrock through the AWS SDK for JavaScript.
//
// It knows nothing of any sidecar: endpoint, certificates, region and keys come from the standard environment variables.
// Runs the cases named on the command line and prints one JSON object for each.

import { BedrockClient, ListFoundationModelsCommand } from "@aws-sdk/client-bedrock";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithBidirectionalStreamCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";

const CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0";
const SONIC = "amazon.nova-sonic-v1:0";
const TITAN = "amazon.titan-text-express-v1";
const NOT_GRANTED = "meta.llama3-70b-instruct-v1:0";
// What the model is made to say in streams that are changed, and in those that are cut.
const MAIL = "say: mail alice.example@mail.example.com today";
const KEY = "say: key: AKIAQWERTYUIOPASDFGH, and more";

const runtime = new BedrockRuntimeClient();

// The SDK keeps the headers of successful answers to itself; a middleware is its documented way to see them.
let headers = {};
runtime.middlewareStack.add(
  (next) => async (request) => {
    const result = await next(request);
    headers = result.response.headers;
    return result;
  },
  { step: "deserialize", priority: "low", name: "headers" },
);

function converseRequest(prompt, { modelId = CLAUDE, ...inference } = {}) {
  return {
    modelId,
    messages: [{ role: "user", content: [{ text: prompt }] }],
    inferenceConfig: { maxTokens: 64, ...inference },
  };
}

function claudeRequest(prompt) {
  const body = {
    anthropic_version: "bedrock-2023-05-31",
    max_tokens: 64,
    messages: [{ role: "user", content: prompt }],
  };
  return { modelId: CLAUDE, contentType: "application/json", body: JSON.stringify(body) };
}

const parse = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

async function converse(prompt = "say: hello from converse", options = {}) {
  const response = await runtime.send(new ConverseCommand(converseRequest(prompt, options)));
  return { text: response.output.message.content[0].text, headers };
}

async function invokeClaude() {
  const response = await runtime.send(new InvokeModelCommand(claudeRequest("say: hello from claude")));
  return { text: parse(response.body).content[0].text, headers };
}

async function invokeTitan() {
  const body = { inputText: "say: hello from titan", textGenerationConfig: { maxTokenCount: 64 } };
  const response = await runtime.send(
    new InvokeModelCommand({ modelId: TITAN, contentType: "application/json", body: JSON.stringify(body) }),
  );
  return { text: parse(response.body).results[0].outputText, headers };
}

async function converseStream(prompt = "say: hello from a converse stream", options = {}) {
  const request = converseRequest(prompt, options);
  const response = await runtime.send(new ConverseStreamCommand(request));
  let text = "";
  let stop;
  let usage;
  for await (const event of response.stream) {
    text += event.contentBlockDelta?.delta.text ?? "";
    stop ??= event.messageStop?.stopReason;
    usage ??= event.metadata?.usage;
  }
  return { text, headers, finished: Boolean(stop && usage) };
}

async function invokeStream(prompt = "say: hello from an invoke stream") {
  const request = claudeRequest(prompt);
  const response = await runtime.send(new InvokeModelWithResponseStreamCommand(request));
  let text = "";
  let stop;
  for await (const event of response.body) {
    const chunk = parse(event.chunk.bytes);
    text += chunk.type === "content_block_delta" ? chunk.delta.text : "";
    stop ??= chunk.type === "message_delta" ? chunk.delta.stop_reason : undefined;
  }
  return { text, headers, finished: Boolean(stop) };
}

// What is said is sent as it is said; the session stays open between two events.
function speaker() {
  const said = [];
  let wake = () => {};
  let over = false;
  async function* events() {
    while (!over || said.length > 0) {
      while (said.length > 0) {
        yield { chunk: { bytes: new TextEncoder().encode(JSON.stringify({ event: said.shift() })) } };
      }
      if (!over) await new Promise((resolve) => (wake = resolve));
    }
  }
  return {
    events,
    say(...more) {
      said.push(...more);
      wake();
    },
    end() {
      over = true;
      wake();
    },
  };
}

function words(contentName, content) {
  const place = { promptName: "prompt", contentName };
  return [
    { contentStart: { ...place, type: "TEXT", role: "USER", interactive: true } },
    { textInput: { ...place, content } },
    { contentEnd: place },
  ];
}

// Says the next of `turns` when it has heard the answer to the one before.
async function session(turns, { modelId = SONIC, ...inferenceConfiguration } = {}) {
  const { events, say, end } = speaker();
  say({ sessionStart: { inferenceConfiguration } }, { promptStart: { promptName: "prompt" } });
  const answers = [];
  let finished = false;
  let answer = "";
  const next = () => {
    if (turns.length > 0) {
      say(...words(`turn-${turns.length}`, turns.shift()));
    } else {
      say({ promptEnd: { promptName: "prompt" } }, { sessionEnd: {} });
      end();
    }
  };
  next();
  // The SDK waits for the first event of the answer here, so that something must have been said.
  const response = await runtime.send(new InvokeModelWithBidirectionalStreamCommand({ modelId, body: events() }));
  for await (const { chunk } of response.body) {
    const { event } = parse(chunk.bytes);
    answer += event.textOutput?.content ?? "";
    finished ||= Boolean(event.completionEnd);
    if (event.usageEvent) {
      answers.push(answer);
      answer = "";
      next();
    }
  }
  return { text: answers.join(" | "), headers, finished };
}

// Three turns, each with everything that was said before, the second one streamed.
async function conversation() {
  const system = [{ text: "You are support@mail.example.com." }];
  const messages = [];
  const answers = [];
  for (const [turn, name] of ["alice", "bob", "alice"].entries()) {
    const prompt = `say: mail ${name}.example@mail.example.com today`;
    messages.push({ role: "user", content: [{ text: prompt }] });
    const request = { modelId: CLAUDE, messages, system };
    let answer = "";
    if (turn === 1) {
      const response = await runtime.send(new ConverseStreamCommand(request));
      for await (const event of response.stream) answer += event.contentBlockDelta?.delta.text ?? "";
    } else {
      const response = await runtime.send(new ConverseCommand(request));
      answer = response.output.message.content[0].text;
    }
    messages.push({ role: "assistant", content: [{ text: answer }] });
    answers.push(answer);
  }
  return { text: answers.join(" | "), headers: {} };
}

async function listModels() {
  const response = await new BedrockClient().send(new ListFoundationModelsCommand());
  return { text: "", headers: {}, models: response.modelSummaries.map((summary) => summary.modelId) };
}

const CASES = {
  converse: () => converse(),
  invoke_claude: invokeClaude,
  invoke_titan: invokeTitan,
  converse_stream: () => converseStream(),
  invoke_stream: () => invokeStream(),
  list_models: listModels,
  denied_model: () => converse(undefined, { modelId: NOT_GRANTED }),
  denied_parameter: () => converse(undefined, { temperature: 0.95 }),
  denied_stream: () => converseStream(undefined, { modelId: NOT_GRANTED }),
  edited_converse_stream: () => converseStream(MAIL),
  edited_invoke_stream: () => invokeStream(MAIL),
  conversation,
  cut_converse_stream: () => converseStream(KEY),
  cut_invoke_stream: () => invokeStream(KEY),
  broken_converse_stream: () => converseStream("simulate: truncate-frame"),
  broken_invoke_stream: () => invokeStream("simulate: truncate-frame"),
  clamped: () => converse("say: hello, shortened", { maxTokens: 9000 }),
  session: () => session(["one", "mail alice.example@mail.example.com", "three"]),
  session_denied_model: () => session(["one"], { modelId: "amazon.nova-2-sonic-v1:0" }),
  session_denied_parameter: () => session(["one"], { temperature: 0.95 }),
  session_denied_text: () => session(["one", "key AKIAQWERTYUIOPASDFGH"]),
  throttled: () => converse("simulate: throttle"),
};

async function run(name) {
  try {
    return await CASES[name]();
  } catch (error) {
    return {
      // A typed exception is one of the client's own classes, which an application can catch with `instanceof`.
      error: error.constructor.name,
      code: error.name,
      message: error.message,
      status: error.$metadata?.httpStatusCode,
      request_id: error.$metadata?.requestId,
      headers: error.$response?.headers,
    };
  }
}

for (const name of process.argv.slice(2)) {
  console.log(JSON.stringify({ case: name, ...(await run(name)) }));
}
