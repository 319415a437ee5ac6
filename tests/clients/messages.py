"""What anthropic makes of a server: of 2.x and, found first in PYTHONPATH, of 1.17; see told.py."""

import base64

import anthropic

from told import FORMAT, PIXEL, PROMPT, SCHEMA, Folded, question, run, say

LOOK, GO = ({"name": name, "input_schema": SCHEMA} for name in ("look", "go"))


def user(content):
    return {"role": "user", "content": content}


def fold(message):
    folded = Folded()
    for block in message.content:
        if block.type == "text":
            folded.text += block.text
        elif block.type == "thinking":
            folded.thoughts += block.thinking
        elif block.type == "tool_use":
            folded.calls.append([block.name, block.input])
    usage = message.usage
    folded.finish = message.stop_reason
    folded.usage = [usage.input_tokens, usage.cache_read_input_tokens or 0, usage.output_tokens]
    return folded.told()


class Asker:
    def __init__(self, how, base, model):
        options = {"api_key": "k", "max_retries": 0, "timeout": 60}
        self.client = anthropic.Anthropic(base_url=base, **options)
        self.create = self.client.messages.create
        self.exact, self.model = how == "exact", model

    def ask(self, name, messages, wish="", max_tokens=2000, **more):
        asked = {"model": self.model + wish, "messages": messages, "max_tokens": max_tokens, **more}
        with question(name):
            answer = self.create(**asked)
            say(name, answer.to_dict() if self.exact else fold(answer))
        with question(f"stream of {name}"):
            with self.client.messages.stream(**asked) as stream:
                events = [event.to_dict() for event in stream]
                last = stream.get_final_message()
            say(f"stream of {name}", [events, last.to_dict()] if self.exact else fold(last))

    def round_trip(self):
        """What the model said goes back as it is, with the results of its calls."""
        tools = [LOOK, GO]
        asked = [user(PROMPT)]
        first = self.create(
            model=self.model + "@tool=2", max_tokens=4000, messages=asked, tools=tools
        )
        asked.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
        ids = [block.id for block in first.content if block.type == "tool_use"]
        asked.append(
            user([{"type": "tool_result", "tool_use_id": id, "content": "rain"} for id in ids])
        )
        self.ask("round trip", asked, wish="@echo", tools=tools)

    def errors(self):
        for status in (400, 401, 403, 404, 429, 500, 529):
            wish = f"@{status}"
            asked = {"model": self.model + wish, "max_tokens": 9, "messages": [user(PROMPT)]}
            self.refused(wish, lambda: self.create(**asked))
            self.refused(f"stream of {wish}", lambda: self.create(stream=True, **asked))
        broken = {"model": self.model + "@error=2", "max_tokens": 9, "messages": [user(PROMPT)]}
        self.refused("error amid", lambda: list(self.create(stream=True, **broken)))

    def refused(self, name, ask):
        with question(name):
            try:
                ask()
            except anthropic.APIStatusError as error:
                told = [type(error).__name__, error.status_code]
                say(name, told + ([error.body] if self.exact else []))
            else:
                say(name, "was answered")

    def others(self):
        messages = [user(PROMPT)]
        with question("count"):
            count = self.client.messages.count_tokens(model=self.model, messages=messages)
            # Who cannot count is not asked, and the answer is an estimate.
            say("count", count.to_dict() if self.exact else count.input_tokens > 0)
        with question("models"):
            say("models", [model.type for model in self.client.models.list()])


def main(how, base, model):
    asker = Asker(how, base, model)
    plain = [user(PROMPT)]
    asker.ask("text", plain)
    data = base64.b64encode(PIXEL).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    picture = {"type": "image", "source": source}
    asker.ask(
        "echo", [user([{"type": "text", "text": PROMPT}, picture])], "@echo", system="Be brief."
    )
    asker.ask("stops", plain, wish="@echo", stop_sequences=["END"])
    asker.ask("length", plain, wish="@tokens=40", max_tokens=16)
    asker.ask("call", plain, tools=[LOOK], tool_choice={"type": "tool", "name": "look"})
    asker.ask("two calls", plain, wish="@tool=2", tools=[LOOK, GO])
    asker.ask("call by word", [user("Now please call look there.")], tools=[LOOK])
    asker.ask("tools left alone", plain, wish="@echo", tools=[LOOK])
    thinking = {"type": "enabled", "budget_tokens": 1024}
    asker.ask("thinking", plain, max_tokens=4000, thinking=thinking)
    shape = {"format": {"type": "json_schema", "schema": FORMAT}}
    asker.ask("format", plain, wish="@echo", output_config=shape)
    with question("round trip"):
        asker.round_trip()
    asker.errors()
    asker.others()


if __name__ == "__main__":
    run(anthropic.__version__, main)
