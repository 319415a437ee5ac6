// What openai of npm makes of a server: chat completions, Responses, embeddings, models; see told.mjs.

import { createRequire } from "node:module";
import { FORMAT, PIXEL, PROMPT, SCHEMA, question, refused, run } from "./told.mjs";

// Where the libraries are is the working directory's matter.
const { default: OpenAI, APIError } = createRequire(`${process.cwd()}/`)("openai");

const [LOOK, GO] = ["look", "go"].map((name) => ({
  type: "function",
  function: { name, parameters: SCHEMA },
}));
const user = (content) => ({ role: "user", content });

function fold(answer) {
  const { message, finish_reason: finish } = answer.choices[0];
  const { prompt_tokens: input, completion_tokens: output, ...usage } = answer.usage;
  return {
    text: message.content ?? "",
    calls: (message.tool_calls ?? []).map((call) => [
      call.function.name,
      JSON.parse(call.function.arguments),
    ]),
    finish,
    usage: [input, usage.prompt_tokens_details?.cached_tokens ?? 0, output, usage.total_tokens],
  };
}

function foldResponse({ output, status, usage }) {
  const of = (type) => output.filter((item) => item.type === type);
  return {
    text: of("message").flatMap((item) => item.content.map((part) => part.text)).join(""),
    calls: of("function_call").map((item) => [item.name, JSON.parse(item.arguments)]),
    status,
    usage: [usage.input_tokens, usage.input_tokens_details?.cached_tokens, usage.output_tokens],
  };
}

async function main(base, model) {
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "k", maxRetries: 0, timeout: 60000 });
  const { completions } = client.chat;

  async function ask(name, messages, wish = "", more = {}) {
    const asked = { model: model + wish, messages, ...more };
    await question(name, async () => fold(await completions.create(asked)));
    await question(`stream of ${name}`, async () => {
      const stream = completions.stream({ ...asked, stream_options: { include_usage: true } });
      return fold(await stream.finalChatCompletion());
    });
  }

  async function respond(name, input, wish = "", more = {}) {
    const asked = { model: model + wish, input, ...more };
    await question(name, async () => foldResponse(await client.responses.create(asked)));
    await question(`stream of ${name}`, async () =>
      foldResponse(await client.responses.stream(asked).finalResponse()),
    );
  }

  const plain = [user(PROMPT)];
  await ask("text", plain);
  const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } };
  const seen = [
    { role: "system", content: "Be brief." },
    user([{ type: "text", text: PROMPT }, picture]),
  ];
  await ask("echo", seen, "@echo", { temperature: 0.5, max_tokens: 2000 });
  const forced = { type: "function", function: { name: "look" } };
  await ask("call", plain, "", { tools: [LOOK], tool_choice: forced });
  await ask("two calls", plain, "@tool=2", { tools: [LOOK, GO] });
  await question("round trip", async () => {
    const tools = [LOOK, GO];
    const first = await completions.create({ model: `${model}@tool=2`, messages: plain, tools });
    const { message } = first.choices[0];
    const results = message.tool_calls.map(({ id }) => ({
      role: "tool",
      tool_call_id: id,
      content: "rain",
    }));
    await ask("second turn", [...plain, message, ...results], "@echo", { tools });
    return "done";
  });
  await ask("thinking", plain, "", { reasoning_effort: "low", max_completion_tokens: 4000 });
  await respond("response", PROMPT);
  await respond("tool of a response", PROMPT, "@tool", {
    tools: [{ type: "function", name: "look", parameters: SCHEMA, strict: false }],
  });
  const format = { type: "json_schema", name: "n", schema: FORMAT, strict: true };
  await question("format", async () =>
    foldResponse(
      await client.responses.create({ model: `${model}@echo`, input: PROMPT, text: { format } }),
    ),
  );
  for (const status of [400, 401, 403, 404, 429, 500]) {
    const asked = { model: `${model}@${status}`, messages: plain };
    await refused(`@${status}`, APIError, () => completions.create(asked));
  }
  await refused("error amid", APIError, async () => {
    const broken = { model: `${model}@error=2`, messages: plain, stream: true };
    for await (const _ of await completions.create(broken));
  });
  await question("models", async () => (await client.models.list()).data.map((m) => m.object));
}

if (process.argv[2] === "--version") console.log("here");
else await run(main);
