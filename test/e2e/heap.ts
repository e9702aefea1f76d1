import { WebSocket } from "undici";
import { residentBytes, sendSignal } from "../../src/ports/processes.ts";
import { waitFor } from "./wait.ts";

/** Where Node's inspector listens after SIGUSR1; one process at a time. */
const inspectorUrl = "http://127.0.0.1:9229/json";

/** What a Node process holds once everything that it has let go of is collected, in bytes. */
export interface Held {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/**
 * Opens the process's inspector, lets it collect its garbage, measures and closes the inspector again. Without the collection one
 * measures how lazy the collector was.
 */
export async function measureHeld(pid: number): Promise<Held> {
  const inspector = await openInspector(pid);
  try {
    await inspector.ask("HeapProfiler.collectGarbage");
    const { usedSize } = (await inspector.ask("Runtime.getHeapUsage")) as { readonly usedSize: number };
    return { heapBytes: usedSize, residentBytes: residentBytes([pid]) };
  } finally {
    await inspector.close();
  }
}

interface Inspector {
  ask(method: string, parameters?: object): Promise<object>;
  close(): Promise<void>;
}

async function openInspector(pid: number): Promise<Inspector> {
  // One that was closed before listens for a moment longer, and a process that finds the port taken opens none.
  await waitFor("port 9229 is free", async () => (await findDebugger()) === undefined, { everyMs: 20 });
  let asks = 0;
  const url = await waitFor(
    `the inspector of ${pid} is open`,
    async () => {
      // Again now and then, for a process that found the port taken.
      if (asks % 40 === 0) sendSignal(pid, "SIGUSR1");
      asks += 1;
      return findDebugger();
    },
    { everyMs: 50 },
  );
  const socket = new WebSocket(url);
  const answers = new Map<number, (result: object) => void>();
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", () => closed.resolve());
  socket.addEventListener("error", () => opened.reject(new Error(`the inspector of ${pid} broke off`)));
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { readonly id?: number; readonly result?: object };
    if (id !== undefined) answers.get(id)?.(result ?? {});
  });
  await opened.promise;
  let lastId = 0;
  const ask = (method: string, parameters: object = {}) => {
    lastId += 1;
    const id = lastId;
    return new Promise<object>((resolve) => {
      answers.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params: parameters }));
    });
  };
  const evaluated = (await ask("Runtime.evaluate", { expression: "process.pid", returnByValue: true })) as {
    readonly result?: { readonly value?: unknown };
  };
  if (evaluated.result?.value !== pid) throw new Error(`port 9229 belongs to another process than ${pid}: end that debugger`);
  return {
    ask,
    close: async () => {
      void ask("Runtime.evaluate", { expression: "process.getBuiltinModule('node:inspector').close()" });
      await closed.promise;
    },
  };
}

/** Undefined while nobody listens there. */
async function findDebugger(): Promise<string | undefined> {
  let answer: Response;
  try {
    answer = await fetch(inspectorUrl, { headers: { connection: "close" } });
  } catch {
    return undefined;
  }
  const [target] = (await answer.json()) as readonly { readonly webSocketDebuggerUrl: string }[];
  return target?.webSocketDebuggerUrl;
}
