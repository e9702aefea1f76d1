import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import { createApi } from "./create-api.ts";
import { createFakeInside } from "./fake-inside.ts";
import type { LogsView } from "./views.ts";

const commit = "a".repeat(40);
const base = "http://belay/api/v1";

function socketApi() {
  const inside = createFakeInside();
  const app = createApi({ ...inside, auth: { kind: "socket" }, packBytesMax: 1_000 });
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    app.request(`${base}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "belay-actor": "ada", ...headers },
      body: JSON.stringify(body),
    });
  return { inside, app, post, get: (path: string) => app.request(`${base}${path}`) };
}

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { readonly code?: unknown }).code;
}

test("status and health answer", async () => {
  const { inside, get } = socketApi();
  assert.deepEqual(await (await get("/status")).json(), inside.status);
  assert.deepEqual(await (await get("/health")).json(), { ok: true });
});

test("a deployment reaches the control plane with the claimed name of the user", async () => {
  const { inside, post } = socketApi();
  const request = { commit, isDirty: false, root: "apps/shop", environment: "production", supersede: false };
  const response = await post("/deployments", request);
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), {
    rollout: "shop-20260101-a1b2",
    forecast: "about 27 s of gates",
    judgement: null,
  });
  assert.deepEqual(inside.asked, [{ method: "deploy", request, actor: { kind: "person", name: "ada", via: "socket" } }]);
});

test("the key of a deployment reaches the control plane, which knows the question again by it", async () => {
  const { inside, post } = socketApi();
  const request = { commit, isDirty: false, root: "", environment: "production", supersede: false };
  const keyed = { "idempotency-key": "0123456789abcdef" };
  assert.equal((await post("/deployments", request, keyed)).status, 202);
  assert.equal((await post("/services/production/shop/config", {}, keyed)).status, 202);
  const keys = inside.asked.map(({ request }) => (request as { readonly requestKey?: string }).requestKey);
  assert.deepEqual(keys, ["0123456789abcdef", "0123456789abcdef"]);
  assert.equal((await post("/deployments", request, { "idempotency-key": "short" })).status, 400);
});

test("each command reaches its own method with service, environment and body", async () => {
  const { inside, post } = socketApi();
  const bodies = {
    promote: { isFull: true, skipsAnalysis: false },
    abort: { reason: "looks wrong" },
    pause: { reason: "" },
    resume: {},
    rollback: { target: "r-1", reason: "" },
  };
  for (const [verb, body] of Object.entries(bodies))
    assert.equal((await post(`/services/production/shop/${verb}`, body)).status, 202);
  assert.deepEqual(
    inside.asked.map(({ method, request }) => ({ method, request })),
    Object.entries(bodies).map(([method, body]) => ({
      method,
      request: { environment: "production", service: "shop", ...body },
    })),
  );
});

test("bodies that are not what a route takes are refused before anything is asked", async () => {
  const { inside, post, app } = socketApi();
  const good = { commit, isDirty: false, root: "", environment: "production", supersede: false };
  const bad: unknown[] = [
    {},
    null,
    [],
    { ...good, commit: "main" },
    { ...good, root: "../etc" },
    { ...good, root: "/etc" },
    { ...good, root: "a/./b" },
    { ...good, environment: "Prod uction" },
    { ...good, extra: 1 },
    { ...good, isDirty: "yes" },
  ];
  for (const body of bad) {
    const response = await post("/deployments", body);
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.equal(await codeOf(response), "BELAY_API_BAD_REQUEST");
  }
  const broken = { method: "POST", headers: { "content-type": "application/json" }, body: "{" };
  assert.equal((await app.request(`${base}/deployments`, broken)).status, 400);
  assert.equal((await post("/services/production/NOT-A-NAME/abort", { reason: "" })).status, 400);
  assert.deepEqual(inside.asked, []);
});

test("a mutating request needs its content type, also without a body", async () => {
  const { app, inside } = socketApi();
  for (const headers of [{}, { "content-type": "text/plain" }, { "content-type": "application/x-www-form-urlencoded" }]) {
    const response = await app.request(`${base}/services/production/shop/resume`, { method: "POST", headers });
    assert.equal(response.status, 415);
    assert.equal(await codeOf(response), "BELAY_API_CONTENT_TYPE");
  }
  assert.deepEqual(inside.asked, []);
});

test("a body above the limit is refused", async () => {
  const { post } = socketApi();
  const response = await post("/services/production/shop/abort", { reason: "x".repeat(70_000) });
  assert.equal(response.status, 413);
  assert.equal(await codeOf(response), "BELAY_API_BODY_TOO_LARGE");
});

test("a user name that is none is refused", async () => {
  const { post } = socketApi();
  assert.equal((await post("/services/production/shop/resume", {}, { "belay-actor": "a b" })).status, 400);
});

test("an expected failure is answered with its three fields and a status of its own", async () => {
  const { inside, post } = socketApi();
  const cases = {
    BELAY_ROLLOUT_CONFLICT: 409,
    BELAY_SERVICE_UNKNOWN: 404,
    BELAY_LEDGER_UNWRITABLE: 503,
    BELAY_MANIFEST_INVALID: 422,
  } as const;
  for (const [code, status] of Object.entries(cases)) {
    inside.failure = new BelayError({ code: code as keyof typeof cases, message: "no", next: "Do this." });
    const response = await post("/services/production/shop/resume", {});
    assert.equal(response.status, status, code);
    assert.deepEqual(await response.json(), { code, message: "no", next: "Do this." });
  }
});

test("a bug is logged whole and answered without its insides", async () => {
  const logged: unknown[] = [];
  const log: Log = { info: () => {}, warn: () => {}, error: (_, fields) => logged.push(fields) };
  const inside = createFakeInside();
  inside.failure = new TypeError("secret is undefined at the vault");
  const app = createApi({ ...inside, log, auth: { kind: "socket" } });
  const headers = { "content-type": "application/json" };
  const response = await app.request(`${base}/services/production/shop/resume`, { method: "POST", headers, body: "{}" });
  assert.equal(response.status, 500);
  const text = await response.text();
  assert.match(text, /BELAY_INTERNAL/);
  assert.doesNotMatch(text, /secret|TypeError|vault/);
  assert.match(JSON.stringify(logged), /secret is undefined/);
});

test("a pack is streamed in, and cut off at its limit", async () => {
  const { inside, app } = socketApi();
  const send = (bytes: number, headers: Readonly<Record<string, string>> = {}) =>
    app.request(`${base}/repository/packs`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream", "belay-commit": commit, ...headers },
      body: new Uint8Array(bytes),
    });
  assert.equal((await send(999, { "belay-shallow": `${"b".repeat(40)} ${"c".repeat(40)}` })).status, 200);
  assert.deepEqual(inside.packs, [{ commit, shallow: ["b".repeat(40), "c".repeat(40)], bytes: 999 }]);
  const refused = await send(1_001);
  assert.equal(refused.status, 413);
  assert.equal(await codeOf(refused), "BELAY_API_PACK_TOO_LARGE");
  assert.equal((await send(10, { "belay-commit": "--upload-pack=x" })).status, 400);
  assert.equal((await send(10, { "content-type": "application/json" })).status, 415);
});

test("known commits, rollouts, entries and the checkpoint are read", async () => {
  const { inside, get } = socketApi();
  assert.deepEqual(await (await get("/repository/commits")).json(), { commits: ["1".repeat(40)] });
  assert.deepEqual(await (await get("/rollouts/shop-20260101-a1b2")).json(), inside.rollouts[0]);
  assert.equal((await get("/rollouts/other")).status, 404);
  assert.deepEqual(await (await get("/entries?after=0&limit=10")).json(), { entries: [] });
  for (const query of ["after=-1", "limit=0", "limit=100000", "after=x"])
    assert.equal((await get(`/entries?${query}`)).status, 400, query);
  assert.deepEqual(await (await get("/checkpoint")).json(), inside.checkpoint);
});

test("logs are the last lines of each instance, and with a cursor what was written since", async () => {
  const folder = mkdtempSync(join(tmpdir(), "belay-api-"));
  try {
    const { inside, get } = socketApi();
    const file = join(folder, "one.log");
    writeFileSync(file, "a\nb\nc\n");
    inside.logFiles = [
      { instance: "shop-2", release: "r-2", file, isPresent: true },
      { instance: "shop-1", release: "r-1", file: join(folder, "none.log"), isPresent: false },
    ];
    const path = "/services/production/shop/logs";
    const ask = async (query: string) => (await (await get(`${path}?${query}`)).json()) as LogsView;
    const first = await ask("lines=2");
    assert.deepEqual(first.instances, [
      { instance: "shop-2", release: "r-2", lines: ["b", "c"] },
      { instance: "shop-1", release: "r-1", lines: [] },
    ]);
    assert.deepEqual((await ask("release=r-1")).instances, [{ instance: "shop-1", release: "r-1", lines: [] }]);
    appendFileSync(file, "d\n");
    inside.logFiles = [...inside.logFiles, { instance: "shop-3", release: "r-3", file, isPresent: true }];
    const second = await ask(`cursor=${first.cursor}`);
    assert.deepEqual(second.instances, [
      { instance: "shop-2", release: "r-2", lines: ["d"] },
      { instance: "shop-3", release: "r-3", lines: ["a", "b", "c", "d"] },
    ]);
    assert.deepEqual((await ask(`cursor=${second.cursor}`)).instances, []);
    const both = await get(`${path}?process=worker&task=migrate`);
    assert.equal(both.status, 400);
    assert.match(((await both.json()) as { message: string }).message, /process or task/);
    for (const cursor of ["x", "W1tdXQ", "e30"]) assert.equal((await get(`${path}?cursor=${cursor}`)).status, 400, cursor);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the OpenAPI document names every route", async () => {
  const { get } = socketApi();
  const document = (await (await get("/openapi.json")).json()) as { readonly paths: object };
  const paths = Object.keys(document.paths).sort();
  assert.deepEqual(paths, [
    "/api/v1/bundles",
    "/api/v1/checkpoint",
    "/api/v1/deployments",
    "/api/v1/deployments/plan",
    "/api/v1/entries",
    "/api/v1/health",
    "/api/v1/metrics",
    "/api/v1/policy",
    "/api/v1/policy/clear",
    "/api/v1/preview-keys",
    "/api/v1/repository/commits",
    "/api/v1/repository/packs",
    "/api/v1/rollouts/{id}",
    "/api/v1/rollouts/{id}/approval",
    "/api/v1/rollouts/{id}/approvals",
    "/api/v1/rollouts/{id}/review",
    "/api/v1/services/{environment}/{service}/abort",
    "/api/v1/services/{environment}/{service}/config",
    "/api/v1/services/{environment}/{service}/logs",
    "/api/v1/services/{environment}/{service}/maintenance",
    "/api/v1/services/{environment}/{service}/override",
    "/api/v1/services/{environment}/{service}/paths",
    "/api/v1/services/{environment}/{service}/pause",
    "/api/v1/services/{environment}/{service}/plan",
    "/api/v1/services/{environment}/{service}/policy",
    "/api/v1/services/{environment}/{service}/previews",
    "/api/v1/services/{environment}/{service}/promote",
    "/api/v1/services/{environment}/{service}/resume",
    "/api/v1/services/{environment}/{service}/rollback",
    "/api/v1/services/{environment}/{service}/runs",
    "/api/v1/services/{environment}/{service}/runs/{run}",
    "/api/v1/services/{environment}/{service}/runs/{run}/stop",
    "/api/v1/services/{environment}/{service}/secrets",
    "/api/v1/services/{environment}/{service}/secrets/unset",
    "/api/v1/services/{environment}/{service}/slo",
    "/api/v1/status",
    "/api/v1/targets",
    "/api/v1/tokens",
    "/api/v1/tokens/map",
    "/api/v1/tokens/revoke",
  ]);
});

test("an unknown route is told so", async () => {
  const { get } = socketApi();
  const response = await get("/secrets");
  assert.equal(response.status, 404);
  assert.equal(await codeOf(response), "BELAY_API_NOT_FOUND");
});

test("secrets go in and only their fingerprints come out", async () => {
  const { inside, get, post } = socketApi();
  const set = await post("/services/production/shop/secrets", { values: { TOKEN: "hunter22" } });
  assert.equal(set.status, 200);
  assert.deepEqual(inside.asked[0]?.request, { environment: "production", service: "shop", values: { TOKEN: "hunter22" } });
  const answers = [await set.text(), await (await get("/services/production/shop/secrets")).text()];
  for (const answer of answers) {
    assert.match(answer, /"fingerprint":"a1b2c3d4e5f6"/);
    assert.doesNotMatch(answer, /hunter22/);
  }
  const wrong = await post("/services/production/shop/secrets", { values: { TOKEN: ["hunter22"] } });
  assert.equal(wrong.status, 400);
  assert.doesNotMatch(await wrong.text(), /hunter22/);
  assert.equal((await post("/services/production/shop/config", {})).status, 202);
  assert.equal(
    ((await (await get("/services/production/shop/config?release=r-9")).json()) as { release: string }).release,
    "r-9",
  );
});
