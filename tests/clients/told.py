"""How the scripts of this directory tell what they saw: a line of JSON for each question.

Run against a provider and against a gateway in front of it, a script prints the same lines. Two
ways of telling: `exact`, the parsed objects without their ids, for a gateway that passes on what it
gets; `meaning`, what was said and what it cost, for one that translates: pieces of a stream are put
together, ids and signatures are whoever's who made them.
"""

import json

IDS = ("id", "item_id", "response_id", "responseId", "toolUseId", "request-id", "RequestId")


def clean(value):
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if key not in IDS}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def say(name, value):
    print(json.dumps([name, clean(value)], sort_keys=True, default=str))


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
