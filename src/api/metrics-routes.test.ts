import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createApi } from "./create-api.ts";
import { createFakeInside } from "./fake-inside.ts";
import { createMetricsApp } from "./metrics-routes.ts";

test("metrics are text in Prometheus' format, and a label cannot end its quotes", async () => {
  const inside = createFakeInside();
  inside.metrics = [
    { name: "belay_program_info", samples: [{ labels: { version: 'a"b\\c\nd' }, value: 1 }] },
    { name: "belay_response_seconds", samples: [{ suffix: "_bucket", labels: { le: "+Inf" }, value: 2 }] },
  ];
  const response = await createApi({ ...inside, auth: { kind: "socket" } }).request("http://belay/api/v1/metrics");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => !line.startsWith("# HELP"));
  assert.deepEqual(lines, [
    "# TYPE belay_program_info gauge",
    'belay_program_info{version="a\\"b\\\\c\\nd"} 1',
    "# TYPE belay_response_seconds histogram",
    'belay_response_seconds_bucket{le="+Inf"} 2',
    "",
  ]);
});

test("over TCP the API gives them for its token alone", async () => {
  const token = { name: "ci", sha256: createHash("sha256").update("belay_secret").digest("hex") };
  const app = createApi({ ...createFakeInside(), auth: { kind: "token", token, hosts: ["127.0.0.1:1"] } });
  const ask = (headers: Readonly<Record<string, string>>) =>
    app.request("http://127.0.0.1:1/api/v1/metrics", { headers: { host: "127.0.0.1:1", ...headers } });
  assert.equal((await ask({})).status, 401);
  assert.equal((await ask({ authorization: "Bearer belay_secret" })).status, 200);
});

test("the listener of their own has nothing else", async () => {
  const app = createMetricsApp(createFakeInside());
  const found = await app.request("http://any/metrics");
  assert.equal(found.status, 200);
  assert.match(await found.text(), /^belay_ledger_position 7$/m);
  const targets = await app.request("http://any/targets");
  assert.equal(targets.headers.get("content-type"), "application/json");
  assert.deepEqual(await targets.json(), createFakeInside().controlPlane.scrapeTargets());
  for (const path of ["/", "/api/v1/status", "/metrics/x"]) assert.equal((await app.request(`http://any${path}`)).status, 404);
  assert.equal((await app.request("http://any/metrics", { method: "POST" })).status, 404);
});
