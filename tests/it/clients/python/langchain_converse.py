"""LangChain's ChatBedrockConverse."""

from langchain_aws import ChatBedrockConverse

from cases import CLAUDE, ENDPOINT, NOT_GRANTED, REGION, run


def chat(model=CLAUDE):
    return ChatBedrockConverse(model=model, max_tokens=64, endpoint_url=ENDPOINT, region_name=REGION)


def answer(model=CLAUDE):
    return {"text": chat(model).invoke("say: hello").text}


def stream(model=CLAUDE):
    chunks = list(chat(model).stream("say: hello, streamed"))
    counted = any(chunk.usage_metadata for chunk in chunks)
    return {"text": "".join(chunk.text for chunk in chunks), "finished": counted}


run({
    "answer": answer,
    "stream": stream,
    "denied": lambda: answer(NOT_GRANTED),
    "denied_stream": lambda: stream(NOT_GRANTED),
})
