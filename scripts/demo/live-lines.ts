import { stripVTControlCharacters } from "node:util";

/** What the demo writes. In a terminal the last line is alive; elsewhere only whole lines are written, the live one now and then. */
export interface LiveLines {
  print(line: string): void;
  /** Replaces the line at the bottom. */
  live(line: string): void;
  /** Characters in a line. */
  readonly columns: number;
  close(): void;
}

const plainEveryMs = 5_000;
const plainColumns = 150;

export function createLiveLines(stream: NodeJS.WriteStream): LiveLines {
  return stream.isTTY ? terminalLines(stream) : plainLines(stream);
}

function terminalLines(stream: NodeJS.WriteStream): LiveLines {
  let bottom = "";
  const clear = "\r\x1b[2K";
  const drawn = () => stripVTControlCharacters(bottom).slice(0, Math.max(20, stream.columns - 1));
  return {
    print: (line) => void stream.write(`${clear}${line}\n${drawn()}`),
    get columns() {
      return stream.columns;
    },
    live(line) {
      bottom = line;
      stream.write(`${clear}${drawn()}`);
    },
    close: () => void stream.write(clear),
  };
}

function plainLines(stream: NodeJS.WriteStream): LiveLines {
  let lastMs = performance.now();
  return {
    print: (line) => void stream.write(`${line}\n`),
    columns: plainColumns,
    live(line) {
      if (performance.now() - lastMs < plainEveryMs) return;
      lastMs = performance.now();
      stream.write(`${line}\n`);
    },
    close: () => {},
  };
}
