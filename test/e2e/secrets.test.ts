import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import { environmentOf } from "./belay-command.ts";
import { findProcesses, killAll, pidsOf } from "./belay-processes.ts";
import { filesWith, readIfThere } from "./files-with.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: secrets reach the build and every process of the release, and are found in clear nowhere that Belay writes or answers.
// Method: each is a word that occurs nowhere else; the service, a build and a start that fails print all they know, and everything is searched.
const planted = {
  first: "planted-first-7f3a91c2",
  second: "planted-second-b04d66e8",
  build: "planted-build-51c8ee07",
  sent: "planted-sent-a91b27f4",
  password: "planted-password-0c6d3e",
};
const host = "keeper-of-secrets.example.com";

const server = `const { createHash } = require("node:crypto");
const { TOKEN, SENT, DATABASE_URL, REGION } = process.env;
console.log("token", TOKEN, "sent", SENT, "url", DATABASE_URL, "password", new URL(DATABASE_URL).password);
if (REGION === "broken") throw new Error("cannot start with " + TOKEN);
const server = require("node:http").createServer((_, response) => {
  console.log("asked", TOKEN);
  response.end(JSON.stringify({ token: createHash("sha256").update(TOKEN).digest("hex"), region: REGION, pid: process.pid }));
});
// Nothing may come between the parts.
process.stdout.write("in two parts " + TOKEN.slice(0, 12));
setTimeout(() => { console.error(TOKEN.slice(12)); server.listen(process.env.PORT, process.env.HOST); }, 50);
`;

/** What else the release runs; each says the secret, and a hash of it that shows that it had the right one. */
const other = `const { createHash } = require("node:crypto");
const { BELAY_TASK, BELAY_PROCESS, REGION, TOKEN } = process.env;
console.log(BELAY_TASK ?? BELAY_PROCESS, "in", REGION, "has", TOKEN, createHash("sha256").update(TOKEN).digest("hex"));
process.stdout.write("and last " + TOKEN);
if (BELAY_PROCESS !== undefined) setInterval(() => {}, 1000);
`;

const manifest = (region: string) => `version: 1
service: vault
expose: all
run: { command: node server.js, health: /, startTimeout: 20s }
release: { build: "echo build; cat $NPM_TOKEN_FILE; env", secrets: [NPM_TOKEN] }
tasks: { migrate: { command: node other.js } }
processes:
  mail: { command: node other.js, with: promotion, aliveAfter: 100ms }
  sweep: { command: node other.js, every: 2s }
config:
  TOKEN: { secret: true, min: 8 }
  SENT: { secret: true }
  DATABASE_URL: { type: url, secret: true }
  REGION: {}
environments:
  production:
    routes: [{ host: ${host} }]
    config: { SENT: { from: env }, REGION: { value: ${region} } }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], bake: 100ms, onInconclusive: continue, maxHold: 1s }
`;

