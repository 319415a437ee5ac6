"""What google-genai makes of a server; see told.py."""

from google import genai
from google.genai import errors, types

from told import FORMAT, PIXEL, PROMPT, Folded, question, run, say

LOOK = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="look",
            description="Looks at a city",
            parameters=types.Schema(
                type="OBJECT",
                properties={
                    "city": types.Schema(type="STRING"),
                    "days": types.Schema(type="INTEGER"),
                },
                required=["city"],
            ),
        )
    ]
)
FORCED = types.ToolConfig(
    function_calling_config=types.FunctionCallingConfig(mode="ANY", allowed_function_names=["look"])
)
THINKING = types.ThinkingConfig(thinking_level="LOW", include_thoughts=True)
# A program calls what it is told to itself, not the library.
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


def fold(responses):
    folded = Folded()
    for response in responses:
        for candidate in response.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                if part.function_call:
                    folded.calls.append([part.function_call.name, part.function_call.args])
                elif part.thought:
                    folded.thoughts += part.text or ""
                else:
                    folded.text += part.text or ""
            folded.finish = candidate.finish_reason or folded.finish
        usage = response.usage_metadata
        if usage:
            # Not every dialect tells thoughts apart.
            output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            cached = usage.cached_content_token_count or 0
            folded.usage = [usage.prompt_token_count, cached, output, usage.total_token_count]
    return folded.told()


class Asker:
    def __init__(self, how, base, model):
        options = types.HttpOptions(base_url=base, timeout=60_000)
        self.client = genai.Client(api_key="k", http_options=options)
        self.exact, self.model = how == "exact", model

    def told(self, responses):
        if not self.exact:
            return fold(responses)
        kept = {"exclude_none": True, "mode": "json", "exclude": {"sdk_http_response"}}
        return [response.model_dump(**kept) for response in responses]

    def ask(self, name, contents, wish="", **config):
        config = types.GenerateContentConfig(automatic_function_calling=BY_HAND, **config)
        asked = {"model": self.model + wish, "contents": contents, "config": config}
        with question(name):
            say(name, self.told([self.client.models.generate_content(**asked)]))
        with question(f"stream of {name}"):
            stream = self.client.models.generate_content_stream(**asked)
            say(f"stream of {name}", self.told(list(stream)))

    def refused(self, name, ask):
        with question(name):
            try:
                ask()
            except errors.APIError as error:
                told = [type(error).__name__, error.code, error.status]
                say(name, told + ([error.message] if self.exact else []))
            else:
                say(name, "was answered")

    def count(self):
        with question("count"):
            counted = self.client.models.count_tokens(model=self.model, contents=PROMPT)
            # Who cannot count is not asked, and the answer is an estimate.
            say("count", counted.total_tokens if self.exact else counted.total_tokens > 0)

    def models(self):
        with question("models"):
            say("models", [bool(model.name) for model in self.client.models.list()])

    def round_trip(self):
        """What the model said goes back as it is, with the result of its call."""
        asked = types.Content(role="user", parts=[types.Part(text=PROMPT)])
        config = {"tools": [LOOK], "automatic_function_calling": BY_HAND}
        forced = types.GenerateContentConfig(tool_config=FORCED, thinking_config=THINKING, **config)
        first = self.client.models.generate_content(
            model=self.model, contents=[asked], config=forced
        )
        called = first.candidates[0].content
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=part.function_call.id,
                    name=part.function_call.name,
                    response={"output": "rain"},
                )
            )
            for part in called.parts
            if part.function_call
        ]
        contents = [asked, called, types.Content(role="user", parts=results)]
        self.ask("round trip", contents, wish="@echo", tools=[LOOK])

    def chat(self):
        chat = self.client.chats.create(model=self.model + "@echo")
        chat.send_message("One.")
        list(chat.send_message_stream("Two."))
        say("chat", self.told([chat.send_message("Three.")]))

    def errors(self):
        generate = self.client.models.generate_content
        for status in (400, 401, 403, 404, 429, 500, 503):
            wish = f"@{status}"
            self.refused(wish, lambda: generate(model=self.model + wish, contents=PROMPT))
        stream = self.client.models.generate_content_stream
        broken = {"model": self.model + "@error=2", "contents": PROMPT}
        self.refused("error amid", lambda: list(stream(**broken)))


def main(how, base, model):
    asker = Asker(how, base, model)
    asker.ask("text", PROMPT)
    image = types.Part.from_bytes(data=PIXEL, mime_type="image/png")
    turns = [types.Content(role="user", parts=[types.Part(text=PROMPT), image])]
    settings = {"temperature": 0.5, "top_p": 0.9, "max_output_tokens": 2000}
    asker.ask("echo", turns, wish="@echo", system_instruction="Be brief.", **settings)
    asker.ask("stops", PROMPT, wish="@echo", stop_sequences=["END"])
    asker.ask("length", PROMPT, wish="@tokens=40", max_output_tokens=16)
    asker.ask("call", PROMPT, tools=[LOOK], tool_config=FORCED)
    asker.ask("call by word", "Now please call look there.", tools=[LOOK])
    asker.ask("tools left alone", PROMPT, wish="@echo", tools=[LOOK])
    asker.ask("thinking", PROMPT, thinking_config=THINKING)
    schema = {"response_mime_type": "application/json", "response_json_schema": FORMAT}
    asker.ask("format", PROMPT, wish="@echo", **schema)
    with question("round trip"):
        asker.round_trip()
    with question("chat"):
        asker.chat()
    asker.count()
    asker.models()
    asker.errors()


if __name__ == "__main__":
    run(genai.__version__, main)
