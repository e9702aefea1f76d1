import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { request } from "undici";
import { findProcesses, kill, pidListeningOn } from "./belay-processes.ts";
import { readIfThere } from "./files-with.ts";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";
import { waitFor } from "./wait.ts";

const secret = "hunter2-of-the-caller";
const callersOwn = { SHOP_PASSWORD: secret, NODE_OPTIONS: "--no-warnings", HTTP_PROXY: "http://proxy.example.com:3128" };

/** Variables that /bin/sh itself sets, whichever shell that is. */
const ofTheShell = new Set(["PWD", "OLDPWD", "SHLVL", "_"]);
const declared = [
  "BELAY_ENVIRONMENT",
  "BELAY_INSTANCE",
  "BELAY_RELEASE",
  "BELAY_SERVICE",
  "HOME",
  "HOST",
  "LANG",
  "PATH",
  "PORT",
  "TMPDIR",
];

const printer = `const { readFileSync } = require("node:fs");
require("node:http").createServer((request, response) => {
  response.end(JSON.stringify({ own: process.env, build: readFileSync("build-environment.txt", "utf8") }));
}).listen(process.env.PORT, process.env.HOST);
`;

/** Eats when it has answered: it may be ended in the middle of its meal. */
const eater = `let eaten;
require("node:http").createServer((request, response) => {
  if (request.url === "/eat") setTimeout(() => (eaten = Buffer.alloc(300e6, 1)), 300);
  response.end(String(process.pid));
}).listen(process.env.PORT, process.env.HOST);
`;

/** Takes its time to start, and says who it is. */
const loner = `setTimeout(() => {
  require("node:http").createServer((request, response) => {
    request.resume().on("end", () => response.end(String(process.pid)));
  }).listen(process.env.PORT, process.env.HOST);
}, 1_000);
`;

const exposed = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, "0.0.0.0");`;

test("an instance gets what is declared and nothing else", async (t) => {
  const scene = openScene(t);
  await scene.up([], { env: callersOwn });
  const { dataFolder } = scene.place;

  await t.test("its environment, and that of its build, hold nothing undeclared and no secret", async () => {
    const repository = await createSmallService(scene, {
      name: "printer",
      server: printer,
      build: "env > build-environment.txt",
    });
    await scene.expectBelay(["deploy"], { cwd: repository.folder, env: { ...callersOwn, BELAY_TOKEN: secret } });
    const { text } = await getPage(await scene.baseUrl(), "printer.example.com");
    const { own, build } = JSON.parse(text) as { own: Record<string, string>; build: string };
    assert.deepEqual(
      Object.keys(own)
        .filter((name) => !ofTheShell.has(name))
        .sort(),
      declared,
    );
    assert.equal(own["HOST"], "127.0.0.1");
    assert.ok(own["HOME"]?.startsWith(dataFolder), "its home is a folder of its own, not the caller's");
    for (const name of Object.keys(callersOwn)) assert.doesNotMatch(build, new RegExp(`^${name}=`, "m"));
    assert.doesNotMatch(text, new RegExp(secret));
  });

  await t.test("what the caller of up had in its environment is in no process's that up started", async () => {
    const processes = findProcesses(dataFolder);
    assert.deepEqual([...new Set(processes.map(({ role }) => role))].sort(), ["control", "holder", "keeper", "other", "proxy"]);
    const visitorKey = readFileSync(`${dataFolder}/keys/visitor.key`);
    for (const { pid, role } of processes) {
      const environment = readIfThere(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? "";
      for (const hidden of [secret, "proxy.example.com", visitorKey.toString("hex"), visitorKey.toString("base64")])
        assert.ok(!environment.includes(hidden), `${role} has ${hidden} in its environment`);
    }
  });

  await t.test("an instance above its memory limit is ended alone, started anew, and said to have been", async () => {
    const repository = await createSmallService(scene, {
      name: "eater",
      server: eater,
      run: { instances: "2", memory: "200MB" },
    });
    await scene.expectBelay(["deploy"], { cwd: repository.folder });
    const { instances } = await scene.serviceStatus("eater");
    const pids = new Map(instances.map(({ id, port }) => [id, pidListeningOn(dataFolder, port)]));
    const victim = Number((await getPage(`${await scene.baseUrl()}/eat`, "eater.example.com")).text);
    assert.ok([...pids.values()].includes(victim));
    const after = await waitFor("both are ready again", async () => {
      const now = (await scene.serviceStatus("eater")).instances;
      return now.some(({ exits }) => exits > 0) && now.every(({ state }) => state === "ready") ? now : undefined;
    });
    for (const { id, port, exits, reason } of after) {
      const isVictim = pids.get(id) === victim;
      assert.equal(exits, isVictim ? 1 : 0, id);
      if (isVictim) assert.match(reason, /memory above 200 MB/);
      else assert.equal(pidListeningOn(dataFolder, port), pids.get(id), "the other instance lives on");
    }
    assert.match((await scene.expectBelay(["status"])).stdout, /ready, ended by itself 1 time: .*memory above 200 MB/);
  });

  await t.test("while the only instance is killed and starts again, visitors wait and none is failed", async () => {
    const repository = await createSmallService(scene, { name: "loner", server: loner });
    await scene.expectBelay(["deploy"], { cwd: repository.folder });
    const url = await scene.baseUrl();
    const ask = async (method: "GET" | "POST") => {
      const body = method === "POST" ? "an order" : null;
      const answer = await request(url, { method, headers: { host: "loner.example.com" }, body });
      return { status: answer.statusCode, pid: Number(await answer.body.text()) };
    };
    for (let kills = 0; kills < 2; kills += 1) {
      const { pid } = await ask("GET");
      // Until it is gone whole it may take a request, and one that was sent is not held.
      await kill([pid]);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(at % 2 === 0 ? "GET" : "POST")));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      const [next, ...others] = new Set(answers.map((answer) => answer.pid));
      assert.ok(next !== pid && others.length === 0, "all were answered by the one that was started");
    }
    await waitFor("status tells that they waited", async () => {
      const { waiting, held, expired, overflowed } = (await scene.serviceStatus("loner")).held;
      assert.deepEqual([expired, overflowed], [0, 0]);
      return held > 0 && waiting === 0;
    });
  });

  await t.test("an instance that other machines could reach past the proxy is refused, with the fix", async () => {
    const repository = await createSmallService(scene, { name: "exposed", server: exposed });
    const result = await scene.expectBelay(["deploy"], { cwd: repository.folder, code: 3 });
    assert.match(result.stdout, /listens on 0\.0\.0\.0:\d+/);
    assert.match(result.stdout, /listen on process\.env\.HOST \(127\.0\.0\.1\) instead/);
    assert.equal((await getPage(await scene.baseUrl(), "exposed.example.com")).status, 404);
    await waitFor("it is gone", async () => (await scene.serviceStatus("exposed")).instances.length === 0);
  });
});