/** As \`runBelay\`, with something on standard input. */
async function pipe(scene: Scene, words: readonly string[], input: string): Promise<string> {
  const { place } = scene;
  const argv = [join(place.programFolder, "bin/belay.js"), ...words];
  const command = spawn(process.execPath, argv, {
    cwd: place.folder,
    env: environmentOf(place),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [command.stdout, command.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  command.stdin.end(input);
  const code = await new Promise((resolve) => command.once("close", resolve));
  assert.equal(code, 0, output);
  return output;
}

/** Every answer that the API gives to a question. */
async function allAnswers(scene: Scene): Promise<string> {
  const socketPath = join(scene.place.dataFolder, "run/api.sock");
  const { Agent } = await import("undici");
  const dispatcher = new Agent({ connect: { socketPath } });
  const get = async (path: string) => (await request(`http://belay/api/v1${path}`, { dispatcher })).body.text();
  const service = "/services/production/vault";
  const documents = JSON.parse(await get("/openapi.json")) as { readonly paths: Record<string, object> };
  const plain = Object.entries(documents.paths).flatMap(([path, verbs]) =>
    "get" in verbs && !path.includes("{") ? [path.replace("/api/v1", "")] : [],
  );
  const { rollouts } = JSON.parse(
    `{"rollouts":${JSON.stringify([...new Set((await get("/entries?after=0&limit=1000")).match(/vault-\d{8}-\w+/g))])}}`,
  );
  const paths = [
    ...plain,
    "/entries?after=0&limit=1000",
    `${service}/config`,
    `${service}/secrets`,
    `${service}/logs?lines=1000`,
    ...["task=migrate", "task=once", "process=mail", "process=sweep"].map((of) => `${service}/logs?lines=1000&${of}`),
  ];
  const answers = await Promise.all([...paths, ...rollouts.map((id: string) => `/rollouts/${id}`)].map(get));
  await dispatcher.close();
  return answers.join("\n");
}

test("secrets reach who needs them and are found nowhere in clear", async (t) => {
  const scene = openScene(t);
  const { dataFolder, folder } = scene.place;
  const words = Object.values(planted);
  await scene.up();
  const repository = await createRepository(join(folder, "vault"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("other.js", other);
  await repository.commitFile("belay.yml", manifest("eu"));
  const cwd = repository.folder;
  const env = { SENT: planted.sent };
  const said: string[] = [];
  const deploy = async (more: readonly string[], code: number) => {
    const { stdout, stderr } = await scene.expectBelay(["deploy", "--json", ...more], { cwd, env, code });
    said.push(stdout, stderr);
    return stdout + stderr;
  };
  const page = async () =>
    JSON.parse((await getPage(await scene.baseUrl(), host)).text) as { token: string; region: string; pid: number };
  const hash = async (word: string) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(word))).toString("hex");
  const release = async () => (await scene.serviceStatus("vault")).stable?.id;
  const set = (name: string, value: string) => pipe(scene, ["secret", "set", name, "--service", "vault"], `${value}\n`);
  const findNothing = async () => {
    assert.deepEqual(filesWith(dataFolder, words), []);
    const answers = await allAnswers(scene);
    const exported = await scene.expectBelay(["history", "--json"]);
    const shown = [answers, exported.stdout, ...said].join("\n");
    for (const word of words) assert.ok(!shown.includes(word), `${word} is shown`);
    for (const { pid } of findProcesses(dataFolder)) {
      const argv = readIfThere(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
      assert.ok(!words.some((word) => argv.includes(word)), argv);
    }
  };

  await t.test("what is missing is told at once, before anything starts, with exit code 4", async () => {
    await set("TOKNE", planted.first);
    const told = await deploy([], 4);
    for (const name of ["TOKEN is a secret that was not set", "did you mean", "DATABASE_URL", "NPM_TOKEN"])
      assert.ok(told.includes(name), told);
    assert.deepEqual((await scene.status()).services, []);
    await scene.expectBelay(["secret", "unset", "TOKNE", "--service", "vault"]);
  });

  await t.test("the first release has them, and what it and its build printed is masked", async () => {
    await set("TOKEN", planted.first);
    await pipe(
      scene,
      ["secret", "import", "--service", "vault"],
      `NPM_TOKEN=${planted.build}\nDATABASE_URL=postgres://vault:${planted.password}@db/vault\n`,
    );
    await deploy([], 0);
    assert.equal((await page()).token, await hash(planted.first));
    const log = async () => (await scene.expectBelay(["logs", "vault", "-n", "1000"])).stdout;
    await waitFor("the log has every line", async () => (await log()).includes("asked [secret]"));
    const text = await log();
    assert.match(text, /token \[secret\] sent \[secret\] url \[secret\] password \[secret\]/);
    assert.match(text, /in two parts \[secret\]/);
    const builds = readdirSync(join(dataFolder, "logs")).filter((name) => name.startsWith("build-"));
    assert.match(readFileSync(join(dataFolder, "logs", builds[0] ?? ""), "utf8"), /build\n\[secret\]/);
    const ofBuilds = readdirSync("/dev/shm").filter((name) => name.startsWith("belay-build-"));
    assert.deepEqual(
      ofBuilds.flatMap((name) => filesWith(join("/dev/shm", name), words)),
      [],
    );
    assert.notDeepEqual(filesWith(dataFolder, ["in two parts"]), [], "what is there is found");
    await findNothing();
  });

  await t.test(
    "its task, its worker, its job and a command that a person runs have them too, and what they print is masked",
    async () => {
      const logOf = async (...of: string[]) => (await scene.expectBelay(["logs", "vault", "-n", "1000", ...of])).stdout;
      const line = `in eu has [secret] ${await hash(planted.first)}`;
      const task = await logOf("--task", "migrate");
      assert.ok(task.includes(`migrate ${line}`) && task.includes("and last [secret]"), task);
      await waitFor("the worker has said it", async () => (await logOf("--process", "mail")).includes(`mail ${line}`));
      await waitFor(
        "the job has said it twice",
        async () => (await logOf("--process", "sweep")).split(`sweep ${line}`).length > 2,
      );
      const run = await scene.expectBelay(["run", "vault", "--reason", "to look", "--", "node", "other.js"]);
      assert.ok(run.stdout.includes(line) && run.stdout.includes("and last [secret]"), run.stdout);
      said.push(run.stdout, run.stderr);
      await findNothing();
    },
  );

  await t.test("a new version of a secret is rolled out alone, and a rollback takes the old one", async () => {
    const first = await release();
    await set("TOKEN", planted.second);
    assert.equal((await page()).token, await hash(planted.first), "nothing changes before the rollout");
    await deploy(["--config"], 0);
    const second = await release();
    assert.notEqual(second, first);
    assert.equal(second?.slice(0, 14), first?.slice(0, 14), "the same revision");
    assert.equal((await page()).token, await hash(planted.second));
    const diff = (await scene.expectBelay(["config", "diff", "vault"])).stdout;
    assert.match(diff, /- TOKEN \(secret [0-9a-f]{12}\)\n\+ TOKEN \(secret [0-9a-f]{12}\) \(secret, by/);
    assert.ok((await deploy(["--config"], 1)).includes("BELAY_CONFIG_UNCHANGED"));
    await scene.expectBelay(["rollback", "vault"]);
    assert.equal((await page()).token, await hash(planted.first));
    assert.equal(await release(), first);
    await findNothing();
  });

  await t.test("a start that fails tells its last lines without them", async () => {
    await repository.commitFile("belay.yml", manifest("broken"));
    // Preflight starts the release that serves with it first, which fails alike.
    const told = await deploy([], 4);
    assert.match(told, /cannot start with \[secret\]/);
    assert.equal((await page()).region, "eu");
    await findNothing();
  });

  await t.test("the filter of the output is killed, then everything: instances have their secrets again", async () => {
    const { pid } = await page();
    process.kill(pidsOf(dataFolder, "output")[0] ?? -1, "SIGKILL");
    assert.equal((await page()).pid, pid, "the instance lives on");
    await waitFor("another filter runs", () => findProcesses(dataFolder).some(({ role }) => role === "output"));
    killAll(dataFolder);
    await scene.up();
    const url = await scene.baseUrl();
    const answer = await waitFor("the service answers", async () => {
      const { status, text } = await getPage(url, host);
      return status === 200 ? (JSON.parse(text) as { token: string; pid: number }) : undefined;
    });
    assert.notEqual(answer.pid, pid);
    assert.equal(answer.token, await hash(planted.first));
    await waitFor("the API answers", async () =>
      (await scene.serviceStatus("vault")).instances.some(({ state }) => state === "ready"),
    );
    await findNothing();
  });
});
