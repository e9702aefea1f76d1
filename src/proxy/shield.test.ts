// What a visitor of the canary sees, and what is counted, whatever the canary does: on a real socket, case by case.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import net from "node:net";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import type { Route } from "../rollout/rollout.ts";
import type { ServiceRoute, Target } from "../routing/table.ts";
import type { Counter } from "../routing/wire.ts";
import { KeptBody, KeptBytes } from "./kept-body.ts";
import { closedTarget, collect, type LoopbackWorld, openApp, openWorld, tableWith, textOf, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

const deadlineMs = 2_000;
const small = "x".repeat(1_000);
const large = "x".repeat(100_000);

/** How the canary treats every request, once it has its body. */
const behaviours: Readonly<Record<string, (response: ServerResponse) => void>> = {
  ok: (response) => response.end("canary"),
  500: (response) => response.writeHead(500).end("broken"),
  reset: (response) => response.socket?.resetAndDestroy(),
  hang: () => {},
  partial: (response) => response.write("part", () => response.socket?.resetAndDestroy()),
  garbage: (response) => response.socket?.end("this is no HTTP\r\n\r\n"),
};

/** What the visitor sees without a shield. */
const bare: Readonly<Record<string, string>> = {
  ok: "200 canary",
  500: "500 broken",
  reset: "502",
  hang: "504",
  partial: "broken off",
  garbage: "502",
};

type Sending = "length" | "chunked" | "key";

interface Case {
  readonly method: string;
  readonly body: string;
  readonly sending: Sending;
  readonly rules: Pick<Route, "idempotent" | "shield">;
  /** What the shield can do for it. */
  readonly mark: Counter["shield"];
}

const declared: readonly Pick<Route, "idempotent" | "shield">[] = [
  {},
  { idempotent: true },
  { idempotent: "key" },
  { shield: "off" },
];

/** GET without a body, POST and PUT with small and large ones, announced, streamed, or with an Idempotency-Key, by each rule. */
const cases: readonly Case[] = declared.flatMap((rules) => [
  caseOf({ method: "GET", body: "", sending: "length", rules }),
  ...["POST", "PUT"].flatMap((method) =>
    [small, large].flatMap((body) =>
      (["length", "chunked", "key"] as const).map((sending) => caseOf({ method, body, sending, rules })),
    ),
  ),
]);

function caseOf(rest: Omit<Case, "mark">): Case {
  const { method, body, sending, rules } = rest;
  const mayRepeat = method === "GET" || rules.idempotent === true || (rules.idempotent === "key" && sending === "key");
  if (rules.shield === "off") return { ...rest, mark: "switched-off" };
  if (!mayRepeat) return { ...rest, mark: "not-repeatable" };
  return { ...rest, mark: body === large ? "too-large" : "covered" };
}

async function openArms(t: TestContext, canary: (response: ServerResponse) => void) {
  // However long the machine takes, only what hangs is late.
  const clock = new StandingClock(t);
  const world = await openWorld(t, { clock });
  let asked = 0;
  const stableApp = await openApp(t, async (incoming, response) => response.end(`stable ${hashOf(await textOf(incoming))}`));
  const canaryApp = await openApp(t, async (incoming, response) => {
    await textOf(incoming);
    if (incoming.url === "/well") return void response.end("well");
    asked += 1;
    canary(response);
  });
  return { world, clock, stableApp, canaryApp, askedOfCanary: () => asked };
}

function shopWith(routes: readonly Route[], stable: Target, canary: Target) {
  const exposure = { canary: { release: "new", targets: [canary] }, leaseTtlMs: 60_000 };
  return tableWith(1, [stable], exposure, { routes, responseDeadlineMs: deadlineMs });
}

for (const [behaviour, act] of Object.entries(behaviours)) {
  test(`a canary that answers ${behaviour}: what its visitor sees, and what is counted, in ${cases.length} cases`, async (t) => {
    const { world, clock, stableApp, canaryApp, askedOfCanary } = await openArms(t, act);
    const routes: readonly Route[] = cases.map(({ rules }, index) => ({ host: "shop.test", path: `/${index}`, ...rules }));
    await world.serve(shopWith([...routes, { host: "shop.test", path: "/well" }], stableApp, canaryApp));
    // A canary that breaks five connections in a row would be braked: it answers well in between.
    const atOnce = behaviour === "reset" || behaviour === "garbage" ? 4 : cases.length;
    for (let first = 0; first < cases.length; first += atOnce) {
      const checks = Promise.all(cases.slice(first, first + atOnce).map((asked, offset) => check(first + offset, asked)));
      if (behaviour === "hang") {
        await until(() => askedOfCanary() === cases.length);
        await clock.pass(deadlineMs + 1);
      }
      await checks;
      await world.send({ path: "/well", headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
    }
    assert.equal(world.count({ arm: "stable" }), 0, "a replay is a request of neither side");

    async function check(index: number, asked: Case): Promise<void> {
      const name = `${behaviour} ${asked.method} ${asked.body.length} ${asked.sending} ${JSON.stringify(asked.rules)}`;
      const isShielded = asked.mark === "covered" && behaviour !== "ok" && behaviour !== "partial";
      const seen = isShielded ? `200 stable ${hashOf(asked.body)}` : (bare[behaviour] ?? "");
      assert.equal(await see(world, index, asked), seen, name);
      await until(() => world.count({ route: `shop.test/${index}` }) === 1);
      const outcome = behaviour === "ok" ? "ok" : "failed";
      const isHarm = outcome === "failed" && !isShielded;
      const shield = isShielded ? "replayed" : asked.mark;
      assert.equal(world.count({ route: `shop.test/${index}`, arm: "canary", outcome, isHarm, shield }), 1, name);
    }
  });
}

test("a body of which the canary had the first part goes to stable whole, and the rest as it comes", async (t) => {
  const world = await openWorld(t);
  const stable = await openApp(t, async (incoming, response) => response.end(`stable ${hashOf(await textOf(incoming))}`));
  const canary = await openApp(t, (incoming, response) => {
    incoming.once("data", () => response.writeHead(500).end("broken"));
  });
  await world.serve(shopWith([{ host: "shop.test", path: "/", idempotent: true }], stable, canary));
  const socket = net.connect(world.port, "127.0.0.1");
  const received = collect(socket);
  const cookie = `belay_uid=${world.cookieOnCanary}`;
  socket.write(`PUT / HTTP/1.1\r\nHost: shop.test\r\nCookie: ${cookie}\r\nContent-Length: 10\r\nConnection: close\r\n\r\nfirst`);
  await until(() => world.inFlight("old") === 1);
  socket.write(" last");
  await received.ended;
  assert.match(received.text, new RegExp(`^HTTP/1.1 200 OK[\\s\\S]*stable ${hashOf("first last")}`));
});

// Goal: who sends slowly is told by what an instance waits for. Here nobody does: the canary has failed, and stable is not there yet.
test("a client whose body nobody waits for is not called slow while its request waits for stable", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { uploadGraceMs: 1_500 }, clock });
  const stable = await openApp(t, async (incoming, response) => response.end(`stable ${hashOf(await textOf(incoming))}`));
  const canary = await openApp(t, (incoming, response) => {
    incoming.once("data", () => response.writeHead(500).end("broken"));
  });
  const rules: Partial<ServiceRoute> = {
    routes: [{ host: "shop.test", path: "/", idempotent: true }],
    responseDeadlineMs: 60_000,
  };
  const exposure = { canary: { release: "new", targets: [canary] } };
  await world.serve(tableWith(1, [closedTarget("gone")], exposure, rules));
  const socket = net.connect(world.port, "127.0.0.1");
  const received = collect(socket);
  const cookie = `belay_uid=${world.cookieOnCanary}`;
  socket.write(`PUT / HTTP/1.1\r\nHost: shop.test\r\nCookie: ${cookie}\r\nContent-Length: 10\r\nConnection: close\r\n\r\nfirst`);
  await until(() => world.inFlight("old") === 1);
  await clock.pass(3_500);
  await world.serve(tableWith(2, [stable], exposure, rules));
  socket.write(" last");
  await received.ended;
  assert.match(received.text, new RegExp(`^HTTP/1.1 200 OK[\\s\\S]*stable ${hashOf("first last")}`));
});

