// What @anthropic-ai/sdk of npm makes of a server; see told.mjs.

import { createRequire } from "node:module";
import { FORMAT, PIXEL, PROMPT, SCHEMA, question, refused, run } from "./told.mjs";

// Where the libraries are is the working directory's matter.
const { default: Anthropic, APIError } = createRequire(`${process.cwd()}/`)("@anthropic-ai/sdk");

const [LOOK, GO] = ["look", "go"].map((name) => ({ name, input_schema: SCHEMA }));
const user = (content) => ({ role: "user", content });

function fold({ content, usage, stop_reason: finish }) {
  const of = (type) => content.filter((block) => block.type === type);
  return {
    text: of("text").map((block) => block.text).join(""),
    thoughts: of("thinking").map((block) => block.thinking).join(""),
    calls: of("tool_use").map((block) => [block.name, block.input]),
    finish,
    usage: [usage.input_tokens, usage.cache_read_input_tokens ?? 0, usage.output_tokens],
  };
}

async function main(base, model) {
  const client = new Anthropic({ baseURL: base, apiKey: "k", maxRetries: 0, timeout: 60000 });
  const { messages: api } = client;

  async function ask(name, messages, wish = "", more = {}) {
    const asked = { model: model + wish, messages, max_tokens: 2000, ...more };
    await question(name, async () => fold(await api.create(asked)));
    await question(`stream of ${name}`, async () => fold(await api.stream(asked).finalMessage()));
  }

  const plain = [user(PROMPT)];
  await ask("text", plain);
  const source = { type: "base64", media_type: "image/png", data: PIXEL };
  const seen = [user([{ type: "text", text: PROMPT }, { type: "image", source }])];
  await ask("echo", seen, "@echo", { system: "Be brief." });
  await ask("length", plain, "@tokens=40", { max_tokens: 16 });
  await ask("call", plain, "", { tools: [LOOK], tool_choice: { type: "tool", name: "look" } });
  await ask("two calls", plain, "@tool=2", { tools: [LOOK, GO] });
  const thinking = { type: "enabled", budget_tokens: 1024 };
  await ask("thinking", plain, "", { max_tokens: 4000, thinking });
  const shape = { format: { type: "json_schema", schema: FORMAT } };
  await ask("format", plain, "@echo", { output_config: shape });
  await question("round trip", async () => {
    const tools = [LOOK, GO];
    const first = { model: `${model}@tool=2`, max_tokens: 4000, messages: plain, tools };
    const { content } = await api.create(first);
    const results = content
      .filter((block) => block.type === "tool_use")
      .map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "rain" }));
    const turns = [...plain, { role: "assistant", content }, user(results)];
    await ask("second turn", turns, "@echo", { tools });
    return "done";
  });
  for (const status of [400, 401, 403, 404, 429, 500, 529]) {
    const asked = { model: `${model}@${status}`, max_tokens: 9, messages: plain };
    await refused(`@${status}`, APIError, () => api.create(asked));
  }
  await refused("error amid", APIError, async () => {
    const broken = { model: `${model}@error=2`, max_tokens: 9, messages: plain, stream: true };
    for await (const _ of await api.create(broken));
  });
  await question("count", async () => {
    const count = await api.countTokens({ model, messages: plain });
    return count.input_tokens > 0;
  });
  await question("models", async () => (await client.models.list()).data.map((m) => m.type));
}

if (process.argv[2] === "--version") console.log("here");
else await run(main);
