"""OpenAI's SDK for Python on Bedrock's compatible routes."""

import openai

from cases import ENDPOINT, run

# Its key and its endpoint come as its users would set them: OPENAI_API_KEY, and `/openai/v1` under the endpoint.
client = openai.OpenAI(base_url=f"{ENDPOINT}/openai/v1", max_retries=0)

GPT = "openai.gpt-oss-20b-1:0"
NOT_GRANTED = "openai.gpt-oss-120b-1:0"
WEATHER = {"type": "object", "properties": {"text": {"type": "string"}}}


def chat(prompt, model=GPT, **options):
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": prompt}]
    return client.chat.completions.create(model=model, messages=messages, max_completion_tokens=64, **options)


def answer(model=GPT):
    return {"text": chat("say: hello", model).choices[0].message.content}


def stream(model=GPT):
    text, stop, usage = "", None, None
    for chunk in chat("say: hello, streamed", model, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            stop = stop or choice.finish_reason
    return {"text": text, "finished": stop == "stop" and usage.completion_tokens > 0}


def respond(prompt, model=GPT, **options):
    return client.responses.create(model=model, input=prompt, max_output_tokens=64, **options)


def response(model=GPT):
    return {"text": respond("say: hello", model, instructions="be brief").output_text}


def response_stream(model=GPT):
    text, done, completed = "", None, None
    for event in respond("say: hello, streamed", model, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.output_text.done":
            done = event.text
        elif event.type == "response.completed":
            completed = event.response
    return {"text": text, "finished": text == done == completed.output_text and completed.status == "completed"}


def called():
    tools = [{"type": "function", "name": "forecast", "parameters": WEATHER, "strict": False}]
    choice = {"type": "function", "name": "forecast"}
    return {"text": respond("say: rain", tools=tools, tool_choice=choice).output[0].arguments}


def broken():
    return {"text": "".join(chunk.choices[0].delta.content or "" for chunk in chat(BREAKS, stream=True))}


def broken_response():
    return {"text": "".join(event.type for event in respond(BREAKS, stream=True))}


BREAKS = "simulate: exception-mid-stream"

run(
    {
        "answer": answer,
        "stream": stream,
        "response": response,
        "response_stream": response_stream,
        "called": called,
        "list_models": lambda: {"models": [model.id for model in client.models.list()]},
        "denied": lambda: answer(NOT_GRANTED),
        "denied_stream": lambda: stream(NOT_GRANTED),
        "denied_response": lambda: response(NOT_GRANTED),
        "denied_response_stream": lambda: response_stream(NOT_GRANTED),
        "denied_state": lambda: {"text": respond("hi", previous_response_id="resp_1").output_text},
        "broken": broken,
        "broken_response": broken_response,
    },
    lambda error: {"status": getattr(error, "status_code", None), "code": error.code},
)
