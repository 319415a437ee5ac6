"""How the scripts of this directory tell what they saw: a line of JSON for each question.

Run as `SCRIPT HOW BASE MODEL [HOW BASE MODEL ...]`, once for a provider and for all gateways in
front of it; behind a line `["==", HOW, MODEL]` a script prints the same for each. Two ways of
telling: `exact`, the parsed objects without their ids, for a gateway that passes on what it gets;
`meaning`, what was said and what it cost, for one that translates: pieces of a stream are put
together, ids and signatures are whoever's who made them.
"""

import contextlib
import json
import sys

IDS = ("id", "item_id", "response_id", "responseId", "toolUseId", "request-id", "RequestId")
PROMPT = "What is the way around the city?"
# Bytes as a picture begins with.
PIXEL = bytes.fromhex("89504e470d0a1a0a")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
FORMAT = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def clean(value):
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in IDS}
        # Chunks say so where usage was asked for, by whomever.
        if kept.get("usage", 0) is None:
            del kept["usage"]
        return {key: clean(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def say(name, value):
    print(json.dumps([name, clean(value)], sort_keys=True, default=str))


@contextlib.contextmanager
def question(name):
    """A library that does not understand what it gets is told of like any answer."""
    try:
        yield
    except Exception as error:
        say(name, {"raised": type(error).__name__, "with": str(error)})


def run(version, main):
    if sys.argv[1:] == ["--version"]:
        print(version)
        return
    arguments = iter(sys.argv[1:])
    for how, base, model in zip(arguments, arguments, arguments):
        print(json.dumps(["==", how, model]))
        main(how, base, model)


class Folded:
    """What an answer means, put together from its pieces."""

    def __init__(self):
        self.text, self.thoughts, self.calls = "", "", []
        self.finish, self.usage = None, None

    def told(self):
        return {
            "text": self.text,
            "thoughts": self.thoughts,
            "calls": self.calls,
            "finish": self.finish,
            "usage": self.usage,
        }
