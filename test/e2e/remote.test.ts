import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { environmentOf, jsonOf, placeIn } from "./belay-command.ts";
import { openScene, openShopScene, Scene } from "./scene.ts";
import { createShopRepository } from "./shop-repository.ts";
import { openSshServer, type SshServer } from "./ssh-server.ts";
import { waitFor } from "./wait.ts";

const skip = missing("sshd");

/** One step that ends without evidence, after its longest time. */
const planOf = (maxHold: string) => ({
  steps: "[{ weight: 50%, minHold: 100ms }]",
  maxHold,
  scoreWindow: "100ms",
  bake: "100ms",
  onInconclusive: "continue",
});

/** A laptop: a home of its own, no Belay on it, and an `ssh` that may log in to the server. */
function openLaptop(server: Scene, name = "laptop"): Scene {
  return new Scene(placeIn(join(server.place.folder, name)));
}

/** Processes of ssh with a word of `folder` in their command line. */
function sshProcesses(folder: string): readonly string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(folder) && /(^|\/)ssh /.test(line));
}

const address = ({ login, port }: SshServer, folder = "") => `ssh://${login}:${port}${folder}`;

test("a laptop deploys, looks and goes back through its own ssh, and leaves no ssh behind", { skip }, async (t) => {
  const server = openScene(t);
  await server.up();
  const data = server.place.dataFolder;
  const ssh = await openSshServer(t, join(server.place.folder, "ssh"), { settings: [`SetEnv BELAY_DATA=${data}`] });
  const laptop = openLaptop(server);
  const { env } = ssh;

  await laptop.expectBelay(["remote", "add", "prod", address(ssh)], { env });
  const file = join(laptop.place.folder, "home/config/belay/remotes.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")).remotes, { prod: address(ssh, data) });

  const repository = await createShopRepository(join(laptop.place.folder, "shop"), planOf("200ms"));
  const words = ["--json", "--server", "prod"];
  await laptop.expectBelay(["deploy", ...words], { env, cwd: repository.folder });
  await repository.commitFile("CHANGES.md", "one more\n");
  const result = await laptop.expectBelay(["deploy", ...words], { env, cwd: repository.folder });
  const rollout = jsonOf(result) as { readonly outcome: string; readonly release: string };
  assert.equal(rollout.outcome, "promoted");
  const byName = { ...env, BELAY_SERVER: "prod" };
  const status = await laptop.expectBelay(["status"], { env: byName });
  assert.match(status.stdout, new RegExp(rollout.release));
  assert.equal((await server.shopStatus()).stable?.id, rollout.release);
  await laptop.expectBelay(["rollback", "shop", ...words], { env });
  assert.notEqual((await server.shopStatus()).stable?.id, rollout.release);
  await laptop.expectBelay(["history", "--verify"], { env: byName });

  assert.match((await laptop.expectBelay(["down", "--yes"], { env: byName, code: 1 })).stderr, /BELAY_CLI_THIS_MACHINE_ONLY/);
  await laptop.expectBelay(["remote", "remove", "prod"], { env });
  assert.match((await laptop.expectBelay(["status"], { env: byName, code: 1 })).stderr, /BELAY_REMOTE_UNKNOWN/);
  await waitFor("no ssh is left", () => sshProcesses(server.place.folder).length === 0);
});

test("each way that ssh can fail has its own words", { skip }, async (t) => {
  const server = openScene(t);
  const ssh = await openSshServer(t, join(server.place.folder, "ssh"));
  const laptop = openLaptop(server);
  const empty = join(server.place.folder, "no-known-hosts");
  writeFileSync(empty, "");
  const data = server.place.dataFolder;
  const cases = [
    ["BELAY_SSH_AUTHENTICATION", address(ssh, data), ssh.envWith({ key: join(server.place.folder, "ssh/stranger") })],
    ["BELAY_SSH_HOST_KEY", address(ssh, data), ssh.envWith({ knownHosts: empty })],
    ["BELAY_SSH_UNREACHABLE", "ssh://127.0.0.1:1/data", ssh.env],
    ["BELAY_SSH_UNREACHABLE", "ssh://no-such-host.invalid", ssh.env],
    ["BELAY_CLI_NOT_RUNNING", address(ssh, data), ssh.env],
    ["BELAY_SSH_MISSING", address(ssh, data), { PATH: "/nowhere" }],
    ["BELAY_SERVER_ADDRESS_INVALID", "ssh://-oProxyCommand=touch", ssh.env],
  ] as const;
  for (const [code, where, env] of cases) {
    const { stderr } = await laptop.expectBelay(["status", "--server", where], { env, code: 1 });
    assert.match(stderr, new RegExp(`Next: .*\nCode:  ${code}\n`), `${where}: ${stderr}`);
    const refused = await laptop.expectBelay(["remote", "add", "prod", where], { env, code: 1 });
    assert.match(refused.stderr, new RegExp(code));
  }
  assert.match((await laptop.expectBelay(["remote", "list"])).stdout, /No server has a name here/);
  await waitFor("no ssh is left", () => sshProcesses(server.place.folder).length === 0);
});

test("a server that forbids the forward is told as such", { skip }, async (t) => {
  const server = openScene(t);
  const ssh = await openSshServer(t, join(server.place.folder, "ssh"), { settings: ["AllowStreamLocalForwarding no"] });
  const where = address(ssh, server.place.dataFolder);
  await server.up();
  const { stderr } = await openLaptop(server).expectBelay(["status", "--server", where], { env: ssh.env, code: 1 });
  assert.match(stderr, /AllowStreamLocalForwarding yes[\s\S]*BELAY_SSH_FORWARDING/);
});

test("a connection that breaks while a rollout is followed is opened again, and a killed command takes its ssh along", {
  skip,
}, async (t) => {
  const { scene: server, repository } = await openShopScene(t, planOf("1h"));
  const ssh = await openSshServer(t, join(server.place.folder, "ssh"));
  const laptop = openLaptop(server);
  const env = { ...ssh.env, TMPDIR: laptop.place.folder, BELAY_SERVER: address(ssh, server.place.dataFolder) };
  await repository.commitFile("CHANGES.md", "one more\n");
  let isDropped = false;
  const onLine = (line: string) => {
    if (!/step 1/.test(line) || isDropped) return;
    isDropped = true;
    ssh.dropSessions();
  };
  const result = await laptop.expectBelay(["deploy"], { env, cwd: repository.folder, onLine });
  assert.ok(isDropped);
  assert.match(result.stdout, /promoted/);

  await repository.commitFile("CHANGES.md", "and one more\n");
  const belay = join(laptop.place.programFolder, "bin/belay.js");
  const command = spawn(process.execPath, [belay, "deploy"], {
    cwd: repository.folder,
    env: { ...environmentOf(laptop.place), ...env },
  });
  t.after(() => command.kill("SIGKILL"));
  const find = async (count: number) => (sshProcesses(server.place.folder).length > 0 === count > 0 ? true : undefined);
  await waitFor("ssh runs", () => find(1), { everyMs: 50 });
  // The program that bin/belay.js hands over to, which is the one that owns the connection.
  for (const pid of readFileSync(`/proc/${command.pid}/task/${command.pid}/children`, "utf8").trim().split(" "))
    process.kill(Number(pid), "SIGKILL");
  await waitFor("no ssh is left", () => find(0), { everyMs: 50 });
  const isTidy = () => !readdirSync(laptop.place.folder).some((name) => name.startsWith("belay-ssh-"));
  await waitFor("no socket is left", isTidy, { everyMs: 50 });
});
