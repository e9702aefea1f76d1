import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createApi } from "../api/create-api.ts";
import { createFakeInside, type FakeInside } from "../api/fake-inside.ts";
import { apiSocketPath, type ServedApi, serveApi } from "../api/serve-api.ts";
import type { DirectRollbackOptions } from "../app/roll-back-directly.ts";
import type { StartOptions, StartStage } from "../app/start-platform.ts";
import type { Clock } from "../ports/clock.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSeededRandom } from "../ports/random.ts";
import type { CliIo } from "./cli-io.ts";
import { runCli } from "./run-cli.ts";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user at a terminal that is none: the real command line and API over a real socket, in front of a fake control plane. */
export interface Desk {
  readonly inside: FakeInside;
  readonly folder: string;
  readonly dataFolder: string;
  readonly env: Record<string, string>;
  readonly interruption: AbortController;
  /** What comes on standard input. */
  input: string;
  /** What `ask` answers, by question. */
  readonly answers: Record<string, string>;
  /** What `confirm` answers. */
  answer: boolean | undefined;
  /** What `ask` gets else, line by line; then nobody is there. */
  lines: string[];
  isRunning: boolean;
  isTerminal: boolean;
  readonly started: StartOptions[];
  /** What a start tells of itself on its way. */
  stages: StartStage[];
  readonly stopped: string[];
  readonly direct: DirectRollbackOptions[];
  /** Called with the number of each sleep of a command, which ends at once. */
  onSleep: (count: number) => Promise<void> | void;
  run(...argv: string[]): Promise<RunResult>;
  serve(): Promise<void>;
  stopServing(): Promise<void>;
}

/** Opens a desk that is cleared when the test ends. */
export async function openDesk(t: Pick<TestContext, "after">): Promise<Desk> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "belay-cli-")));
  const dataFolder = join(folder, "data");
  mkdirSync(join(dataFolder, "run"), { recursive: true });
  let served: ServedApi | undefined;
  const desk: Desk = {
    inside: createFakeInside(),
    folder,
    dataFolder,
    env: { BELAY_DATA: dataFolder, XDG_CONFIG_HOME: join(folder, "config") },
    interruption: new AbortController(),
    input: "",
    answers: {},
    answer: undefined,
    lines: [],
    isRunning: true,
    isTerminal: false,
    started: [],
    stages: [],
    stopped: [],
    direct: [],
    onSleep: () => {},
    run: async (...argv) => {
      const written = { stdout: "", stderr: "" };
      const code = await runCli(argv, createIo(desk, written));
      return { code, ...written };
    },
    serve: async () => {
      const app = createApi({ ...desk.inside, auth: { kind: "socket" } });
      served = await serveApi({ app, listener: { kind: "path", path: apiSocketPath(dataFolder) } });
    },
    stopServing: async () => {
      await served?.close();
      served = undefined;
    },
  };
  t.after(async () => {
    await desk.stopServing();
    rmSync(folder, { recursive: true, force: true });
  });
  await desk.serve();
  return desk;
}

function createIo(desk: Desk, written: { stdout: string; stderr: string }): CliIo {
  const output = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTerminal: desk.isTerminal,
    columns: 100,
  });
  return {
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: desk.env,
    cwd: desk.folder,
    user: { name: "ada", home: join(desk.folder, "home"), isRoot: false },
    clock: createHurriedClock(desk),
    random: createSeededRandom(1),
    platform: {
      isRunning: async () => desk.isRunning,
      version: () => "0.1.0",
      rollBackDirectly: async (options) => {
        desk.direct.push(options);
        return { from: "r-2", release: "r-1", workers: 2, tookMs: 3.2, listen: "127.0.0.1:8080" };
      },
      start: async (options, tell) => {
        desk.started.push(options);
        for (const stage of desk.stages) tell(stage);
        const replacing = desk.stages.find(({ kind }) => kind === "replacing");
        desk.isRunning = true;
        const token = options.apiListen === null ? null : "belay_token";
        const secure = options.tlsListen === null ? {} : { https: options.tlsListen };
        const metrics = options.metricsListen === null ? {} : { metrics: options.metricsListen };
        return {
          addresses: { http: options.listen, ...secure, ...metrics, "api-tcp": options.apiListen ?? "" },
          version: "0.1.0",
          replaced: replacing?.kind === "replacing" ? replacing.from : null,
          token,
        };
      },
      stop: async ({ dataFolder }) => void desk.stopped.push(dataFolder),
    },
    interrupted: desk.interruption.signal,
    readInput: async () => desk.input,
    ask: async (question) => desk.answers[question.trim()] ?? desk.lines.shift(),
    confirm: async () => desk.answer,
  };
}

/** Time passes as fast as a command waits for it. */
function createHurriedClock(desk: Desk): Clock {
  const clock = new ManualClock();
  let sleeps = 0;
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    every: (periodMs, action) => clock.every(periodMs, action),
    sleep: async (durationMs, signal) => {
      clock.advance(durationMs);
      sleeps += 1;
      await desk.onSleep(sleeps);
      signal?.throwIfAborted();
    },
  };
}
