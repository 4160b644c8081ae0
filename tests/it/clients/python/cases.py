"""What every Python application here does: run the cases named on the command line, print one JSON object for each.

None of them knows of a sidecar: endpoint, certificates, region and keys come from the standard environment variables.
"""

import json
import os
import sys

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
TITAN = "amazon.titan-text-express-v1"
NOT_GRANTED = "anthropic.claude-3-opus-20240229-v1:0"
ENDPOINT = os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
REGION = os.environ["AWS_REGION"]


def run(cases, refusal=lambda error: {}):
    """`refusal` adds what only this client's own exceptions have."""
    for name in sys.argv[1:]:
        try:
            observed = cases[name]()
        except Exception as error:
            observed = {"error": type(error).__name__, "message": str(error), **refusal(error)}
        print(json.dumps({"case": name, **observed}), flush=True)
