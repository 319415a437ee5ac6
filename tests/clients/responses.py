"""What openai makes of a server's Responses; see told.py."""

import base64
import json

import openai

from told import FORMAT, PIXEL, PROMPT, SCHEMA, Folded, question, run, say

PICTURE = "data:image/png;base64," + base64.b64encode(PIXEL).decode()


def tool(name):
    return {"type": "function", "name": name, "parameters": SCHEMA}


LOOK, GO = tool("look"), tool("go")


def fold(answer):
    folded = Folded()
    for item in answer.output:
        if item.type == "message":
            folded.text += "".join(part.text for part in item.content)
        elif item.type == "function_call":
            folded.calls.append([item.name, json.loads(item.arguments)])
        elif item.type == "reasoning":
            folded.thoughts += "".join(part.text for part in item.summary)
    reason = answer.incomplete_details and answer.incomplete_details.reason
    folded.finish, usage = [answer.status, reason], answer.usage
    cached = usage.input_tokens_details.cached_tokens
    folded.usage = [usage.input_tokens, cached, usage.output_tokens, usage.total_tokens]
    return folded.told()


class Asker:
    def __init__(self, how, base, model):
        options = {"api_key": "k", "max_retries": 0, "timeout": 60}
        self.client = openai.OpenAI(base_url=base + "/v1", **options)
        self.create = self.client.responses.create
        self.exact, self.model = how == "exact", model

    def ask(self, name, input, wish="", **more):
        asked = {"model": self.model + wish, "input": input, **more}
        with question(name):
            answer = self.create(**asked)
            say(name, answer.to_dict() if self.exact else fold(answer))
        with question(f"stream of {name}"):
            events = list(self.create(stream=True, **asked))
            if self.exact:
                say(f"stream of {name}", [event.to_dict() for event in events])
                return
            deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
            last = events[-1]
            say(f"stream of {name}", ["".join(deltas), fold(last.response)])
        # It takes an end that came early for none.
        if name == "length":
            return
        with question(f"helper of {name}"):
            with self.client.responses.stream(**asked) as stream:
                for _ in stream:
                    pass
                say(f"helper of {name}", fold(stream.get_final_response()))

    def round_trip(self):
        """What the model said goes back as it is, with the results of its calls."""
        tools = [LOOK, GO]
        asked = [{"role": "user", "content": PROMPT}]
        first = self.create(model=self.model + "@tool=2", input=asked, tools=tools)
        asked += [item.to_dict() for item in first.output]
        calls = [item.call_id for item in first.output if item.type == "function_call"]
        for call in calls:
            asked.append({"type": "function_call_output", "call_id": call, "output": "rain"})
        self.ask("round trip", asked, wish="@echo", tools=tools)

    def errors(self):
        for status in (400, 401, 404, 429, 500):
            asked = {"model": f"{self.model}@{status}", "input": PROMPT}
            self.refused(f"@{status}", lambda: self.create(**asked))
        broken = {"model": self.model + "@error=2", "input": PROMPT, "stream": True}
        with question("error amid"):
            try:
                # Told by itself, and by some that the response failed, too.
                say("error amid", "error" in [event.type for event in self.create(**broken)])
            except openai.APIError as error:
                say("error amid", type(error).__name__)

    def refused(self, name, ask):
        with question(name):
            try:
                ask()
            except openai.APIStatusError as error:
                told = [type(error).__name__, error.status_code]
                say(name, told + ([error.body] if self.exact else []))
            else:
                say(name, "was answered")


def main(how, base, model):
    asker = Asker(how, base, model)
    asker.ask("text", PROMPT)
    picture = {"type": "input_image", "image_url": PICTURE, "detail": "auto"}
    seen = [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}, picture]}]
    asker.ask("echo", seen, wish="@echo", instructions="Be brief.", max_output_tokens=2000)
    asker.ask("length", PROMPT, wish="@tokens=40", max_output_tokens=16)
    asker.ask("call", PROMPT, tools=[LOOK], tool_choice={"type": "function", "name": "look"})
    asker.ask("two calls", PROMPT, wish="@tool=2", tools=[LOOK, GO])
    asker.ask("tools left alone", PROMPT, wish="@echo", tools=[LOOK])
    thinking = {"effort": "low", "summary": "auto"}
    asker.ask("thinking", PROMPT, reasoning=thinking, max_output_tokens=4000)
    shape = {"type": "json_schema", "name": "n", "schema": FORMAT, "strict": True}
    asker.ask("format", PROMPT, wish="@echo", text={"format": shape})
    with question("round trip"):
        asker.round_trip()
    asker.errors()


if __name__ == "__main__":
    run(openai.__version__, main)
