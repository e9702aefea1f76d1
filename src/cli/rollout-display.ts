import type { RolloutView } from "../api/views.ts";
import type { Output } from "./cli-io.ts";
import { describePhase, describeProgress } from "./rollout-words.ts";

/** Without a terminal a line is written at each change, and at the latest after so long. */
const heartbeatSeconds = 30;

/** Shows a rollout while it runs: in a terminal one line that is written over, elsewhere a line at each change. */
export interface RolloutDisplay {
  show(view: RolloutView): void;
  note(text: string): void;
  /** Leaves the cursor at the start of an empty line. */
  end(): void;
}

export function createRolloutDisplay(output: Output): RolloutDisplay {
  return output.isTerminal ? createLiveLine(output) : createPlainLines(output);
}

function createLiveLine(output: Output): RolloutDisplay {
  const eraseLine = "\r\u001b[2K";
  let stage = "";
  return {
    show(view) {
      const now = stageOf(view);
      // What a stage ended with stays above the live line, so that the course can be read afterwards.
      if (stage !== "" && now !== stage) output.write("\n");
      stage = now;
      const line = `${bar(view)} ${clockWords(view)}  ${describeProgress(view)}`;
      output.write(`${eraseLine}${line.slice(0, Math.max(20, output.columns - 1))}`);
    },
    note: (text) => output.write(`${eraseLine}${text}\n`),
    end: () => output.write(stage === "" ? "" : "\n"),
  };
}

function createPlainLines(output: Output): RolloutDisplay {
  let stage = "";
  let saidAtSeconds = 0;
  return {
    show(view) {
      const now = stageOf(view);
      if (now === stage && view.seconds - saidAtSeconds < heartbeatSeconds) return;
      stage = now;
      saidAtSeconds = view.seconds;
      output.write(`${clockWords(view)}  ${describeProgress(view)}\n`);
    },
    note: (text) => output.write(`${text}\n`),
    end: () => {},
  };
}

function stageOf(view: RolloutView): string {
  return `${describePhase(view)} ${view.weight}`;
}

function clockWords(view: RolloutView): string {
  return `${view.seconds.toFixed(1).padStart(6)} s`;
}

function bar({ weight }: RolloutView): string {
  const cells = 20;
  const filled = weight === 0 ? 0 : Math.max(1, Math.round((weight / 10_000) * cells));
  return `[${"#".repeat(filled)}${"-".repeat(cells - filled)}]`;
}
