import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Role, roles, type Scope } from "../rollout/principal.ts";
import { access } from "./access.ts";
import { createApi } from "./create-api.ts";
import { createFakeInside } from "./fake-inside.ts";
import { aRollout, aToken } from "./fake-views.ts";
import { allowedHosts } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";

const hosts = allowedHosts({ host: "127.0.0.1", port: 7070 });
const machine = { name: "deployer", sha256: createHash("sha256").update("belay_machine").digest("hex") };

/** Every route of the API: its least role, and which scopes reach shop in production by it. Written out, and not computed. */
const everybody = ["all", "shop", "production", "shop in production"] as const;
const unlimited = ["all"] as const;
const strangers = ["cart", "staging", "shop in staging"] as const;
const any = [...everybody, ...strangers] as const;

const table: Readonly<Record<string, readonly [Role, readonly string[]]>> = {
  "GET /status": ["viewer", any],
  "GET /openapi.json": ["viewer", any],
  "GET /metrics": ["viewer", unlimited],
  "GET /targets": ["viewer", unlimited],
  "GET /entries": ["viewer", unlimited],
  "GET /checkpoint": ["viewer", any],
  "GET /rollouts/{id}": ["viewer", everybody],
  "GET /rollouts/{id}/approval": ["viewer", everybody],
  "GET /services/{environment}/{service}/logs": ["viewer", everybody],
  "GET /services/{environment}/{service}/config": ["viewer", everybody],
  "GET /services/{environment}/{service}/secrets": ["viewer", everybody],
  "GET /services/{environment}/{service}/slo": ["viewer", everybody],
  "GET /services/{environment}/{service}/paths": ["viewer", everybody],
  "POST /services/{environment}/{service}/plan": ["viewer", everybody],
  "GET /services/{environment}/{service}/runs/{run}": ["viewer", everybody],
  "GET /repository/commits": ["deployer", any],
  "POST /repository/packs": ["deployer", any],
  "POST /bundles": ["deployer", any],
  "POST /deployments": ["deployer", everybody],
  "POST /deployments/plan": ["deployer", everybody],
  "GET /policy": ["viewer", any],
  "POST /policy": ["admin", unlimited],
  "POST /policy/clear": ["admin", unlimited],
  "GET /services/{environment}/{service}/policy": ["viewer", everybody],
  "POST /services/{environment}/{service}/promote": ["deployer", everybody],
  "POST /services/{environment}/{service}/abort": ["deployer", everybody],
  "POST /services/{environment}/{service}/pause": ["deployer", everybody],
  "POST /services/{environment}/{service}/resume": ["deployer", everybody],
  "POST /services/{environment}/{service}/rollback": ["deployer", everybody],
  "POST /services/{environment}/{service}/override": ["deployer", everybody],
  "POST /services/{environment}/{service}/maintenance": ["deployer", everybody],
  "POST /services/{environment}/{service}/previews": ["deployer", everybody],
  "POST /services/{environment}/{service}/secrets": ["deployer", everybody],
  "POST /services/{environment}/{service}/secrets/unset": ["deployer", everybody],
  "POST /services/{environment}/{service}/config": ["deployer", everybody],
  "POST /services/{environment}/{service}/runs/{run}/stop": ["deployer", everybody],
  "POST /rollouts/{id}/approvals": ["approver", everybody],
  "POST /rollouts/{id}/review": ["approver", everybody],
  "POST /services/{environment}/{service}/runs": ["admin", everybody],
  "POST /preview-keys": ["admin", unlimited],
  "GET /tokens": ["admin", unlimited],
  "POST /tokens": ["admin", unlimited],
  "POST /tokens/revoke": ["admin", unlimited],
  "POST /tokens/map": ["admin", unlimited],
};

const scopes: Readonly<Record<string, Scope>> = {
  all: { service: null, environment: null },
  shop: { service: "shop", environment: null },
  production: { service: null, environment: "production" },
  "shop in production": { service: "shop", environment: "production" },
  cart: { service: "cart", environment: null },
  staging: { service: null, environment: "staging" },
  "shop in staging": { service: "shop", environment: "staging" },
};

