"""One of the first releases of boto3 that had Bedrock: no Converse, other defaults."""

import json

import boto3

from cases import CLAUDE, NOT_GRANTED, TITAN, run

runtime = boto3.client("bedrock-runtime")


def claude_request(prompt, model=CLAUDE):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": prompt}],
    }
    return {"modelId": model, "body": json.dumps(body)}


def claude(model=CLAUDE):
    response = runtime.invoke_model(**claude_request("say: hello", model))
    return {"text": json.loads(response["body"].read())["content"][0]["text"]}


def titan():
    body = {"inputText": "say: hello", "textGenerationConfig": {"maxTokenCount": 64}}
    response = runtime.invoke_model(modelId=TITAN, body=json.dumps(body))
    return {"text": json.loads(response["body"].read())["results"][0]["outputText"]}


def stream(model=CLAUDE):
    response = runtime.invoke_model_with_response_stream(**claude_request("say: hello, streamed", model))
    text, stop = "", None
    for event in response["body"]:
        chunk = json.loads(event["chunk"]["bytes"])
        if chunk["type"] == "content_block_delta":
            text += chunk["delta"]["text"]
        elif chunk["type"] == "message_delta":
            stop = chunk["delta"]["stop_reason"]
    return {"text": text, "finished": bool(stop)}


def list_models():
    summaries = boto3.client("bedrock").list_foundation_models()["modelSummaries"]
    return {"models": [summary["modelId"] for summary in summaries]}


run({
    "claude": claude,
    "titan": titan,
    "stream": stream,
    "list_models": list_models,
    "denied": lambda: claude(NOT_GRANTED),
    "denied_stream": lambda: stream(NOT_GRANTED),
})
