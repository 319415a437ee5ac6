"""What langchain-openai makes of a server; see told.py. It tells meanings only."""

import base64

import langchain_openai
import openai
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

from told import FORMAT, PIXEL, PROMPT, SCHEMA, Folded, question, run, say

PICTURE = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
LOOK, GO = (
    {"type": "function", "function": {"name": name, "description": name, "parameters": SCHEMA}}
    for name in ("look", "go")
)


def fold(message):
    folded = Folded()
    folded.text = message.text if isinstance(message.text, str) else message.text()
    folded.calls = [[call["name"], call["args"]] for call in message.tool_calls]
    folded.finish = message.response_metadata.get("finish_reason")
    usage = message.usage_metadata
    if usage:
        cached = usage.get("input_token_details", {}).get("cache_read", 0)
        folded.usage = [usage["input_tokens"], cached, usage["output_tokens"]]
    return folded.told()


def main(how, base, model):
    def chat(wish="", **more):
        return langchain_openai.ChatOpenAI(
            base_url=base + "/v1",
            api_key="k",
            model=model + wish,
            max_retries=0,
            timeout=60,
            stream_usage=True,
            # By the model's name it would ask for Responses where there are tools.
            use_responses_api=False,
            **more,
        )

    def ask(name, runnable, messages):
        with question(name):
            say(name, fold(runnable.invoke(messages)))
        with question(f"stream of {name}"):
            whole = None
            for chunk in runnable.stream(messages):
                whole = chunk if whole is None else whole + chunk
            say(f"stream of {name}", fold(whole))

    plain = [HumanMessage(PROMPT)]
    ask("text", chat(), plain)
    picture = {"type": "image_url", "image_url": {"url": PICTURE}}
    seen = [
        SystemMessage("Be brief."),
        HumanMessage([{"type": "text", "text": PROMPT}, picture]),
    ]
    ask("echo", chat("@echo", temperature=0.5), seen)
    ask("length", chat("@tokens=40", max_tokens=16), plain)
    ask("call", chat().bind_tools([LOOK], tool_choice="look"), plain)
    ask("two calls", chat("@tool=2").bind_tools([LOOK, GO]), plain)
    shape = {"name": "n", "schema": FORMAT, "strict": True}
    shape = {"type": "json_schema", "json_schema": shape}
    ask("format", chat("@echo").bind(response_format=shape), plain)
    with question("round trip"):
        said = chat("@tool=2").bind_tools([LOOK, GO]).invoke(plain)
        results = [ToolMessage("rain", tool_call_id=call["id"]) for call in said.tool_calls]
        ask("round trip", chat("@echo").bind_tools([LOOK, GO]), [*plain, said, *results])
    for status in (401, 404, 429, 500):
        with question(f"@{status}"):
            try:
                chat(f"@{status}").invoke(plain)
            except openai.APIStatusError as error:
                say(f"@{status}", [type(error).__name__, error.status_code])
    if how == "exact":
        with question("embeddings"):
            embeddings = langchain_openai.OpenAIEmbeddings(
                base_url=base + "/v1", api_key="k", model="e", check_embedding_ctx_length=False
            )
            say("embeddings", embeddings.embed_documents([PROMPT, "Another."]))


if __name__ == "__main__":
    import importlib.metadata

    run(importlib.metadata.version("langchain-openai"), main)
