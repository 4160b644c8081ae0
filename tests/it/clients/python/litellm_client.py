"""LiteLLM as a library, on both of its routes to Bedrock."""

import os

# Before the import: the library would fetch its price list.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

from cases import CLAUDE, ENDPOINT, NOT_GRANTED, run

# It prints advice to stdout, where the cases are.
litellm.suppress_debug_info = True


def request(route, prompt, model=CLAUDE):
    return {
        "model": f"bedrock/{route}/{model}",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 64,
        "aws_bedrock_runtime_endpoint": ENDPOINT,
    }


def answer(route, model=CLAUDE):
    response = litellm.completion(**request(route, "say: hello", model))
    return {"text": response.choices[0].message.content}


def stream(route, model=CLAUDE):
    text, stop = "", None
    for chunk in litellm.completion(**request(route, "say: hello, streamed", model), stream=True):
        text += chunk.choices[0].delta.content or ""
        stop = stop or chunk.choices[0].finish_reason
    return {"text": text, "finished": stop == "stop"}


run({
    "converse": lambda: answer("converse"),
    "converse_stream": lambda: stream("converse"),
    "invoke": lambda: answer("invoke"),
    "invoke_stream": lambda: stream("invoke"),
    "denied_converse": lambda: answer("converse", NOT_GRANTED),
    "denied_converse_stream": lambda: stream("converse", NOT_GRANTED),
    "denied_invoke": lambda: answer("invoke", NOT_GRANTED),
    "denied_invoke_stream": lambda: stream("invoke", NOT_GRANTED),
})
