"""What the libraries of OpenAI and Anthropic make of a server: as JSON, a line for each question.

Run against a provider and against a gateway in front of it, both have to print the same. Ids are
left out: they are made of the bytes of a request, and a gateway may ask for usage in a stream.
"""

import json
import sys

import anthropic
import openai

PROMPT = "What is the way around the city?"
ASKED = [{"role": "user", "content": PROMPT}]


def clean(value):
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in ("id", "item_id")}
        # Chunks say so where usage was asked for, by whomever.
        if kept.get("usage", 0) is None:
            del kept["usage"]
        return {key: clean(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def say(name, value):
    print(json.dumps([name, clean(value)], sort_keys=True, default=str))


def refused(name, ask):
    try:
        ask()
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        say(name, [type(error).__name__, error.status_code, error.body])
    else:
        say(name, "was answered")


def ask_openai(base):
    client = openai.OpenAI(base_url=base + "/v1", api_key="k", max_retries=0, timeout=60)
    create = client.chat.completions.create
    say("chat", create(model="gpt-6", messages=ASKED).to_dict())
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    say("tool", create(model="gpt-6@tool", messages=ASKED, tools=[tool]).to_dict())
    say("stream", [c.to_dict() for c in create(model="gpt-6", messages=ASKED, stream=True)])
    options = {"include_usage": True}
    stream = create(model="gpt-6", messages=ASKED, stream=True, stream_options=options)
    say("stream with usage", [chunk.to_dict() for chunk in stream])
    say("responses", client.responses.create(model="gpt-6", input=PROMPT).to_dict())
    stream = client.responses.create(model="gpt-6", input=PROMPT, stream=True)
    say("stream of responses", [event.to_dict() for event in stream])
    say("embeddings", client.embeddings.create(model="e", input=[PROMPT]).to_dict())
    refused("no messages", lambda: create(model="gpt-6", messages=[]))
    refused("too many", lambda: create(model="gpt-6@429", messages=ASKED))


def ask_anthropic(base):
    client = anthropic.Anthropic(base_url=base, api_key="k", max_retries=0, timeout=60)
    create = client.messages.create
    say("message", create(model="claude-5", max_tokens=100, messages=ASKED).to_dict())
    with client.messages.stream(model="claude-5", max_tokens=100, messages=ASKED) as stream:
        say("stream of a message", [event.to_dict() for event in stream])
        say("its end", stream.get_final_message().to_dict())
    say("count", client.messages.count_tokens(model="claude-5", messages=ASKED).to_dict())
    refused("overloaded", lambda: create(model="m@529", max_tokens=9, messages=ASKED))


def ask_wrongly(base):
    """What only a gateway says: it has to be an error that the libraries understand."""
    client = openai.OpenAI(base_url=base + "/v1", api_key="k", max_retries=0)
    refused("no such model", lambda: client.chat.completions.create(model="none", messages=ASKED))
    say("models", [model.to_dict() for model in client.models.list()])
    client = anthropic.Anthropic(base_url=base, api_key="k", max_retries=0)
    create = client.messages.create
    refused("no such model", lambda: create(model="none", max_tokens=9, messages=ASKED))
    say("models", [model.to_dict() for model in client.models.list()])


if __name__ == "__main__":
    if sys.argv[1] == "--version":
        print(openai.__version__, anthropic.__version__)
    elif sys.argv[1] == "wrongly":
        ask_wrongly(sys.argv[2])
    else:
        ask_openai(sys.argv[1])
        ask_anthropic(sys.argv[1])
