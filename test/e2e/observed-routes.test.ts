import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Agent, request } from "undici";
import type { PathsView } from "../../src/api/views.ts";
import type { ObservedRoutes } from "../../src/cli/propose-effects.ts";
import { jsonOf } from "./belay-command.ts";
import { kill, pidsOf } from "./belay-processes.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: with real processes, what visitors ask for becomes a proposal of routes to declare: with the lines to paste, without writes,
// cookies and telling names, and without anything of a visitor; and a control plane that is killed knows it again from its workers.
// Method: a shop with a page of each kind. What is asked for holds a query, an address and a token, which must be nowhere.

const host = "shop.example.com";

const server = `const { PORT, HOST } = process.env;
require("node:http").createServer((request, response) => {
  if (request.url.startsWith("/basket")) response.setHeader("set-cookie", "sid=1");
  if (request.url.startsWith("/nowhere")) response.statusCode = 404;
  response.end("a page");
}).listen(PORT, HOST);
`;

const manifest = (more = "") => `version: 1
service: shop
run: { command: node server.js, health: /up }
environments:
  production:
    routes:
      - { host: ${host}, idempotent: key }
${more}`;

test("check proposes routes from what visitors asked for, and nothing of theirs is in it", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "shop"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest());
  await scene.up();
  await scene.deploy(repository);
  const url = await scene.baseUrl();
  const ask = async (method: "GET" | "POST", path: string, times: number) => {
    for (let index = 0; index < times; index += 1) {
      const { body } = await request(`${url}${path.replace("ID", String(1_000 + index))}`, { method, headers: { host } });
      await body.dump();
    }
  };
  await ask("GET", "/products/ID?secretquery=1", 30);
  await ask("GET", "/orders/jane%40example.com", 6);
  await ask("POST", "/orders", 3);
  await ask("GET", "/basket", 21);
  await ask("GET", "/reset/tokenlikeQx7vK2", 5);
  await ask("GET", "/nowhere/else", 5);

  const observe = async () => {
    const { observed } = jsonOf(await scene.expectBelay(["check", "--json"], { cwd: repository.folder })) as {
      readonly observed: ObservedRoutes | null;
    };
    // Each worker tells on its own, every five seconds.
    const counts = observed?.doubted
      .map(({ path, why, requests, cookies }) => `${path} ${why} ${requests} ${cookies}`)
      .toSorted();
    return counts?.join() === "/basket cookies 21 21,/reset/* name 5 0" ? observed : undefined;
  };
  const observed = await waitFor(
    "the workers have told of it",
    async () => {
      const seen = await observe();
      return seen?.proposed[0]?.requests === 30 ? seen : undefined;
    },
    { everyMs: 500 },
  );
  const line = `- { host: ${host}, path: /products, idempotent: key, effects: writes }`;
  assert.deepEqual(
    observed.proposed.map(({ path, requests, line }) => ({ path, requests, line })),
    [{ path: "/products", requests: 30, line }],
  );
  const { stdout } = await scene.expectBelay(["check", "--shadow"], { cwd: repository.folder });
  assert.match(
    stdout,
    /GET, HEAD and OPTIONS came alone[\s\S]*add these lines to environments\.production\.routes:\n\s+- { host/,
  );
  assert.match(stdout, /Look for GETs that count or log a visit/);

  const dispatcher = new Agent({ connect: { socketPath: join(scene.place.dataFolder, "run/api.sock") } });
  t.after(() => dispatcher.destroy());
  const { body } = await request("http://belay/api/v1/services/production/shop/paths", { dispatcher });
  const view = await body.text();
  assert.doesNotMatch(view, /secretquery|jane|example\.com\/|Qx7vK2|nowhere|1000/);
  const orders = (JSON.parse(view) as PathsView).paths.filter(({ path }) => path.startsWith("/orders"));
  assert.deepEqual(
    orders.map(({ path, methods }) => ({ path, methods })),
    [
      { path: "/orders", methods: { POST: 3 } },
      { path: "/orders/*", methods: { GET: 6 } },
    ],
  );

  await kill(pidsOf(scene.place.dataFolder, "control"));
  await waitFor("a new control plane knows it", async () => (await observe())?.proposed[0]?.requests === 30, { everyMs: 500 });

  await repository.commitFile("belay.yml", manifest(`      ${line}\n`));
  const pasted = await waitFor("the declared route is proposed no more", observe, { everyMs: 500 });
  assert.deepEqual(pasted.proposed, []);
});
