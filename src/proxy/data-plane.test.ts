// Goal: the control plane's side of the link, against workers that are only sockets and lines.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { type FromWorker, linkProtocol, type ToWorker } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { openDataPlane, type ProxyDataPlane } from "./data-plane.ts";
import { LinkClient } from "./link-client.ts";
import { tableWith, until } from "./loopback-world.ts";

test("a worker that connects later gets the table and what is left of the lease", async (t) => {
  const { plane, clock, connect } = await setUp(t);
  plane.publish({ epoch: 4, services: [] });
  plane.renewLease(4, 10_000);
  clock.advance(3_000);
  const worker = await connect();
  await worker.receives("lease");
  assert.deepEqual(worker.received, [
    { kind: "welcome", protocol: linkProtocol },
    { kind: "table", table: { epoch: 4, services: [] } },
    { kind: "lease", epoch: 4, ttlMs: 7_000 },
  ]);
});

test("acknowledgements, reports and departures show in the views", async (t) => {
  const { plane, clock, connect } = await setUp(t);
  const changes = countChanges(plane);
  const worker = await connect();
  await worker.receives("welcome");
  assert.deepEqual([plane.workers()[0]?.acknowledgedEpoch, plane.workers()[0]?.isConnected], [2, true]);
  worker.send({ kind: "ack", epoch: 9 });
  await until(() => plane.workers()[0]?.acknowledgedEpoch === 9);
  worker.send(report({ sequence: 1, inFlight: { r1: 2 }, settledUntilMs: 5 }));
  await until(() => plane.workers()[0]?.inFlight["r1"] === 2);
  assert.equal(plane.workers()[0]?.settledUntilMs, 5);
  worker.socket.destroy();
  await until(() => plane.workers()[0]?.isConnected === false);
  assert.equal(changes(), 3);
  clock.advance(10_000);
  assert.deepEqual(plane.workers(), []);
});

test("a worker's next process takes the place of the one that is gone, not of one that still drains", async (t) => {
  const { plane, connect } = await setUp(t);
  const first = await connect({ boot: "b1" });
  await first.receives("welcome");
  const second = await connect({ boot: "b2" });
  await second.receives("welcome");
  assert.deepEqual(boots(plane), ["b1", "b2"]);
  first.socket.destroy();
  await until(() => boots(plane).join() === "b2");
});

test("a report that was delivered is not delivered again, and one that was kept is said to be kept again", async (t) => {
  const { plane, connect } = await setUp(t);
  const reports: WorkerReport[] = [];
  plane.onReport((delivered) => reports.push(delivered));
  const first = await connect();
  await first.receives("welcome");
  first.send(report({ sequence: 1 }));
  first.send(report({ sequence: 2 }));
  await until(() => reports.length === 2);
  plane.keep("proxy-1", "b1", 1);
  await first.receives("kept");
  const again = await connect();
  await again.receives("kept");
  again.send(report({ sequence: 2 }));
  again.send(report({ sequence: 3 }));
  await until(() => reports.length === 3);
  assert.deepEqual(
    reports.map(({ sequence }) => sequence),
    [1, 2, 3],
  );
});

test("times of a worker with another clock are translated, those of the same clock are left alone", async (t) => {
  const { plane, clock, connect } = await setUp(t);
  const reports: WorkerReport[] = [];
  plane.onReport((delivered) => reports.push(delivered));
  clock.advance(50_000);
  const same = await connect({ worker: "same" });
  same.send(report({ sequence: 1, sentAtMs: 49_990, settledUntilMs: 49_900, records: [recordAt(49_000)] }));
  await until(() => reports.length === 1);
  const other = await connect({ worker: "other" });
  other.send(report({ sequence: 1, sentAtMs: 1_000, settledUntilMs: 900, records: [recordAt(800)] }));
  await until(() => reports.length === 2);
  assert.deepEqual(
    reports.map(({ records }) => records[0]?.atMs),
    [49_000, 49_800],
  );
  assert.deepEqual(
    plane.workers().map(({ settledUntilMs }) => settledUntilMs),
    [49_900, 49_900],
  );
});

test("the protocol version before is welcome, any other is refused", async (t) => {
  const { connect } = await setUp(t);
  const older = await connect({ protocol: linkProtocol - 1 });
  await older.receives("welcome");
  assert.deepEqual(older.received[0], { kind: "welcome", protocol: linkProtocol - 1 });
  const newer = await connect({ protocol: linkProtocol + 1 });
  await newer.receives("refused");
  await newer.closed;
});

