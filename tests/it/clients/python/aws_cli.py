"""The AWS CLI, version 1. It has no commands for streams."""

import json
import os
import subprocess
import sys
import tempfile

from cases import CLAUDE, NOT_GRANTED, run


class CommandFailed(Exception):
    """What the CLI says and how it exits are all that a script gets."""

    def __init__(self, done):
        super().__init__(done.stderr.strip())
        self.code = done.returncode


def aws(*arguments):
    # A page through `less` is for people.
    command = [sys.executable, "-m", "awscli", *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "AWS_PAGER": ""})
    if done.returncode != 0:
        raise CommandFailed(done)
    return json.loads(done.stdout)


def converse(model=CLAUDE):
    messages = json.dumps([{"role": "user", "content": [{"text": "say: hello"}]}])
    answer = aws("bedrock-runtime", "converse", "--model-id", model, "--messages", messages)
    return {"text": answer["output"]["message"]["content"][0]["text"]}


def invoke(model=CLAUDE):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "say: hello"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        request, answer = os.path.join(folder, "request.json"), os.path.join(folder, "answer.json")
        with open(request, "w") as file:
            json.dump(body, file)
        aws("bedrock-runtime", "invoke-model", "--model-id", model, "--body", f"fileb://{request}", answer)
        with open(answer) as file:
            return {"text": json.load(file)["content"][0]["text"]}


def list_models():
    summaries = aws("bedrock", "list-foundation-models")["modelSummaries"]
    return {"models": [summary["modelId"] for summary in summaries]}


run(
    {
        "converse": converse,
        "invoke": invoke,
        "list_models": list_models,
        "denied": lambda: converse(NOT_GRANTED),
        "denied_invoke": lambda: invoke(NOT_GRANTED),
    },
    lambda error: {"error": f"exit {error.code}"},
)
