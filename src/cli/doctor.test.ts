import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { test } from "node:test";
import { aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

test("doctor tells of the running Belay: version, workers, trouble, clients without cookies and certificates", async (t) => {
  const desk = await openDesk(t);
  chmodSync(desk.dataFolder, 0o700);
  desk.env["PATH"] = process.env["PATH"] ?? "";
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  desk.inside.status = aStatus({
    program: "0.0.9",
    trouble: ["the ledger cannot be written"],
    addresses: { http: "127.0.0.1:8080", https: "127.0.0.1:8443" },
    services: [{ ...service, requestsLastMinute: 1_000, newVisitorsLastMinute: 900 }],
  });
  const result = await desk.run("doctor");
  assert.equal(result.code, 1);
  assert.match(result.stdout, /pass {2}git: \d/);
  assert.match(result.stdout, /fail {2}belay: the ledger cannot be written/);
  assert.match(result.stdout, /warn {2}version: 0\.0\.9 runs, and this program is 0\.1\.0/);
  assert.match(result.stdout, /warn {2}cookies of shop: 90%/);
  assert.match(result.stdout, /fail {2}certificates: there is none, so no visitor comes in by TLS/);
});

test("doctor says of proxies that are away whether anybody is served", async (t) => {
  const desk = await openDesk(t);
  const [worker] = aStatus().workers;
  assert.ok(worker !== undefined);
  const said = async (isConnected: readonly boolean[]) => {
    const workers = isConnected.map((each, index) => ({ ...worker, worker: `proxy-${index + 1}`, isConnected: each }));
    desk.inside.status = aStatus({ workers });
    return (await desk.run("doctor")).stdout;
  };
  assert.match(await said([true, false]), /warn {2}belay: proxy-2 is not connected to the control plane/);
  assert.match(await said([false, false]), /fail {2}belay: no proxy is connected.*: proxy-1, proxy-2\n.*proxy-1\.log/);
  assert.match(await said([true, true]), /pass {2}belay: it runs, and its 2 proxy workers are connected/);
});

test("doctor tells of a trusted proxy that does not say for whom it asks, unless it seldom does", async (t) => {
  const desk = await openDesk(t);
  const [service] = aStatus().services;
  assert.ok(service !== undefined);
  const said = async (withoutClient: typeof service.withoutClient) => {
    desk.inside.status = aStatus({ services: [{ ...service, withoutClient }] });
    return (await desk.run("doctor")).stdout;
  };
  assert.match(
    await said({ requests: 900, of: 1_000 }),
    /warn {2}clients of shop: 900 of 1000 requests came from a trusted proxy without X-Forwarded-For.*\n.*Have the proxy send X-Forwarded-For/,
  );
  assert.match(await said({ requests: 400, of: 1_000 }), /pass {2}clients of shop: 400 of 1000 requests/);
  assert.match(await said({ requests: 90, of: 100 }), /pass {2}clients of shop: 90 of 100 requests/);
  assert.doesNotMatch(await said({ requests: 0, of: 1_000 }), /clients of shop/);
});

test("doctor says that the control plane does not answer, and that a port is taken or free when nothing runs", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  assert.match((await desk.run("doctor")).stdout, /fail {2}belay: it runs, and its control plane does not answer/);
  desk.isRunning = false;
  const { findings } = JSON.parse((await desk.run("doctor", "--json")).stdout);
  const about = findings.map((finding: { readonly about: string }) => finding.about);
  for (const word of ["git", "disk", "memory", "descriptors", "clock", "keys", "isolation", "belay", "port"])
    assert.ok(about.includes(word), word);
});