// Goal: `evidence: request` is never played by a worker that would draw visitors all the same.
test("a worker from before units draws nobody where requests are drawn, and the others do", async (t) => {
  const { plane, connect } = await setUp(t);
  const exposure = { canary: { release: "new", targets: [] }, weight: 5_000 };
  const byRequest = tableWith(3, [], { ...exposure, unit: "request" });
  const old = await connect({ protocol: 1, worker: "old" });
  const present = await connect();
  await Promise.all([old.receives("welcome"), present.receives("welcome")]);
  plane.publish(byRequest);
  const late = await connect({ protocol: 1, worker: "late" });
  for (const worker of [old, present, late]) await worker.receives("table");
  const served = (worker: typeof old) =>
    worker.received.flatMap((message) => (message.kind === "table" ? message.table.services[0]?.exposure : []));
  assert.deepEqual(served(present), [byRequest.services[0]?.exposure]);
  for (const worker of [old, late])
    assert.deepEqual(served(worker), [tableWith(3, [], { ...exposure, weight: 0 }).services[0]?.exposure]);
  const byVisitor = tableWith(4, [], exposure);
  plane.publish(byVisitor);
  await until(() => served(old).length === 2);
  assert.deepEqual(served(old)[1], byVisitor.services[0]?.exposure);
});

// Goal: in an upgrade the new workers come first, and meet the old control plane.
test("a worker whom a control plane from before refuses says hello in its version, and in its own to the next", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-link-"));
  const path = join(folder, "workers.sock");
  const heard: number[] = [];
  let speaks = linkProtocol - 1;
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    readJsonLines(socket, (raw) => {
      const message = raw as FromWorker;
      if (message.kind !== "hello") return;
      heard.push(message.protocol);
      sendJsonLine(socket, message.protocol === speaks ? { kind: "welcome", protocol: speaks } : { kind: "refused", reason: "" });
      if (message.protocol !== speaks) socket.end();
    });
    sockets.push(socket);
  });
  const sockets: net.Socket[] = [];
  server.listen(path);
  await once(server, "listening");
  let isReady = 0;
  const client = new LinkClient({
    path,
    clock: createSystemClock(),
    log: silentLog,
    hello: (protocol) => ({ kind: "hello", protocol, worker: "proxy-1", boot: "b1", pid: 1, epoch: 0, brakes: [] }),
    onReady: () => {
      isReady += 1;
    },
    onMessage: () => {},
  });
  const running = client.run();
  t.after(async () => {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await running;
    rmSync(folder, { recursive: true });
  });
  await until(() => isReady === 1);
  speaks = linkProtocol;
  sockets.at(-1)?.destroy();
  await until(() => isReady === 2);
  assert.deepEqual(heard, [linkProtocol, linkProtocol - 1, linkProtocol]);
});

test("what is no message, or comes before the greeting, ends the link", async (t) => {
  const { plane, connect, connectSilently } = await setUp(t);
  const worker = await connect();
  sendJsonLine(worker.socket, { kind: "report", sequence: -1 });
  await worker.closed;
  const early = await connectSilently();
  early.send({ kind: "ack", epoch: 1 });
  await early.closed;
  await until(() => plane.workers().every(({ isConnected }) => !isConnected));
});

async function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "belay-link-"));
  const path = join(folder, "workers.sock");
  const clock = new ManualClock();
  const plane = await openDataPlane({ listener: { path }, clock, log: silentLog });
  const sockets: net.Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    plane.close();
    rmSync(folder, { recursive: true });
  });
  const connectSilently = async () => {
    const socket = net.connect(path);
    sockets.push(socket);
    socket.on("error", () => {});
    const received: ToWorker[] = [];
    const closed = once(socket, "close");
    readJsonLines(socket, (message) => received.push(message as ToWorker));
    await once(socket, "connect");
    const receives = (kind: ToWorker["kind"]) => until(() => received.some((message) => message.kind === kind));
    return { socket, closed, received, receives, send: (message: FromWorker) => sendJsonLine(socket, message) };
  };
  const connect = async (part: Partial<Extract<FromWorker, { kind: "hello" }>> = {}) => {
    const worker = await connectSilently();
    worker.send({ kind: "hello", protocol: linkProtocol, worker: "proxy-1", boot: "b1", pid: 1, epoch: 2, brakes: [], ...part });
    return worker;
  };
  return { plane, clock, connect, connectSilently };
}

function report(part: Partial<Extract<FromWorker, { kind: "report" }>>): FromWorker {
  const empty = { counters: [], records: [], settledUntilMs: 0, lostRecords: 0, brakes: [], newVisitors: [], inFlight: {} };
  return { kind: "report", sequence: 1, sentAtMs: 0, ...empty, ...part };
}

function recordAt(atMs: number) {
  const unit = "0123456789abcdef";
  return { kind: "served" as const, rollout: "r", unit, arm: "stable" as const, weight: 500, exposureEpoch: 1, atMs };
}

function boots(plane: ProxyDataPlane): readonly string[] {
  return plane.workers().map(({ boot }) => boot);
}

function countChanges(plane: ProxyDataPlane): () => number {
  let changes = 0;
  plane.onChange(() => {
    changes += 1;
  });
  return () => changes;
}
