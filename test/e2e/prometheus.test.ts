// Goal: Debian's Prometheus scrapes a Belay, counts by release what visitors had, and can answer what rules and dashboard ask.
// Method: visitors whose number is known; then the control plane is killed, and a second release gets half of the visitors.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import { missing } from "../../scripts/setup-debian.ts";
import { makeCertificate } from "../../src/proxy/loopback-world.ts";
import { kill, pidsOf } from "./belay-processes.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";
import { examples, startPrometheus } from "./start-prometheus.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((q, r) => {
  r.statusCode = q.url === "/broken" ? 500 : 200;
  r.end("ok");
}).listen(process.env.PORT, process.env.HOST);`;

test("Prometheus scrapes requests by release, and what rules and dashboard ask for", {
  skip: missing("prometheus") || missing("openssl"),
}, async (t) => {
  const scene = openScene(t);
  await scene.up(["--metrics", "127.0.0.1:0", "--tls", "127.0.0.1:0"]);
  // Of another host: plain requests of one that has a certificate are sent to TLS.
  makeCertificate(join(scene.place.dataFolder, "certificates"), "other", "other.example.com");
  const { metrics = "", http } = (await scene.status()).addresses;
  const visit = async (path: string, times: number) => {
    for (let count = 0; count < times; count += 1) {
      const { body } = await request(`http://${http}${path}`, { headers: { host: "tiny.example.com" } });
      await body.dump();
    }
  };
  const repository = await createSmallService(scene, {
    name: "tiny",
    server,
    rollout: { steps: "[{ weight: 50%, minHold: 10m }]" },
  });
  const first = await scene.deploy(repository);
  await visit("/", 20);
  await visit("/broken", 3);
  // After the visits: a look between them would see failures grow, and the question below is whether they are made again.
  const prometheus = await startPrometheus(t, scene, { metrics });
  const requests = (release: string | null, outcome: string) =>
    `sum(belay_requests_total{service="tiny",release="${release}",outcome="${outcome}"})`;
  await prometheus.until(requests(first.release, "ok"), 20);
  await prometheus.until(requests(first.release, "failed"), 3);
  await prometheus.until(`sum(belay_response_seconds_count{release="${first.release}"})`, 23);

  await t.test("a killed control plane loses no count, and makes none again", async () => {
    await kill(pidsOf(scene.place.dataFolder, "control"));
    await scene.status();
    await visit("/", 5);
    await prometheus.until(requests(first.release, "ok"), 25);
    await prometheus.until(`sum(increase(belay_requests_total{release="${first.release}",outcome="failed"}[5m]))`, 0);
  });

  await t.test("a canary has series of its own, and its weight and lease show", async () => {
    await repository.commitFile("server.js", `${server} // changed`);
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    await prometheus.until("belay_canary_weight_ratio", 0.5);
    await prometheus.until("belay_lease_held", 1);
    await visit("/", 30);
    await prometheus.until(`sum(belay_requests_total{arm="canary",outcome="ok",release!="${first.release}"}) > bool 0`, 1);
    await prometheus.until('count(belay_rollout_phase{phase="progressing"})', 1);
  });

  await t.test("a certificate is told with its end", async () => {
    const days = "(belay_certificate_expiration_timestamp_seconds - time()) / 86400";
    await prometheus.until(`count(${days} > 1 and ${days} < 2)`, 2);
  });

  await t.test("what is offered is well-formed, and names what runs", async () => {
    const { body } = await request(`http://${metrics}/metrics`);
    const { status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], {
      input: await body.text(),
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
    await prometheus.until("sum(belay_worker_connected)", 2);
    await prometheus.until(
      'sum(belay_instances{service="tiny",state="ready"} * on (release) belay_release_role{role="stable"})',
      1,
    );
    await prometheus.until("belay_worker_epoch - on (instance) group_left () belay_routing_epoch", 0);
  });

  await t.test("every question of the dashboard, and every rule, can be asked", async () => {
    const dashboard = readFileSync(join(examples, "grafana-dashboard.json"), "utf8");
    const questions = [...dashboard.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, text = '""']) => JSON.parse(text) as string,
    );
    assert.ok(questions.length > 10);
    for (const question of questions) {
      const asked = question
        .replaceAll("$environment", ".*")
        .replaceAll("$service", ".*")
        .replaceAll(/\$__\w+/g, "1m");
      // A rate needs two looks at a series, and the canary's are new.
      await waitFor(`an answer to ${asked}`, async () => {
        const { error, data } = await prometheus.ask(asked);
        if (error !== undefined) throw new Error(error);
        // There are series of copies only while some are made, and of waiting requests once one has waited.
        return data !== undefined && (data.result.length > 0 || /belay_(shadow|requests_waiting|held)/.test(question));
      });
    }
    const { groups } = await prometheus.rules();
    assert.deepEqual([...new Set(groups.flatMap(({ rules }) => rules.map(({ health }) => health)))], ["ok"]);
  });
});
