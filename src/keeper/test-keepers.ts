import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { BelayError } from "../errors.ts";
import { findFreePort } from "../ports/free-port.ts";
import { listProcesses } from "../ports/processes.ts";
import { createSystemRandom } from "../ports/random.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { type Program, standardListen } from "./command.ts";
import { type KeeperClient, openKeeperClient } from "./keeper-client.ts";
import type { ProcessSpec, ProcessStatus } from "./protocol.ts";
import { startKeeper } from "./start-keeper.ts";

const clock = createSystemClock();
const random = createSystemRandom();

/** A running keeper on a data folder of its own. */
export interface TestKeeper {
  readonly data: string;
  readonly client: KeeperClient;
  /** Of the visitors' listener. */
  readonly port: number;
  pid(): Promise<number>;
  /** 0 while none runs. */
  holderPid(): number;
  status(name: string): Promise<ProcessStatus>;
  /** Asks for a shutdown as another client, and leaves this one to reconnect. */
  shutDown(): Promise<void>;
  /** Starts a keeper on the same folder and port again. */
  startAgain(): Promise<void>;
}

/** Of what must come: on a machine whose processors are all busy each step of it may take seconds. */
const patienceMs = 60_000;

/** Keepers for one test file, below one temporary folder. At the file's end it checks that nothing of them is left. */
export class TestKeepers {
  readonly folder: string = mkdtempSync(join(tmpdir(), "belay-keeper-"));
  readonly program: Program = { node: process.execPath, main: join(import.meta.dirname, "../main.ts") };
  #count = 0;

  constructor() {
    after(() => this.#close());
  }

  /** Runs `use` with a keeper, and shuts it down at the end whatever happened. */
  async with(use: (keeper: TestKeeper) => Promise<void>): Promise<void> {
    this.#count += 1;
    const data = join(this.folder, `data-${this.#count}`);
    const addresses = await this.#startSomewhere(data);
    const client = openKeeperClient(join(data, "run/keeper.sock"), { clock, patienceMs });
    try {
      await use(this.#keeper(data, client, Number(addresses["http"]?.split(":")[1])));
    } finally {
      await client.shutdown().finally(() => client.close());
    }
  }

  start(data: string, http: string): Promise<Readonly<Record<string, string>>> {
    return startKeeper({ program: this.program, dataFolder: data, listen: standardListen(data, http) });
  }

  /** On a port that the kernel gives to nobody who asks for any: it is free again for a keeper that is started there anew. */
  async #startSomewhere(data: string): Promise<Readonly<Record<string, string>>> {
    for (;;) {
      const port = await findFreePort({ host: "127.0.0.1", taken: new Set(), random });
      try {
        return await this.start(data, `127.0.0.1:${port}`);
      } catch (cause) {
        if (!(cause instanceof BelayError) || cause.code !== "BELAY_KEEPER_PORT_IN_USE") throw cause;
      }
    }
  }

  /** Processes of these keepers that run, with `word` in their command line. */
  running(word: string = this.folder): readonly number[] {
    return listProcesses()
      .map(({ pid }) => pid)
      .filter((pid) => pid !== process.pid && readCommandLine(pid).includes(this.folder) && readCommandLine(pid).includes(word));
  }

  /** A process that runs `script` in Node. */
  spec(name: string, script: string, changes: Partial<ProcessSpec> = {}): ProcessSpec {
    const argv = [this.program.node, "-e", `/* ${this.folder} */ ${script}`];
    return {
      name,
      argv,
      cwd: "/",
      env: { TEST: name },
      sockets: [],
      keys: {},
      memoryBytesMax: null,
      graceMs: patienceMs,
      ...changes,
    };
  }

  /** Answers every connection to the visitors' socket with its pid. */
  worker(name: string, changes: Partial<ProcessSpec> = {}): ProcessSpec {
    const script = `const server = require("net").createServer((c) => { c.on("error", () => {}); c.end(String(process.pid)); });
      server.listen({ fd: Number(/http=(\\d+)/.exec(process.env.BELAY_SOCKETS)[1]) });
      process.on("SIGTERM", () => server.close(() => process.exit(0)));`;
    return this.spec(name, script, { sockets: ["http"], ...changes });
  }

  #keeper(data: string, client: KeeperClient, port: number): TestKeeper {
    return {
      data,
      client,
      port,
      pid: async () => (await client.hello()).pid,
      holderPid: () => this.running(`\0holder\0${data}\0`)[0] ?? 0,
      status: async (name) => {
        const status = (await client.list()).find((one) => one.name === name);
        assert.ok(status !== undefined, `no process ${name}`);
        return status;
      },
      shutDown: () => openKeeperClient(join(data, "run/keeper.sock"), { clock, patienceMs }).shutdown(),
      startAgain: async () => void (await this.start(data, `127.0.0.1:${port}`)),
    };
  }

  async #close(): Promise<void> {
    try {
      await until("nothing is left of what the tests started", () => this.running().length === 0);
    } finally {
      for (const pid of this.running()) process.kill(pid, "SIGKILL");
      rmSync(this.folder, { recursive: true });
    }
  }
}

/** Waits for a condition; fails by its deadline, and never sleeps for longer than it takes. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs: number = patienceMs): Promise<void> {
  const deadlineMs = clock.monotonicMs() + withinMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > deadlineMs) assert.fail(`not within ${withinMs} ms: ${what}`);
    await clock.sleep(20);
  }
}

/** Connects once; waits in the queue of the socket for as long as it takes somebody to accept. */
export function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    connect(port, "127.0.0.1")
      .on("data", (data) => {
        answer += data;
      })
      .on("error", reject)
      .on("close", () => resolve(answer));
  });
}

/** The socket refuses until the first worker listens on it; from then on it never does. */
export async function askFirst(port: number): Promise<string> {
  let answer = "";
  await until("a worker listens", async () => {
    answer = await ask(port).catch(() => "");
    return answer !== "";
  });
  return answer;
}

/** Ended between two looks reads as no command line. */
function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
