// How the scripts of Node tell what they saw: as told.py does, to the letter.

export const PROMPT = "What is the way around the city?";
export const PIXEL = Buffer.from("89504e470d0a1a0a", "hex").toString("base64");
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
export const FORMAT = {
  type: "object",
  properties: { n: { type: "integer" } },
  required: ["n"],
  additionalProperties: false,
};

export function say(name, value) {
  console.log(JSON.stringify([name, value]));
}

// A library that does not understand what it gets is told of like any answer.
export async function question(name, ask) {
  try {
    say(name, await ask());
  } catch (error) {
    say(name, { raised: error.constructor.name, with: String(error) });
  }
}

// With the class of the library's own error, and the status that it read.
export async function refused(name, APIError, ask) {
  await question(name, async () => {
    try {
      await ask();
    } catch (error) {
      if (error instanceof APIError) return [error.constructor.name, error.status ?? null];
      throw error;
    }
    return "was answered";
  });
}

export async function run(main) {
  const rest = process.argv.slice(2);
  while (rest.length > 0) {
    const [how, base, model] = rest.splice(0, 3);
    say("==", how);
    await main(base, model);
  }
}
