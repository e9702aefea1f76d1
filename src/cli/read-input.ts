import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

/** Standard input to its end; from a terminal one line after a prompt, of which nothing is shown. */
export async function readInput(prompt: string, signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY) return text(process.stdin);
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // In this mode the terminal sends no signal for Ctrl-C.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await terminal.question("", { signal });
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
