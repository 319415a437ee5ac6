"""What boto3 makes of a server; see told.py."""

import json

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from told import PIXEL, PROMPT, SCHEMA, Folded, question, run, say

LOOK = {"toolSpec": {"name": "look", "description": "Looks", "inputSchema": {"json": SCHEMA}}}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
LOUD = {"metrics", "ResponseMetadata"}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def fold_whole(response):
    folded = Folded()
    for block in response["output"]["message"]["content"]:
        if "text" in block:
            folded.text += block["text"]
        elif "toolUse" in block:
            folded.calls.append([block["toolUse"]["name"], block["toolUse"]["input"]])
        elif "reasoningContent" in block:
            folded.thoughts += block["reasoningContent"].get("reasoningText", {}).get("text", "")
    folded.finish, folded.usage = response["stopReason"], bill(response["usage"])
    return folded.told()


def fold_events(events):
    folded = Folded()
    for event in events:
        if "contentBlockStart" in event:
            folded.calls.append([event["contentBlockStart"]["start"]["toolUse"]["name"], ""])
        elif "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]["delta"]
            folded.text += delta.get("text", "")
            folded.thoughts += delta.get("reasoningContent", {}).get("text", "")
            if "toolUse" in delta:
                folded.calls[-1][1] += delta["toolUse"]["input"]
        elif "messageStop" in event:
            folded.finish = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            folded.usage = bill(event["metadata"]["usage"])
    folded.calls = [[name, json.loads(text or "{}")] for name, text in folded.calls]
    return folded.told()


def bill(usage):
    names = ("inputTokens", "cacheReadInputTokens", "outputTokens", "totalTokens")
    return [usage.get(name, 0) for name in names]


class Asker:
    def __init__(self, how, base, model):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        self.client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=base,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=config,
        )
        self.exact, self.model = how == "exact", model

    def ask(self, name, messages, wish="", **more):
        asked = {"modelId": self.model + wish, "messages": messages, **more}
        with question(name):
            response = self.client.converse(**asked)
            exact = {key: response[key] for key in response if key not in LOUD}
            say(name, exact if self.exact else fold_whole(response))
        with question(f"stream of {name}"):
            events = list(self.client.converse_stream(**asked)["stream"])
            for event in events:
                event.get("metadata", {}).pop("metrics", None)
            say(f"stream of {name}", events if self.exact else fold_events(events))

    def refused(self, name, ask):
        with question(name):
            try:
                ask()
            except EventStreamError as error:
                say(name, [type(error).__name__] + ([str(error)] if self.exact else []))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                told = [error.response["Error"]["Code"], status]
                say(name, told + ([error.response["Error"]["Message"]] if self.exact else []))
            else:
                say(name, "was answered")

    def round_trip(self):
        """What the model said goes back as it is, with the result of its call."""
        asked = user({"text": "Now please call look there."})
        tools = {"tools": [LOOK]}
        first = self.client.converse(
            modelId=self.model,
            messages=[asked],
            toolConfig=tools,
            inferenceConfig={"maxTokens": 4000},
            additionalModelRequestFields=THINKING,
        )
        said = first["output"]["message"]
        ids = [block["toolUse"]["toolUseId"] for block in said["content"] if "toolUse" in block]
        results = [{"toolResult": {"toolUseId": id, "content": [{"text": "rain"}]}} for id in ids]
        self.ask("round trip", [asked, said, user(*results)], wish="@echo", toolConfig=tools)

    def errors(self):
        messages = [user({"text": PROMPT})]
        for status in (400, 403, 404, 429, 500, 503):
            wish = f"@{status}"
            self.refused(
                wish, lambda: self.client.converse(modelId=self.model + wish, messages=messages)
            )
        stream = self.client.converse_stream
        broken = {"modelId": self.model + "@error=2", "messages": messages}
        self.refused("error amid", lambda: list(stream(**broken)["stream"]))


def main(how, base, model):
    asker = Asker(how, base, model)
    plain = [user({"text": PROMPT})]
    asker.ask("text", plain)
    image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    settings = {"temperature": 0.5, "topP": 0.9, "maxTokens": 2000}
    brief = {"system": [{"text": "Be brief."}], "inferenceConfig": settings}
    asker.ask("echo", [user({"text": PROMPT}, image)], wish="@echo", **brief)
    asker.ask("stops", plain, wish="@echo", inferenceConfig={"stopSequences": ["END"]})
    asker.ask("length", plain, wish="@tokens=40", inferenceConfig={"maxTokens": 16})
    forced = {"tools": [LOOK], "toolChoice": {"tool": {"name": "look"}}}
    asker.ask("call", plain, toolConfig=forced)
    by_word = [user({"text": "Now please call look there."})]
    asker.ask("call by word", by_word, toolConfig={"tools": [LOOK]})
    asker.ask("tools left alone", plain, wish="@echo", toolConfig={"tools": [LOOK]})
    thinking = {"inferenceConfig": {"maxTokens": 4000}, "additionalModelRequestFields": THINKING}
    asker.ask("thinking", plain, **thinking)
    with question("round trip"):
        asker.round_trip()
    asker.errors()


if __name__ == "__main__":
    run(f"{boto3.__version__} {botocore.__version__}", main)
