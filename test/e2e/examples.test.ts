import assert from "node:assert/strict";
import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const examples = join(import.meta.dirname, "../../examples");
const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function isInstalled(program: string, folders: readonly string[] = systemFolders): boolean {
  return folders.some((folder) => existsSync(join(folder, program)));
}

async function openExample(t: TestContext, name: string): Promise<{ readonly scene: Scene; readonly folder: string }> {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, name));
  cpSync(join(examples, name), repository.folder, { recursive: true });
  await repository.commitFile("NOTES.md", "An example.\n");
  await scene.up();
  return { scene, folder: repository.folder };
}

const noPython = isInstalled("python3") ? false : "python3 is missing in the system's folders: apt install python3";
test("hello-python is served as it is, without any build", { skip: noPython }, async (t) => {
  const { scene, folder } = await openExample(t, "hello-python");
  const rollout = await scene.deploy({ folder });
  assert.equal(rollout.outcome, "promoted", rollout.reason);
  assert.equal((await getPage(await scene.baseUrl(), "python.example.com")).text, "Hello from Python\n");
});

const noGo = isInstalled("go", [...systemFolders, "/usr/local/go/bin"]) ? false : "go is missing: apt install golang-go";
test("hello-go is compiled in its build and shipped as one file", { skip: noGo }, async (t) => {
  const { scene, folder } = await openExample(t, "hello-go");
  const rollout = await scene.deploy({ folder });
  assert.equal(rollout.outcome, "promoted", rollout.reason);
  const { stable } = (await scene.status()).services[0] ?? {};
  assert.equal(stable?.fileCount, 1);
  assert.equal((await getPage(await scene.baseUrl(), "go.example.com")).text, "Hello from Go\n");
});

test("the two services of the monorepo are deployed from their own folders and share a host by path", async (t) => {
  const { scene, folder } = await openExample(t, "monorepo");
  for (const service of ["api", "web"]) {
    const rollout = await scene.deploy({ folder: join(folder, service) });
    assert.equal(rollout.outcome, "promoted", rollout.reason);
    assert.equal(rollout.service, service);
  }
  const url = await scene.baseUrl();
  assert.equal((await getPage(`${url}/api/orders`, "mono.example.com")).text, "Hello from the API\n");
  assert.equal((await getPage(`${url}/anything`, "mono.example.com")).text, "Hello from the web\n");
});

test("init writes a manifest with which a Python service is served", { skip: noPython }, async (t) => {
  const { scene, folder } = await openExample(t, "hello-python");
  rmSync(join(folder, "belay.yml"));
  await scene.expectBelay(["init"], { cwd: folder });
  const rollout = await scene.deploy({ folder }, { words: ["--allow-dirty"] });
  assert.equal(rollout.outcome, "promoted", rollout.reason);
  assert.equal((await getPage(await scene.baseUrl(), "whatever.example.com")).text, "Hello from Python\n");
});

test("the worker of worker-and-cron sends what the server takes in, and its job runs at its times", async (t) => {
  const { scene, folder } = await openExample(t, "worker-and-cron");
  const outbox = join(scene.place.folder, "outbox");
  writeFileSync(join(folder, "outbox.js"), `exports.outbox = ${JSON.stringify(outbox)};\n`);
  const rollout = await scene.deploy({ folder }, { words: ["--allow-dirty"] });
  assert.equal(rollout.outcome, "promoted", rollout.reason);
  const address = (await scene.baseUrl()).replace("http://", "");
  const [host = "", port = ""] = address.split(":");
  const letter = await new Promise<string>((resolve, reject) => {
    const asked = request({ host, port, path: "/letters", method: "POST", headers: { host: "mailer.example.com" } }, (answer) => {
      answer.setEncoding("utf8").on("data", (text: string) => resolve(text.trim()));
    });
    asked.on("error", reject).end();
  });
  await waitFor("the letter is sent", () => existsSync(join(outbox, `${letter}.sent`)));
  const logsOf = async (process: string) =>
    (await scene.expectBelay(["logs", "mailer", "--process", process], { cwd: folder })).stdout;
  await waitFor("the worker said so", async () => (await logsOf("worker")).includes(`/worker | sent ${letter}`));
  await waitFor("the job has run", async () => /\/sweep \| swept 0 letters/.test(await logsOf("sweep")));
  assert.match((await scene.expectBelay(["status"])).stdout, /job digest of .*: every day at 03:00 Europe\/Paris; next /);
});
