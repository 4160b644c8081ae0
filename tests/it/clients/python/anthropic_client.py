"""Anthropic's own SDK for Python, with its client for Bedrock."""

import anthropic

from cases import CLAUDE, ENDPOINT, NOT_GRANTED, REGION, run

client = anthropic.AnthropicBedrock(base_url=ENDPOINT, aws_region=REGION)


def request(prompt, model=CLAUDE):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]}


def message(model=CLAUDE):
    return {"text": client.messages.create(**request("say: hello", model)).content[0].text}


def stream(model=CLAUDE):
    text, stop = "", None
    for event in client.messages.create(**request("say: hello, streamed", model), stream=True):
        if event.type == "content_block_delta":
            text += event.delta.text
        elif event.type == "message_delta":
            stop = event.delta.stop_reason
    return {"text": text, "finished": stop == "end_turn"}


def beta():
    """Beta features travel in the body here, not in a header."""
    answer = client.beta.messages.create(**request("say: hello"), betas=["token-efficient-tools-2025-02-19"])
    return {"text": answer.content[0].text}


run(
    {
        "message": message,
        "stream": stream,
        "beta": beta,
        "denied": lambda: message(NOT_GRANTED),
        "denied_stream": lambda: stream(NOT_GRANTED),
    },
    lambda error: {"status": error.status_code, "code": error.response.headers["x-amzn-errortype"]},
)
