import assert from "node:assert/strict";
import type http from "node:http";
import net from "node:net";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { ShadowTally } from "../routing/shadow-tallies.ts";
import type { RoutingTable, ServiceRoute, Shadow, Target } from "../routing/table.ts";
import { type LoopbackWorld, openApp, openWorld, tableWith, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

// Method: the worker's time stands still but for what a test lets pass: the machine's speed takes nothing from the copies, and nobody waits.

interface Stage {
  readonly world: LoopbackWorld;
  readonly clock: StandingClock;
  /** What the worker has told of the shadow. */
  readonly tally: () => ShadowTally | undefined;
  readonly sent: (request: Parameters<LoopbackWorld["send"]>[0]) => ReturnType<LoopbackWorld["send"]>;
}

/** A worker with stable and a shadow behind it, in the step of the shadow. */
async function openStage(
  t: TestContext,
  options: {
    readonly stable: Target;
    readonly shadow: Target;
    readonly own?: Partial<Shadow>;
    readonly effects?: "none" | "writes";
    /** See `StandingClock`. */
    readonly hurry?: number;
  },
): Promise<Stage> {
  const { stable, shadow, own, effects = "none", hurry = 1 } = options;
  const clock = new StandingClock(t, hurry);
  const world = await openWorld(t, { clock });
  const told = { tally: undefined as ShadowTally | undefined };
  world.plane.onReport(({ shadows = [] }) => {
    told.tally = shadows.at(-1) ?? told.tally;
  });
  await world.serve(shadowTable(stable, { pool: { release: "new-shadow", targets: [plain(shadow)] }, ...own }, effects));
  return { world, clock, tally: () => told.tally, sent: (request) => world.send(request) };
}

function shadowTable(stable: Target, own: Partial<Shadow>, effects: "none" | "writes"): RoutingTable {
  const shadow: Shadow = {
    rollout: "r",
    release: "new",
    pool: { release: "new-shadow", targets: [] },
    share: 10_000,
    credentials: false,
    ignore: [],
    ...own,
  };
  const rest: Partial<ServiceRoute> = { shadow, routes: [{ host: "shop.test", path: "/", effects }] };
  return tableWith(1, [stable], { weight: 0 }, rest);
}

function plain({ instance, host, port }: Target): Target {
  return { instance, host, port };
}

/** Sends until the worker has told what is waited for: a throttle lets only some requests be copied at first. */
async function sendUntil(
  stage: Stage,
  request: Parameters<LoopbackWorld["send"]>[0],
  isTold: (tally: ShadowTally) => boolean,
): Promise<void> {
  await until(async () => {
    for (let sent = 0; sent < 5; sent += 1) await stage.sent(request);
    await stage.clock.pass(500);
    const tally = stage.tally();
    return tally !== undefined && isTold(tally);
  });
}

function compared({ routes }: ShadowTally): number {
  return routes.reduce((sum, route) => sum + route.compared, 0);
}

function pairs({ routes }: ShadowTally): number {
  return routes.reduce((sum, route) => sum + route.pairs, 0);
}

function json(response: http.ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}

test("copies reach the shadow without credentials, marked, and what it answers otherwise is told without its values", async (t) => {
  const asked: http.IncomingHttpHeaders[] = [];
  const stable = await openApp(t, (_, response) => json(response, { name: "tea", price: 300 }));
  const shadow = await openApp(t, (request, response) => {
    asked.push(request.headers);
    json(response, { name: "tea", price: 4711 });
  });
  const stage = await openStage(t, { stable, shadow });
  const headers = { cookie: "sid=secret", authorization: "Bearer secret", "accept-language": "fr" };
  await sendUntil(stage, { headers, path: "/a?b=1" }, (tally) => compared(tally) > 5 && pairs(tally) > 0);
  assert.ok(asked.every((got) => got.cookie === undefined && got.authorization === undefined));
  assert.ok(asked.every((got) => got["belay-shadow"] === "1" && got["accept-language"] === "fr"));
  const tally = stage.tally();
  assert.deepEqual(
    tally?.routes[0]?.fields.map(({ field, how, stable: noise }) => [field, how, noise]),
    [["body.price", "value", 0]],
  );
  assert.ok(!JSON.stringify(tally).includes("4711") && !JSON.stringify(tally).includes("secret"));
  assert.deepEqual(Object.keys(await inFlight(stage)), []);
});

async function inFlight({ world }: Stage): Promise<Readonly<Record<string, number>>> {
  await until(() => world.inFlightNow() === 0);
  return world.plane.workers()[0]?.inFlight ?? {};
}

test("with credentials: true copies are sent as the visitor sent them", async (t) => {
  const asked: (string | undefined)[] = [];
  const stable = await openApp(t, (request, response) => json(response, { user: request.headers.cookie }));
  const shadow = await openApp(t, (request, response) => {
    asked.push(request.headers.cookie);
    json(response, { user: request.headers.cookie });
  });
  const stage = await openStage(t, { stable, shadow, own: { credentials: true } });
  await sendUntil(stage, { headers: { cookie: "sid=1" } }, (tally) => compared(tally) > 3);
  assert.ok(asked.every((cookie) => cookie === "sid=1"));
  assert.deepEqual(stage.tally()?.routes[0]?.fields, []);
});

test("a visitor who is known to stable is compared with stable as it answers without credentials", async (t) => {
  const greet: http.RequestListener = (request, response) => {
    response.statusCode = request.headers.cookie === undefined ? 401 : 200;
    json(response, { isKnown: request.headers.cookie !== undefined });
  };
  const stage = await openStage(t, { stable: await openApp(t, greet), shadow: await openApp(t, greet) });
  await sendUntil(stage, { headers: { cookie: "sid=1" } }, (tally) => compared(tally) > 3);
  assert.deepEqual(stage.tally()?.routes[0]?.fields, []);
  assert.equal(stage.tally()?.differing, 0);
});

test("a body goes along, and is compared unpacked", async (t) => {
  const bodies: string[] = [];
  const echo =
    (seen: string[], pack: boolean): http.RequestListener =>
    (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on("end", () => {
        seen.push(body);
        const text = JSON.stringify({ query: body });
        response.setHeader("content-type", "application/json");
        if (pack) response.setHeader("content-encoding", "gzip");
        response.end(pack ? gzipSync(text) : text);
      });
    };
  const stage = await openStage(t, { stable: await openApp(t, echo([], true)), shadow: await openApp(t, echo(bodies, false)) });
  await sendUntil(stage, { method: "POST", body: "tea please" }, (tally) => compared(tally) > 3);
  assert.ok(bodies.every((body) => body === "tea please"));
  assert.deepEqual(stage.tally()?.routes[0]?.fields, []);
});

test("what was too large to be kept is not copied as if it had been empty", async (t) => {
  const take =
    (seen: number[]): http.RequestListener =>
    (request, response) => {
      let bytes = 0;
      request.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on("end", () => {
        seen.push(bytes);
        json(response, { bytes });
      });
    };
  const copied: number[] = [];
  const stage = await openStage(t, { stable: await openApp(t, take([])), shadow: await openApp(t, take(copied)) });
  const headers = { "transfer-encoding": "chunked" };
  await sendUntil(stage, { method: "POST", headers, body: "x".repeat(200_000) }, ({ dropped }) => dropped.large > 2);
  await sendUntil(stage, { method: "POST", headers, body: "small" }, (tally) => compared(tally) > 0);
  assert.deepEqual([...new Set(copied)], [5]);
  assert.equal(stage.tally()?.differing, 0);
});

test("the name by which an application posts a visitor's outcomes goes to the visitor's own release alone", async (t) => {
  const asked: http.IncomingHttpHeaders[] = [];
  const answered: http.IncomingHttpHeaders[] = [];
  const stable = await openApp(t, (request, response) => {
    answered.push(request.headers);
    json(response, {});
  });
  const shadow = await openApp(t, (request, response) => {
    asked.push(request.headers);
    json(response, {});
  });
  const told = { count: 0 };
  const clock = new StandingClock(t);
  const world = await openWorld(t, { clock });
  world.plane.onReport(({ shadows = [] }) => {
    told.count = shadows.at(-1)?.mirrored ?? told.count;
  });
  const table = shadowTable(stable, { pool: { release: "new-shadow", targets: [plain(shadow)] } }, "none");
  const [service] = table.services;
  assert.ok(service?.exposure);
  const kpis = [{ name: "paid", good: null, of: null }];
  const cohorts = [{ name: "staff", rules: [{ isMember: true, isOpen: true, headers: { "x-staff": "1" } }] }];
  await world.serve({ ...table, services: [{ ...service, kpis, exposure: { ...service.exposure, cohorts } }] });
  await until(async () => {
    await world.send({ headers: { cookie: `belay_uid=${world.cookieOnStable}` } });
    await clock.pass(500);
    return told.count > 2;
  });
  assert.ok(answered.some((got) => got["belay-visitor"] !== undefined));
  assert.ok(asked.length > 0 && asked.every((got) => got["belay-visitor"] === undefined));
});

test("only requests without effects are copied, and only those that stable answered whole and well", async (t) => {
  const asked: string[] = [];
  const stable = await openApp(t, (request, response) => {
    response.statusCode = request.url === "/broken" ? 500 : 200;
    if (request.url === "/events") response.setHeader("content-type", "text/event-stream");
    response.end(request.url === "/large" ? "x".repeat(100_000) : "ok");
  });
  const shadow = await openApp(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end("ok");
  });
  const stage = await openStage(t, { stable, shadow, effects: "writes" });
  for (let count = 0; count < 40; count += 1) {
    await stage.sent({ method: "POST", path: "/order", body: "1" });
    await stage.sent({ path: "/broken" });
    await stage.sent({ path: "/events" });
    await stage.sent({ path: "/known", headers: { "if-none-match": '"1"' } });
  }
  await sendUntil(stage, { path: "/large" }, ({ dropped }) => dropped.large > 0);
  await sendUntil(stage, { path: "/fine" }, (tally) => compared(tally) > 0);
  assert.deepEqual([...new Set(asked)], ["GET /fine"]);
});

