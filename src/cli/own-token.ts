import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { BelayError } from "../errors.ts";
import type { CliIo } from "./cli-io.ts";
import { textOf } from "./command.ts";

/**
 * The token of whoever runs the command: from --token-file, `-` being standard input, else BELAY_TOKEN, else the file that
 * BELAY_TOKEN_FILE names. Never an argument: those can be read by every process of the machine. Throws `BELAY_CLI_TOKEN_FILE`.
 */
export async function ownToken(
  io: Pick<CliIo, "env" | "cwd" | "readInput">,
  values: Readonly<Record<string, string | boolean | undefined>>,
): Promise<string | undefined> {
  const asked = textOf(values["tokenFile"]);
  if (asked === "-") return clean(await io.readInput("Token (it is not shown): "), "standard input");
  if (asked !== undefined) return readToken(resolve(io.cwd, asked));
  const { BELAY_TOKEN: own, BELAY_TOKEN_FILE: file } = io.env;
  if (own !== undefined || file === undefined || file === "") return own;
  return readToken(resolve(io.cwd, file));
}

function readToken(file: string): string {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, (cause as Error).message, cause);
  }
  return clean(content, file);
}

/** What is sent in a header has no line ends. */
function clean(text: string, from: string): string {
  const token = text.trim();
  if (/^[\w.~+/=-]{1,500}$/.test(token)) return token;
  throw unreadable(from, "there is no token in it");
}

function unreadable(from: string, why: string, cause?: unknown): BelayError {
  return new BelayError({
    code: "BELAY_CLI_TOKEN_FILE",
    message: `no token could be read from ${from}: ${why}`,
    next: "Write the token that `belay token create` showed into it, and nothing else.",
    cause,
  });
}