test("a client that waits for 100 Continue hears it once, and its body goes to stable", async (t) => {
  const { world, stableApp, canaryApp } = await openArms(t, behaviours["reset"] ?? assert.fail());
  await world.serve(shopWith([{ host: "shop.test", path: "/", idempotent: true }], stableApp, canaryApp));
  const socket = net.connect(world.port, "127.0.0.1");
  const received = collect(socket);
  const cookie = `belay_uid=${world.cookieOnCanary}`;
  socket.write(
    `PUT / HTTP/1.1\r\nHost: shop.test\r\nCookie: ${cookie}\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
  );
  await until(() => received.text.includes("100 Continue"));
  socket.write("body");
  await received.ended;
  assert.match(received.text, new RegExp(`^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK[\\s\\S]*stable ${hashOf("body")}`));
});

test("of 2,000 visitors who look at a page nobody sees that the canary answers 500, and all of it is counted", async (t) => {
  const { world, stableApp, canaryApp } = await openArms(t, behaviours["500"] ?? assert.fail());
  await world.serve(shopWith([{ host: "shop.test", path: "/" }], stableApp, canaryApp));
  for (let sent = 0; sent < 2_000; sent += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.send({})));
    assert.ok(answers.every(({ status, body }) => status === 200 && body.startsWith("stable")));
  }
  await until(() => world.count({}) === 2_000);
  assert.ok(world.count({ arm: "canary", outcome: "failed", isHarm: false, shield: "replayed" }) >= 50);
  assert.equal(world.count({ outcome: "failed", isHarm: true }), 0);
  assert.equal(world.plane.workers()[0]?.brakes[0]?.by, "budget");
});

test("bodies are kept within a bound for all requests together, and what is let go can be used again", () => {
  const memory = new KeptBytes();
  let tooLarge = 0;
  const keep = () => new KeptBody({ source: new Readable({ read() {} }) as never, memory, onTooLarge: () => (tooLarge += 1) });
  const chunk = Buffer.alloc(64 * 1024);
  const kept = Array.from({ length: 256 }, keep);
  for (const body of kept) body.add(chunk);
  assert.equal(tooLarge, 0);
  const refused = keep();
  refused.add(chunk);
  assert.deepEqual([tooLarge, refused.chunks.length], [1, 0]);
  kept[0]?.drop();
  const next = keep();
  next.add(chunk);
  assert.deepEqual([tooLarge, next.chunks.length], [1, 1]);
  next.add(Buffer.from("x"));
  assert.deepEqual([tooLarge, next.chunks.length], [2, 0]);
});

async function see(world: LoopbackWorld, index: number, { method, body, sending }: Case): Promise<string> {
  const headers: Record<string, string> = { cookie: `belay_uid=${world.cookieOnCanary}` };
  if (sending === "chunked") headers["transfer-encoding"] = "chunked";
  if (sending === "key") headers["idempotency-key"] = `order-${index}`;
  try {
    const answer = await world.send({ method, path: `/${index}`, headers, body });
    return answer.status >= 500 && answer.status !== 500 ? String(answer.status) : `${answer.status} ${answer.body}`;
  } catch {
    return "broken off";
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