// Goal: no byte of a shadow's answer reaches a visitor, and no shadow keeps one waiting, whatever it does.
// Method: shadows that answer something of their own, hang, send for ever, break off, or are gone, under visitors whose answers are looked at.
const misbehaving: Readonly<Record<string, (socket: net.Socket) => void>> = {
  "answers with words of its own": (socket) =>
    socket.on("data", () =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Shadow: yes\r\nSet-Cookie: shadow=1\r\n\r\nSHADOW"),
    ),
  "says nothing": (socket) => socket.resume(),
  "sends for ever": (socket) => {
    const flood = (): void => {
      if (socket.write("SHADOW".repeat(10_000))) setImmediate(flood);
      else socket.once("drain", flood);
    };
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nX-Shadow: yes\r\n\r\n");
      flood();
    });
  },
  "breaks off": (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nSHADOW")),
  "is gone": (socket) => socket.destroy(),
};

for (const [what, behave] of Object.entries(misbehaving)) {
  test(`a shadow that ${what} is noticed by no visitor`, async (t) => {
    const stable = await openApp(t, (_, response) => json(response, { ok: true }));
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const { port } = server.address() as net.AddressInfo;
    const given = { stable, shadow: { instance: "shadow", host: "127.0.0.1", port } };
    const stage = await openStage(t, what === "says nothing" ? { ...given, hurry: 10 } : given);
    let answers = 0;
    const look = async (): Promise<void> => {
      const { status, headers, body } = await stage.sent({});
      answers += 1;
      assert.deepEqual([status, body, headers["x-shadow"]], [200, '{"ok":true}', undefined]);
      assert.ok(!String(headers["set-cookie"]).includes("shadow"));
    };
    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, look));
      await stage.clock.pass(1_000);
      return compared(stage.tally() ?? ({ routes: [] as ShadowTally["routes"] } as ShadowTally)) >= 3;
    });
    assert.ok(answers >= 8);
    const fields = stage.tally()?.routes.flatMap((route) => route.fields.map(({ field }) => field)) ?? [];
    assert.ok(fields.length > 0, "what it did was not told");
    // Copies are in no count of requests.
    await until(() => stage.world.count({}) >= answers);
    assert.equal(stage.world.count({}), answers);
  });
}

