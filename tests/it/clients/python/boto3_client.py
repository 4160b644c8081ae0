"""An application that uses Amazon Bedrock through boto3.

It knows nothing of any sidecar: endpoint, certificates, region and keys come from the standard environment variables.
Runs the cases named on the command line and prints one JSON object for each.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
TITAN = "amazon.titan-text-express-v1"
NOT_GRANTED = "meta.llama3-70b-instruct-v1:0"
# What the model is made to say in streams that are changed, and in those that are cut.
MAIL = "say: mail alice.example@mail.example.com today"
KEY = "say: key: AKIAQWERTYUIOPASDFGH, and more"

runtime = boto3.client("bedrock-runtime")


def converse_request(prompt, model=CLAUDE, **inference):
    return {
        "modelId": model,
        "messages": [{"role": "user", "content": [{"text": prompt}]}],
        "inferenceConfig": {"maxTokens": 64, **inference},
    }


def claude_request(prompt):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": prompt}],
    }
    return {"modelId": CLAUDE, "body": json.dumps(body)}


def answered(response, text):
    return {"text": text, "headers": response["ResponseMetadata"]["HTTPHeaders"]}


def converse(prompt="say: hello from converse", **arguments):
    response = runtime.converse(**converse_request(prompt, **arguments))
    return answered(response, response["output"]["message"]["content"][0]["text"])


def invoke_claude():
    response = runtime.invoke_model(**claude_request("say: hello from claude"))
    return answered(response, json.loads(response["body"].read())["content"][0]["text"])


def invoke_titan():
    body = {"inputText": "say: hello from titan", "textGenerationConfig": {"maxTokenCount": 64}}
    response = runtime.invoke_model(modelId=TITAN, body=json.dumps(body))
    return answered(response, json.loads(response["body"].read())["results"][0]["outputText"])


def converse_stream(prompt="say: hello from a converse stream", **arguments):
    response = runtime.converse_stream(**converse_request(prompt, **arguments))
    text = stop = usage = None
    for event in response["stream"]:
        if "contentBlockDelta" in event:
            text = (text or "") + event["contentBlockDelta"]["delta"]["text"]
        elif "messageStop" in event:
            stop = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            usage = event["metadata"]["usage"]
    return {**answered(response, text), "finished": bool(stop and usage)}


def invoke_stream(prompt="say: hello from an invoke stream"):
    response = runtime.invoke_model_with_response_stream(**claude_request(prompt))
    text, stop = "", None
    for event in response["body"]:
        chunk = json.loads(event["chunk"]["bytes"])
        if chunk["type"] == "content_block_delta":
            text += chunk["delta"]["text"]
        elif chunk["type"] == "message_delta":
            stop = chunk["delta"]["stop_reason"]
    return {**answered(response, text), "finished": bool(stop)}


def conversation():
    """Three turns, each with everything that was said before, the second one streamed."""
    system = [{"text": "You are support@mail.example.com."}]
    messages, answers = [], []
    for turn, name in enumerate(["alice", "bob", "alice"]):
        prompt = f"say: mail {name}.example@mail.example.com today"
        messages.append({"role": "user", "content": [{"text": prompt}]})
        request = {"modelId": CLAUDE, "messages": messages, "system": system}
        if turn == 1:
            events = runtime.converse_stream(**request)["stream"]
            deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
            answer = "".join(deltas)
        else:
            answer = runtime.converse(**request)["output"]["message"]["content"][0]["text"]
        messages.append({"role": "assistant", "content": [{"text": answer}]})
        answers.append(answer)
    return {"text": " | ".join(answers), "headers": {}}


def list_models():
    response = boto3.client("bedrock").list_foundation_models()
    models = [summary["modelId"] for summary in response["modelSummaries"]]
    return {**answered(response, ""), "models": models}


def count_tokens():
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "write to jane.doe@example.com"}],
    }
    native = runtime.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": json.dumps(body)}})
    messages = converse_request("write to jane.doe@example.com")["messages"]
    converse = runtime.count_tokens(modelId=CLAUDE, input={"converse": {"messages": messages}})
    return answered(native, str(native["inputTokens"] == converse["inputTokens"] > 0))


def apply_guardrail():
    response = runtime.apply_guardrail(
        guardrailIdentifier="gr1a2b3c4d5e",
        guardrailVersion="1",
        source="OUTPUT",
        content=[{"text": {"text": "say: not this"}}],
    )
    return answered(response, response["action"] + " " + response["outputs"][0]["text"])


def guardrail_checks():
    response = runtime.invoke_guardrail_checks(
        messages=[{"role": "user", "content": [{"text": "hello"}]}],
        checks={"promptAttack": {"categories": [{"category": "JAILBREAK"}]}},
    )
    return answered(response, response["results"]["promptAttack"]["results"][0]["category"])


def start_async(token, prompt="hello", bucket="results"):
    return runtime.start_async_invoke(
        clientRequestToken=token,
        modelId=TITAN,
        modelInput={"inputText": prompt},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/a/"}},
    )


def async_invoke():
    arn = start_async("first")["invocationArn"]
    status = runtime.get_async_invoke(invocationArn=arn)["status"]
    pages = runtime.get_paginator("list_async_invokes").paginate(
        statusEquals="Completed", PaginationConfig={"PageSize": 1}
    )
    arns = [summary["invocationArn"] for page in pages for summary in page["asyncInvokeSummaries"]]
    return {"text": f"{status} {arns.count(arn)}"}


def list_profiles():
    pages = boto3.client("bedrock").get_paginator("list_inference_profiles").paginate(
        typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 3}
    )
    models = [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]
    return {"models": models}


def describe():
    bedrock = boto3.client("bedrock")
    model = bedrock.get_foundation_model(modelIdentifier=TITAN)["modelDetails"]["modelId"]
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier="us." + CLAUDE)["inferenceProfileId"]
    guardrail = bedrock.get_guardrail(guardrailIdentifier="gr1a2b3c4d5e")["version"]
    return {"text": f"{model} {profile} {guardrail}"}


def batch_job():
    data = {"s3InputDataConfig": {"s3Uri": "s3://a/b"}}
    output = {"s3OutputDataConfig": {"s3Uri": "s3://a/c"}}
    boto3.client("bedrock").create_model_invocation_job(
        jobName="nightly",
        roleArn="arn:aws:iam::111122223333:role/batch",
        modelId=CLAUDE,
        inputDataConfig=data,
        outputDataConfig=output,
    )


CASES = {
    "count_tokens": count_tokens,
    "apply_guardrail": apply_guardrail,
    "guardrail_checks": guardrail_checks,
    "async_invoke": async_invoke,
    "async_conflict": lambda: start_async("first", prompt="another") and start_async("first"),
    "async_elsewhere": lambda: start_async("second", bucket="elsewhere"),
    "list_profiles": list_profiles,
    "describe": describe,
    "denied_profile": lambda: boto3.client("bedrock").get_inference_profile(
        inferenceProfileIdentifier="us.amazon.nova-lite-v1:0"
    ),
    "batch_job": batch_job,
    "converse": converse,
    "invoke_claude": invoke_claude,
    "invoke_titan": invoke_titan,
    "converse_stream": converse_stream,
    "invoke_stream": invoke_stream,
    "list_models": list_models,
    "denied_model": lambda: converse(model=NOT_GRANTED),
    "denied_parameter": lambda: converse(temperature=0.95),
    "denied_stream": lambda: converse_stream(model=NOT_GRANTED),
    "edited_converse_stream": lambda: converse_stream(MAIL),
    "edited_invoke_stream": lambda: invoke_stream(MAIL),
    "conversation": conversation,
    "cut_converse_stream": lambda: converse_stream(KEY),
    "cut_invoke_stream": lambda: invoke_stream(KEY),
    "broken_converse_stream": lambda: converse_stream("simulate: truncate-frame"),
    "broken_invoke_stream": lambda: invoke_stream("simulate: truncate-frame"),
    "clamped": lambda: converse("say: hello, shortened", maxTokens=9000),
    "throttled": lambda: converse("simulate: throttle"),
}


def run(case):
    try:
        return CASES[case]()
    except ClientError as error:
        # Exceptions out of the middle of a stream have no answer of their own.
        answer = error.response.get("ResponseMetadata", {})
        return {
            # A typed exception is one of the client's own classes, which an application can catch by name.
            "error": type(error).__name__,
            "message": error.response["Error"]["Message"],
            "status": answer.get("HTTPStatusCode"),
            "request_id": answer.get("RequestId"),
            "headers": answer.get("HTTPHeaders"),
            "code": error.response["Error"]["Code"],
        }


for name in sys.argv[1:]:
    print(json.dumps({"case": name, **run(name)}), flush=True)
