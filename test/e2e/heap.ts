import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "undici";
import { residentBytes, sendSignal } from "../../src/ports/processes.ts";

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
  sendSignal(pid, "SIGUSR1");
  const socket = new WebSocket(await findDebugger());
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

async function findDebugger(): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      const [target] = (await (await fetch(inspectorUrl)).json()) as readonly { readonly webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch {
      // It is being opened.
    }
    await sleep(50);
  }
  throw new Error("no inspector opened on port 9229");
}
