"""LangChain's ChatBedrock, which builds InvokeModel bodies itself."""

from langchain_aws import ChatBedrock

from cases import CLAUDE, ENDPOINT, NOT_GRANTED, REGION, run

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/profile00001"


def chat(model=CLAUDE, **options):
    return ChatBedrock(
        model=model, model_kwargs={"max_tokens": 64}, endpoint_url=ENDPOINT, region_name=REGION, **options
    )


def answer(model=CLAUDE):
    return {"text": chat(model).invoke("say: hello").text}


def stream(model=CLAUDE):
    chunks = list(chat(model).stream("say: hello, streamed"))
    counted = any(chunk.usage_metadata for chunk in chunks)
    return {"text": "".join(chunk.text for chunk in chunks), "finished": counted}


def profile():
    """Asks the control plane, at the same endpoint, which model is behind a profile."""
    return {"text": chat(PROFILE, provider="anthropic").invoke("say: hello").text}


run({
    "answer": answer,
    "stream": stream,
    "profile": profile,
    "denied": lambda: answer(NOT_GRANTED),
    "denied_stream": lambda: stream(NOT_GRANTED),
})
