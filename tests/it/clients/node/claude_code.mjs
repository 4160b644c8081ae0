// Claude Code without a terminal: one prompt, one answer on stdout.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

import { ENDPOINT, NOT_GRANTED, run } from "./cases.mjs";

const PROGRAM = createRequire(import.meta.url).resolve("@anthropic-ai/claude-code/cli-wrapper.cjs");
const MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

// What it says and how it exits are all that a script gets.
class CommandFailed extends Error {
  constructor({ status, stdout, stderr }) {
    super(stdout + stderr);
    this.status = status;
  }
}

function claude(prompt, model, ...options) {
  const settings = {
    CLAUDE_CODE_USE_BEDROCK: "1",
    ANTHROPIC_BEDROCK_BASE_URL: ENDPOINT,
    ANTHROPIC_MODEL: model,
    ANTHROPIC_SMALL_FAST_MODEL: model,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // It takes every 403 for expired credentials and tries again for minutes.
    CLAUDE_CODE_MAX_RETRIES: "0",
  };
  const done = spawnSync(process.execPath, [PROGRAM, "-p", prompt, ...options], {
    encoding: "utf8",
    env: { ...process.env, ...settings },
    cwd: process.env.HOME,
  });
  if (done.status !== 0) throw new CommandFailed(done);
  return done.stdout.trim();
}

const lines = (text) => text.split("\n").map((line) => JSON.parse(line));

function stream() {
  const formats = ["--output-format", "stream-json", "--include-partial-messages", "--verbose"];
  const said = lines(claude("say: hello, streamed", MODEL, ...formats));
  const deltas = said.filter(({ event }) => event?.type === "content_block_delta");
  const text = deltas.map(({ event }) => event.delta.text).join("");
  return { text, finished: said.at(-1).subtype === "success" };
}

await run(
  {
    answer: () => ({ text: claude("say: hello", MODEL) }),
    stream,
    denied: () => ({ text: claude("say: hello", NOT_GRANTED) }),
  },
  ({ status }) => ({ error: `exit ${status}` }),
);
