"""OpenAI's SDK for Python on Bedrock's compatible route."""

import openai

from cases import ENDPOINT, run

# Its key and its endpoint come as its users would set them: OPENAI_API_KEY, and `/openai/v1` under the endpoint.
client = openai.OpenAI(base_url=f"{ENDPOINT}/openai/v1")


def request(prompt, **options):
    messages = [{"role": "user", "content": prompt}]
    return client.chat.completions.create(
        model="openai.gpt-oss-20b-1:0", messages=messages, max_completion_tokens=64, **options
    )


def answer():
    return {"text": request("say: hello").choices[0].message.content}


def stream():
    text, stop = "", None
    for chunk in request("say: hello, streamed", stream=True):
        text += chunk.choices[0].delta.content or ""
        stop = stop or chunk.choices[0].finish_reason
    return {"text": text, "finished": stop == "stop"}


run(
    {"answer": answer, "stream": stream},
    lambda error: {"status": error.status_code, "code": error.response.headers["x-amzn-errortype"]},
)