const hash = "0".repeat(64);
const bodies: Readonly<Record<string, object>> = {
  "POST /deployments": { commit: "1".repeat(40), isDirty: false, root: "", environment: "production", supersede: false },
  "POST /rollouts/{id}/approvals": { digest: hash, plan: hash, needs: ["environment"] },
  "POST /deployments/plan": { commit: "1".repeat(40), isDirty: false, root: "", environment: "production", supersede: false },
  "POST /policy": { text: "brief: always" },
  "POST /rollouts/{id}/review": { words: "seen" },
  "POST /services/{environment}/{service}/abort": { reason: "" },
  "POST /services/{environment}/{service}/pause": { reason: "" },
  "POST /services/{environment}/{service}/rollback": { reason: "" },
  "POST /services/{environment}/{service}/override": { reason: "an outage" },
  "POST /services/{environment}/{service}/maintenance": { isOn: true, message: "" },
  "POST /services/{environment}/{service}/plan": { manifest: "version: 1" },
  "POST /services/{environment}/{service}/secrets": { values: { TOKEN: "hunter22" } },
  "POST /services/{environment}/{service}/secrets/unset": { name: "TOKEN" },
  "POST /services/{environment}/{service}/runs": { command: ["true"], reason: "" },
  "POST /tokens": { name: "cleo", role: "viewer" },
  "POST /tokens/revoke": { token: "cleo" },
  "POST /tokens/map": { name: "cleo", gitEmails: [] },
};
const bytes = new Set(["POST /bundles", "POST /repository/packs"]);

/** The API as the holder of a token meets it. The deploy of it is of shop, which only its commit says. */
function appFor(role: Role, scope: Scope) {
  const inside = createFakeInside();
  inside.secretTokens = { belay_own: aToken({ role, scope }) };
  inside.rollouts = [aRollout({ rollout: "shop-1" })];
  const { deploy, plan } = inside.controlPlane;
  const controlPlane: typeof inside.controlPlane = {
    ...inside.controlPlane,
    deploy: async (request, actor, mayTouch) => {
      mayTouch?.({ environment: request.environment, service: "shop" });
      return deploy(request, actor);
    },
    plan: async (request, actor, mayTouch) => {
      mayTouch?.({ environment: request.environment, service: "shop" });
      return plan(request, actor);
    },
  };
  return createApi({ ...inside, controlPlane, auth: { kind: "token", token: machine, hosts } });
}

async function ask(
  app: ReturnType<typeof appFor>,
  route: string,
  token: string | null,
  query = "",
): Promise<{ status: number; code: unknown }> {
  const [method = "", path = ""] = route.split(" ");
  const filled = path
    .replace("{environment}", "production")
    .replace("{service}", "shop")
    .replace("{id}", "shop-1")
    .replace("{run}", "shop.production.r-1a2b.run-once.1");
  const isBytes = bytes.has(route);
  const headers: Record<string, string> = {
    host: "127.0.0.1:7070",
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(method === "GET" ? {} : { "content-type": isBytes ? "application/octet-stream" : "application/json" }),
    ...(isBytes ? { "belay-commit": "1".repeat(40), "belay-shallow": "", "belay-bundle": hash } : {}),
  };
  const body = method === "GET" ? null : isBytes ? "x" : JSON.stringify(bodies[route] ?? {});
  const response = await app.request(`http://127.0.0.1:7070/api/v1${filled}${query}`, { method, headers, body });
  const text = await response.text();
  return {
    status: response.status,
    code: text.startsWith("{") ? (JSON.parse(text) as { readonly code?: unknown }).code : undefined,
  };
}

test("every route has a row here and a rule, and there is no rule for what is no route", () => {
  const { paths } = openApiDocument() as { readonly paths: Readonly<Record<string, object>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace("/api/v1", "")}`),
  );
  const documented = [...routes, "GET /openapi.json"].toSorted();
  assert.deepEqual(Object.keys(access).toSorted(), documented);
  assert.deepEqual([...Object.keys(table), "GET /health"].toSorted(), documented);
});

test("every route by every role and scope: it is answered where it should be, and refused everywhere else", async () => {
  const wrong: string[] = [];
  let asked = 0;
  for (const role of roles) {
    for (const [name, scope] of Object.entries(scopes)) {
      const app = appFor(role, scope);
      for (const [route, [least, reaching]] of Object.entries(table)) {
        const { status, code } = await ask(app, route, "belay_own");
        const isAllowed = roles.indexOf(role) >= roles.indexOf(least) && reaching.includes(name);
        const isRefused = status === 403 && code === "BELAY_API_FORBIDDEN";
        asked += 1;
        if (isAllowed === isRefused) wrong.push(`${route} by ${role} of ${name}: ${status} ${String(code)}`);
        if (isAllowed && (status >= 500 || code === "BELAY_API_BAD_REQUEST"))
          wrong.push(`${route} is not asked well: ${status} ${String(code)}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal(asked, roles.length * Object.keys(scopes).length * Object.keys(table).length);
});

