"""Anthropic's own SDK for Python, with its plain client on Bedrock's `/anthropic` route."""

import anthropic

from cases import CLAUDE, ENDPOINT, NOT_GRANTED, run

# Its key comes as its users would set it: ANTHROPIC_AUTH_TOKEN.
client = anthropic.Anthropic(base_url=f"{ENDPOINT}/anthropic", max_retries=0)


def request(prompt, model=CLAUDE):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]}


def message(model=CLAUDE):
    return {"text": client.messages.create(**request("say: hello", model)).content[0].text}


def stream(model=CLAUDE, prompt="say: hello, streamed"):
    with client.messages.stream(**request(prompt, model)) as events:
        text = "".join(events.text_stream)
        return {"text": text, "finished": events.get_final_message().stop_reason == "end_turn"}


def beta():
    """Beta features travel in a header here."""
    answer = client.beta.messages.create(**request("say: hello"), betas=["token-efficient-tools-2025-02-19"])
    return {"text": answer.content[0].text}


run(
    {
        "message": message,
        "stream": stream,
        "beta": beta,
        "denied": lambda: message(NOT_GRANTED),
        "denied_stream": lambda: stream(NOT_GRANTED),
        "broken": lambda: stream(prompt="simulate: exception-mid-stream"),
    },
    lambda error: {"status": error.status_code},
)
