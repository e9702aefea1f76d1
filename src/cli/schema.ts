import { manifestJsonSchema } from "../manifest/schema.ts";
import type { Command } from "./command.ts";

export const schema: Command = {
  name: "schema",
  summary: "Print the JSON Schema of belay.yml, for completion in editors.",

  async run({ io }) {
    io.stdout.write(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
    return undefined;
  },
};
