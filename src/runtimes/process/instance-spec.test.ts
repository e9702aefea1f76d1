import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import type { Release } from "../../rollout/rollout.ts";
import { shadowOf } from "../../rollout/shadow.ts";
import { isTaskRunId, taskRunId } from "../task-runner.ts";
import { instanceId, instanceSpec, isInstanceId, releaseProcess, shellLine, slotOf } from "./instance-spec.ts";
import { noVariables } from "./release-environment.ts";
import { readEnd } from "./task-processes.ts";

const release: Release = {
  id: "shop-1a2b3c",
  service: "shop",
  environment: "production",
  commit: "c",
  isDirty: false,
  digest: "d",
  fileCount: 1,
  bytes: 1,
  run: {
    command: "node server.js",
    instances: 1,
    health: "/up",
    startTimeoutMs: 1,
    drainTimeoutMs: 5_000,
    memoryBytesMax: 512e6,
  },
  routes: [],
  expose: "previews",
};

const unconfigured = { variables: noVariables, seal: () => assert.fail("there is nothing to seal") };

test("what is configured comes beside it, secrets sealed, and takes the place of nothing of Belay's", () => {
  const id = instanceId(release, 0);
  const folders = { bundleFolder: "/b", scratchFolder: "/s", nodeFolder: "/n" };
  const variables = { plain: { REGION: "eu", LANG: "fr_FR.UTF-8", PORT: "1" }, secret: { TOKEN: "hunter22" } };
  const spec = instanceSpec({
    release,
    id,
    port: 20_001,
    ...folders,
    variables,
    seal: (sealed) => `sealed ${Object.keys(sealed)}`,
  });
  assert.equal(spec.sealedEnv, "sealed TOKEN");
  const { REGION, LANG, PORT } = spec.env;
  assert.deepEqual({ REGION, LANG, PORT }, { REGION: "eu", LANG: "fr_FR.UTF-8", PORT: "20001" });
  assert.ok(!JSON.stringify(spec).includes("hunter22"));
  const place = { release, id, ...folders, variables, seal: () => "sealed" };
  const task = releaseProcess(place, ["node", "task.js"], { BELAY_TASK: "migrate" });
  assert.deepEqual([task.sealedEnv, task.env["REGION"], task.env["BELAY_TASK"]], ["sealed", "eu", "migrate"]);
});

test("an instance gets its address, who it is, folders of its own, and nothing else", () => {
  const id = instanceId(release, 0);
  const spec = instanceSpec({
    release,
    id,
    port: 20_001,
    bundleFolder: "/b",
    scratchFolder: "/s",
    nodeFolder: "/n",
    ...unconfigured,
  });
  assert.deepEqual(spec, {
    name: "shop.production.shop-1a2b3c.0",
    argv: ["/bin/sh", "-c", "exec node server.js"],
    cwd: "/b",
    env: {
      PORT: "20001",
      HOST: "127.0.0.1",
      BELAY_SERVICE: "shop",
      BELAY_ENVIRONMENT: "production",
      BELAY_RELEASE: "shop-1a2b3c",
      BELAY_INSTANCE: "shop.production.shop-1a2b3c.0",
      LANG: "C.UTF-8",
      HOME: "/s",
      TMPDIR: "/s/tmp",
      PATH: "/b/node_modules/.bin:/n:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    },
    sockets: [],
    keys: {},
    memoryBytesMax: 512e6,
    graceMs: 5_000,
  });
});

test("a shadow gives way to whatever visitors wait for", () => {
  const place = { bundleFolder: "/b", scratchFolder: "/s", nodeFolder: "/n", ...unconfigured };
  const shadow = { ...release, id: shadowOf(release.id) };
  assert.equal(instanceSpec({ ...place, release: shadow, id: instanceId(shadow, 0), port: 20_001 }).isBackground, true);
});

test("a task gets what every process of the release gets, but no address, and its id is never taken for an instance's", () => {
  const id = taskRunId(release, { kind: "task", name: "migrate", number: 1 });
  assert.equal(id, "shop.production.shop-1a2b3c.task-migrate.1");
  assert.deepEqual([isTaskRunId(id), isInstanceId(id), isTaskRunId(instanceId(release, 0))], [true, false, false]);
  const place = { release, id, bundleFolder: "/b", scratchFolder: "/s", nodeFolder: "/n", ...unconfigured };
  const instance = instanceSpec({ ...place, port: 20_001 });
  const { PORT, HOST, BELAY_INSTANCE, ...common } = instance.env;
  assert.deepEqual([PORT, HOST, BELAY_INSTANCE], ["20001", "127.0.0.1", id]);
  const task = releaseProcess(place, "npm run migrate", { BELAY_TASK: "migrate" });
  assert.deepEqual(task, {
    ...instance,
    argv: ["/bin/sh", "-c", "exec npm run migrate"],
    env: { ...common, BELAY_TASK: "migrate" },
  });
  assert.deepEqual(releaseProcess(place, ["echo", "$HOME; a"], {}).argv, ["echo", "$HOME; a"]);
});

test("how a process ended is read from the keeper's words", () => {
  assert.deepEqual(readEnd("exit code 2", false), { kind: "exited", code: 2 });
  assert.deepEqual(readEnd("exit code 137", false), { kind: "killed", how: "signal SIGKILL" });
  assert.deepEqual(readEnd("memory above 512 MB", false), { kind: "killed", how: "memory above 512 MB" });
  assert.deepEqual(readEnd("exit code 0", true), { kind: "unseen", how: "exit code 0" });
  assert.deepEqual(readEnd("could not be started: x", false), { kind: "not-started", why: "could not be started: x" });
});

test("exec is put before one plain command and before nothing else", () => {
  for (const plain of ["node server.js", "./bin/app --port $PORT", 'gunicorn "app:app"', "npm start > log"]) {
    assert.equal(shellLine(plain), `exec ${plain}`);
  }
  for (const line of [
    "a && b",
    "a; b",
    "a | b",
    "A=1 node x",
    "cd app && node x",
    "exec node x",
    "export A=1",
    "(node x)",
    "node x &",
    "if a\nthen b\nfi",
  ]) {
    assert.equal(shellLine(line), line);
  }
});

// Goal: putting exec in front changes nothing about what a command does.
// Method: run the same line with and without it, and compare what comes out.
test("a command does the same with exec in front as without", () => {
  const run = (line: string) =>
    spawnSync("/bin/sh", ["-c", line], { env: { PATH: "/usr/bin:/bin", X: "1 2" }, encoding: "utf8" });
  for (const line of [
    "echo $X",
    "printf %s 'a b'",
    "echo a && echo b",
    "X=3 env",
    "cd / && pwd",
    "true; echo b",
    "echo a | cat",
    "false || echo c",
    "echo a > /dev/null",
  ]) {
    const [plain, changed] = [run(line), run(shellLine(line))];
    assert.deepEqual([changed.status, changed.stdout], [plain.status, plain.stdout], line);
  }
});

test("property: an id can name a process, a file and a folder, and different releases have different ids", () => {
  const word = fc.string({ minLength: 1, maxLength: 80 });
  const words = fc.tuple(word, word, word, fc.nat({ max: 99 }));
  const idOf = ([service, environment, id, slot]: [string, string, string, number]) =>
    instanceId({ service, environment, id }, slot);
  fc.assert(
    fc.property(words, words, (one, other) => {
      assert.ok(isInstanceId(idOf(one)), idOf(one));
      assert.equal(slotOf(idOf(one)), one[3]);
      assert.equal(idOf(one) === idOf(other), JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});