test("no route but liveness is answered without a token, or with an expired one", async () => {
  const app = appFor("admin", scopes["all"] as Scope);
  for (const route of Object.keys(table)) assert.equal((await ask(app, route, null)).code, "BELAY_API_UNAUTHENTICATED", route);
  assert.equal((await ask(app, "GET /health", null)).status, 200);
  const inside = createFakeInside();
  inside.secretTokens = { belay_own: aToken({ role: "admin", isExpired: true, until: "2026-01-01T00:00:00Z" }) };
  const late = createApi({ ...inside, auth: { kind: "token", token: machine, hosts } });
  for (const route of Object.keys(table))
    assert.equal((await ask(late, route, "belay_own")).code, "BELAY_API_TOKEN_EXPIRED", route);
});

test("the machine's own token deploys and goes back, and neither approves nor makes tokens", async () => {
  const app = appFor("viewer", scopes["all"] as Scope);
  for (const [route, [least]] of Object.entries(table)) {
    const { code } = await ask(app, route, "belay_machine");
    assert.equal(code === "BELAY_API_FORBIDDEN", least === "approver" || least === "admin", route);
  }
});

test("a token for one service sees that one in the status, and the entries of its rollouts alone", async () => {
  const own = appFor("viewer", { service: "shop", environment: "production" });
  const other = appFor("viewer", { service: "cart", environment: null });
  const seen = async (app: ReturnType<typeof appFor>) => {
    const response = await app.request("http://127.0.0.1:7070/api/v1/status", {
      headers: { host: "127.0.0.1:7070", authorization: "Bearer belay_own" },
    });
    return ((await response.json()) as { readonly services: readonly unknown[] }).services.length;
  };
  assert.equal(await seen(own), 1);
  assert.equal(await seen(other), 0);
  assert.equal((await ask(own, "GET /entries", "belay_own", "?rollout=shop-1")).status, 200);
  assert.equal((await ask(other, "GET /entries", "belay_own", "?rollout=shop-1")).code, "BELAY_API_FORBIDDEN");
});

// Goal: what is no name, or is written in another way, reaches no other service than the one that is checked.
test("encoded and odd names of a service are checked as the route reads them", async () => {
  const app = appFor("deployer", { service: "cart", environment: null });
  for (const name of ["shop", "s%68op", "%73hop", "shop%2f..%2fcart", "cart%2fx", "%", "%zz", "shop;cart", "cart%00"]) {
    const response = await app.request(`http://127.0.0.1:7070/api/v1/services/production/${name}/resume`, {
      method: "POST",
      headers: { host: "127.0.0.1:7070", authorization: "Bearer belay_own", "content-type": "application/json" },
      body: "{}",
    });
    assert.ok(response.status === 403 || response.status === 404 || response.status === 400, `${name}: ${response.status}`);
  }
});

test("tokens that are malformed, long or hostile are refused and never looked up", async () => {
  const app = appFor("admin", scopes["all"] as Scope);
  const hostile = [
    "",
    " ",
    "x".repeat(501),
    "x".repeat(100_000),
    "belay_own x",
    "belay_own,",
    "__proto__",
    "constructor",
    "é",
    '"',
    "belay_\u0000",
  ];
  for (const token of hostile) {
    try {
      const { status } = await ask(app, "GET /status", token);
      assert.equal(status, 401, JSON.stringify(token.slice(0, 20)));
    } catch (cause) {
      // What can be no header at all is refused by the client itself.
      assert.ok(cause instanceof TypeError, String(cause));
    }
  }
});
