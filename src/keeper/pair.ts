import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { printDescriptors } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { openLogFile } from "./log-files.ts";

/** How the other side went: on purpose when it had said so before. */
export interface Ending {
  readonly isOnPurpose: boolean;
}

/** The pipe between keeper and holder. Each sees it end when the other has ended, however that happened. */
export interface PairLink {
  /** Resolves when the other side is gone. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Tells the other side to end without starting this one again. */
  sayGoodbye(): void;
}

const goodbye = "q";

/** The link on a descriptor that the other half, our parent, gave us. */
export function inheritedLink(fd: number): PairLink {
  return linkOver(new Socket({ fd, readable: true, writable: true }));
}

/**
 * Starts the other half with every listening descriptor and a link (`BELAY_SOCKETS`, `BELAY_PAIR`), in a session of its own, its output
 * appended to `<name>.log`. Its environment holds nothing else.
 */
export function startOtherHalf(options: {
  readonly name: "keeper" | "holder";
  readonly argv: readonly string[];
  readonly sockets: Readonly<Record<string, number>>;
  readonly logFolder: string;
  readonly log: Log;
}): PairLink {
  const { name, argv, sockets, logFolder, log } = options;
  const [command = "", ...words] = argv;
  const names = Object.keys(sockets);
  const pairFd = 3 + names.length;
  let output: number | undefined;
  try {
    output = openLogFile(logFolder, name);
    const child = spawn(command, words, {
      cwd: "/",
      env: {
        BELAY_SOCKETS: printDescriptors(Object.fromEntries(names.map((socket, index) => [socket, 3 + index]))),
        BELAY_PAIR: String(pairFd),
      },
      detached: true,
      stdio: ["ignore", output, output, ...Object.values(sockets), "pipe"],
    });
    const notStarted = new Promise<Ending>((resolve) => {
      child.once("error", (cause) => {
        log.error(`the ${name} cannot be started`, { cause: cause.message });
        resolve({ isOnPurpose: false });
      });
    });
    // Without free descriptors there is not even a pipe, only the error.
    const pipe = child.stdio?.[pairFd];
    if (!(pipe instanceof Socket)) return { ended: notStarted, sayGoodbye: () => {} };
    const link = linkOver(pipe);
    return { ...link, ended: Promise.race([link.ended, notStarted]) };
  } catch (cause) {
    // Whoever calls holds the sockets and must live on; it tries again, as after any other end.
    log.error(`the ${name} cannot be started`, { cause: String(cause) });
    return { ended: Promise.resolve({ isOnPurpose: false }), sayGoodbye: () => {} };
  } finally {
    if (output !== undefined) closeSync(output);
  }
}

function linkOver(pipe: Socket): PairLink {
  let isOnPurpose = false;
  const ended = new Promise<Ending>((resolve) => {
    pipe.on("data", (data) => {
      if (data.includes(goodbye)) isOnPurpose = true;
    });
    pipe.on("end", () => pipe.destroy());
    // A write to a half that has just died fails here; "close" follows.
    pipe.on("error", () => pipe.destroy());
    pipe.on("close", () => resolve({ isOnPurpose }));
  });
  return { ended, sayGoodbye: () => void pipe.end(goodbye) };
}
