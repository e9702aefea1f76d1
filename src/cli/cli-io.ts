import type { Platform } from "../app/start-platform.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

/** Where a command writes. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Characters in a line of the terminal. */
  readonly columns: number;
}

/** Everything of the outside world that a command may use. */
export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly user: { readonly name: string; readonly home: string; readonly isRoot: boolean };
  readonly clock: Clock;
  readonly random: Random;
  readonly platform: Platform;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
  /** Standard input to its end; in a terminal, one line after the prompt, which is not shown. */
  readInput(prompt: string): Promise<string>;
  /** Asks for a line in the terminal; undefined when nobody can be asked. */
  ask(question: string): Promise<string | undefined>;
  /** Asks a yes-or-no question in the terminal; undefined when nobody can be asked. */
  confirm(question: string): Promise<boolean | undefined>;
}