test("a shadow that breaks off is asked once a second, each time with stable beside it, and the rest is left out and counted", async (t) => {
  const stable = await openApp(t, (_, response) => json(response, { ok: true }));
  let asked = 0;
  const shadow = await openApp(t, (incoming) => {
    asked += 1;
    incoming.socket.destroy();
  });
  const stage = await openStage(t, { stable, shadow });
  let passedMs = 0;
  await until(async () => {
    await Promise.all(Array.from({ length: 8 }, () => stage.sent({})));
    await stage.clock.pass(250);
    passedMs += 250;
    const tally = stage.tally();
    return tally !== undefined && compared(tally) >= 4;
  });
  assert.ok(asked <= 1 + passedMs / 1_000, `${asked} copies in ${passedMs} ms`);
  const tally = stage.tally() ?? assert.fail();
  assert.equal(pairs(tally), compared(tally));
  assert.ok(tally.dropped.rate > 0);
});

test("when its lease has run out, nothing is copied any more", async (t) => {
  let copies = 0;
  const stable = await openApp(t, (_, response) => json(response, {}));
  const shadow = await openApp(t, (_, response) => {
    copies += 1;
    json(response, {});
  });
  const stage = await openStage(t, { stable, shadow });
  await sendUntil(stage, {}, (tally) => compared(tally) > 0);
  stage.world.plane.renewLease(1, 0);
  await until(() => stage.world.plane.workers()[0]?.brakes.length === 1);
  const before = copies;
  for (let count = 0; count < 150; count += 1) await stage.sent({});
  assert.ok(copies <= before + 16, "only what was on its way");
});
