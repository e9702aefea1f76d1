import assert from "node:assert/strict";
import { test } from "node:test";
import { aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";

test("up --detach starts and returns", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  const result = await desk.run("up", "--listen", "127.0.0.1:0", "--workers", "3", "--detach", "--json");
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(desk.started, [
    { dataFolder: desk.dataFolder, listen: "127.0.0.1:0", apiListen: null, tlsListen: null, metricsListen: null, workers: 3 },
  ]);
  assert.equal(JSON.parse(result.stdout).addresses.http, "127.0.0.1:0");
  assert.deepEqual(desk.stopped, []);
});

test("up --tls says where certificates are looked for, and what is wrong with them", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  const result = await desk.run("up", "--tls", "127.0.0.1:8443", "--detach");
  assert.ok(
    result.stdout.includes(`https://127.0.0.1:8443, with the certificates in ${desk.dataFolder}/certificates`),
    result.stdout,
  );
  assert.match(result.stdout, /fail {2}certificates: there is none, so no visitor comes in by TLS\n +Link a folder/);
  assert.equal(desk.started[0]?.tlsListen, "127.0.0.1:8443");
});

test("up --metrics says where they are", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  const result = await desk.run("up", "--metrics", "127.0.0.1:9464", "--detach");
  assert.match(result.stdout, /Metrics at http:\/\/127\.0\.0\.1:9464\/metrics/);
  assert.equal(desk.started[0]?.metricsListen, "127.0.0.1:9464");
});

test("up shows the API's token once", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  const result = await desk.run("up", "--api", "127.0.0.1:7070", "--detach");
  assert.match(result.stdout, /token[\s\S]*belay_token/);
});

test("up stays, shows what changes, and stops everything at Ctrl-C", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  desk.onSleep = (count) => {
    if (count === 2) desk.inside.status = aStatus({ trouble: ["the ledger cannot be written"] });
    if (count === 4) desk.interruption.abort();
  };
  const result = await desk.run("up");
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout.match(/shop\/production: step 1 of 2/g)?.length, 1, result.stdout);
  assert.match(result.stdout, /trouble: the ledger cannot be written/);
  assert.deepEqual(desk.stopped, [desk.dataFolder]);
});

test("up ends when somebody else stops Belay, and waits for a control plane that is being started anew", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  desk.onSleep = async (count) => {
    if (count === 1) await desk.stopServing();
    if (count === 3) await desk.serve();
    if (count === 5) await desk.stopServing();
    if (count === 7) desk.isRunning = false;
  };
  const result = await desk.run("up");
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /Belay was stopped/);
  assert.deepEqual(desk.stopped, []);
});

test("up leaves a Belay alone that runs already", async (t) => {
  const desk = await openDesk(t);
  const result = await desk.run("up");
  assert.match(result.stdout, /runs already/);
  assert.deepEqual(desk.stopped, []);
});

test("up tells on standard error what takes more than a moment, and that it has replaced another version", async (t) => {
  const desk = await openDesk(t);
  desk.isRunning = false;
  desk.stages = [{ kind: "copying", folder: "/data/program/0.1.0-a1", bytes: 170_400_000 }, { kind: "waiting" }];
  const first = await desk.run("up", "--detach");
  assert.equal(
    first.stderr,
    "Copying Belay to /data/program/0.1.0-a1 (171 MB, once for each version) ...\nWaiting for the control plane to answer ...\n",
  );
  assert.match(first.stdout, /^Belay 0\.1\.0 is up: .*\n$/);
  desk.stages = [{ kind: "replacing", from: "0.0.9-b2", to: "0.1.0" }];
  const second = await desk.run("up");
  assert.match(second.stderr, /^Replacing 0\.0\.9-b2 by 0\.1\.0: /);
  assert.match(second.stdout, /^Belay 0\.1\.0 has replaced 0\.0\.9-b2: .*\n$/);
  assert.equal(JSON.parse((await desk.run("up", "--json")).stdout).replaced, "0.0.9-b2");
  desk.stages = [];
  assert.equal((await desk.run("up")).stderr, "");
});

test("up without an address listens on 8080, or where it listens already", async (t) => {
  const desk = await openDesk(t);
  await desk.run("up", "--detach");
  desk.isRunning = false;
  await desk.run("up", "--detach");
  assert.deepEqual(
    desk.started.map(({ listen }) => listen),
    ["127.0.0.1:0", "127.0.0.1:8080"],
  );
});

test("down shows the traffic and asks", async (t) => {
  const desk = await openDesk(t);
  const unasked = await desk.run("down");
  assert.equal(unasked.code, 1);
  assert.match(unasked.stdout, /7,200 requests came in the last minute, for 1 service; 1 rollout under way/);
  assert.match(unasked.stderr, /BELAY_CLI_CONFIRMATION_NEEDED/);
  desk.answer = false;
  assert.match((await desk.run("down")).stderr, /nothing was stopped/);
  assert.deepEqual(desk.stopped, []);
  desk.answer = true;
  assert.equal((await desk.run("down")).code, 0);
  desk.answer = undefined;
  assert.equal((await desk.run("down", "--yes")).code, 0);
  assert.equal(desk.stopped.length, 2);
});

test("down works without a control plane, and without a Belay", async (t) => {
  const desk = await openDesk(t);
  await desk.stopServing();
  const result = await desk.run("down", "--yes");
  assert.equal(result.code, 0);
  assert.match(result.stdout, /does not answer/);
  assert.equal(desk.stopped.length, 1);
  desk.isRunning = false;
  assert.match((await desk.run("down")).stdout, /No Belay runs/);
  assert.equal(desk.stopped.length, 1);
});

test("workers are a whole number", async (t) => {
  const desk = await openDesk(t);
  for (const workers of ["0", "1.5", "many", "65"]) {
    assert.match((await desk.run("up", "--workers", workers)).stderr, /BELAY_CLI_WORKERS_INVALID/);
  }
  assert.deepEqual(desk.started, []);
});
