"""What openai makes of a server's chat completions, embeddings and models; see told.py."""

import base64
import json

import openai

from told import FORMAT, PIXEL, PROMPT, SCHEMA, Folded, question, run, say

PICTURE = "data:image/png;base64," + base64.b64encode(PIXEL).decode()


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA}}


LOOK, GO = tool("look"), tool("go")
FORCED = {"type": "function", "function": {"name": "look"}}


def user(content):
    return {"role": "user", "content": content}


def bill(usage):
    if not usage:
        return None
    details = usage.prompt_tokens_details
    cached = (details and details.cached_tokens) or 0
    return [usage.prompt_tokens, cached, usage.completion_tokens, usage.total_tokens]


def fold_whole(answer):
    folded, choice = Folded(), answer.choices[0]
    folded.text = choice.message.content or ""
    for call in choice.message.tool_calls or []:
        folded.calls.append([call.function.name, json.loads(call.function.arguments)])
    folded.finish, folded.usage = choice.finish_reason, bill(answer.usage)
    return folded.told()


def fold_chunks(chunks):
    folded, pieces = Folded(), {}
    for chunk in chunks:
        folded.usage = bill(chunk.usage) or folded.usage
        for choice in chunk.choices:
            folded.text += choice.delta.content or ""
            folded.finish = choice.finish_reason or folded.finish
            for call in choice.delta.tool_calls or []:
                piece = pieces.setdefault(call.index, ["", ""])
                piece[0] += call.function.name or ""
                piece[1] += call.function.arguments or ""
    folded.calls = [[name, json.loads(text)] for name, text in pieces.values()]
    return folded.told()


class Asker:
    def __init__(self, how, base, model):
        options = {"api_key": "k", "max_retries": 0, "timeout": 60}
        self.client = openai.OpenAI(base_url=base + "/v1", **options)
        self.create = self.client.chat.completions.create
        self.exact, self.model = how == "exact", model

    def ask(self, name, messages, wish="", **more):
        asked = {"model": self.model + wish, "messages": messages, **more}
        with question(name):
            answer = self.create(**asked)
            say(name, answer.to_dict() if self.exact else fold_whole(answer))
        with question(f"stream of {name}"):
            usage = {"include_usage": True}
            chunks = list(self.create(stream=True, stream_options=usage, **asked))
            exact = self.exact and [chunk.to_dict() for chunk in chunks]
            say(f"stream of {name}", exact or fold_chunks(chunks))

    def round_trip(self):
        """What the model said goes back as it is, with the results of its calls."""
        tools = [LOOK, GO]
        asked = [user(PROMPT)]
        first = self.create(model=self.model + "@tool=2", messages=asked, tools=tools)
        said = first.choices[0].message
        asked.append(said.to_dict())
        for call in said.tool_calls:
            asked.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
        self.ask("round trip", asked, wish="@echo", tools=tools)

    def errors(self):
        for status in (400, 401, 403, 404, 429, 500, 503):
            wish = f"@{status}"
            asked = {"model": self.model + wish, "messages": [user(PROMPT)]}
            self.refused(wish, lambda: self.create(**asked))
            self.refused(f"stream of {wish}", lambda: self.create(stream=True, **asked))
        broken = {"model": self.model + "@error=2", "messages": [user(PROMPT)], "stream": True}
        self.refused("error amid", lambda: list(self.create(**broken)))
        self.refused("no messages", lambda: self.create(model=self.model, messages=[]))

    def refused(self, name, ask):
        with question(name):
            try:
                ask()
            except openai.APIStatusError as error:
                told = [type(error).__name__, error.status_code]
                say(name, told + ([error.body] if self.exact else []))
            except openai.APIError as error:
                say(name, [type(error).__name__] + ([error.message] if self.exact else []))
            else:
                say(name, "was answered")

    def others(self):
        if self.exact:
            with question("embeddings"):
                say("embeddings", self.client.embeddings.create(model="e", input=PROMPT).to_dict())
        with question("models"):
            say("models", [model.object for model in self.client.models.list()])


def main(how, base, model):
    asker = Asker(how, base, model)
    plain = [user(PROMPT)]
    asker.ask("text", plain)
    picture = {"type": "image_url", "image_url": {"url": PICTURE}}
    system = {"role": "system", "content": "Be brief."}
    seen = [system, user([{"type": "text", "text": PROMPT}, picture])]
    asker.ask("echo", seen, wish="@echo", temperature=0.5, max_tokens=2000)
    asker.ask("stops", plain, wish="@echo", stop=["END"])
    asker.ask("length", plain, wish="@tokens=40", max_tokens=16)
    asker.ask("call", plain, tools=[LOOK], tool_choice=FORCED)
    asker.ask("two calls", plain, wish="@tool=2", tools=[LOOK, GO])
    asker.ask("call by word", [user("Now please call look there.")], tools=[LOOK])
    asker.ask("tools left alone", plain, wish="@echo", tools=[LOOK])
    asker.ask("thinking", plain, reasoning_effort="low", max_completion_tokens=4000)
    shape = {"name": "n", "schema": FORMAT, "strict": True}
    shape = {"type": "json_schema", "json_schema": shape}
    asker.ask("format", plain, wish="@echo", response_format=shape)
    with question("round trip"):
        asker.round_trip()
    asker.errors()
    asker.others()


if __name__ == "__main__":
    run(openai.__version__, main)
