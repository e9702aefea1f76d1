import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { GitRepository } from "./git-repository.ts";
import { openPack } from "./pack-commit.ts";
import { createTestFolder, TestRepository } from "./test-repository.ts";

const folder = createTestFolder(after);
let count = 0;
const newFolder = () => join(folder, String(count++));
const newServer = () => new GitRepository(join(newFolder(), "repository.git"));

async function send(server: GitRepository, client: TestRepository, commit: string): Promise<number> {
  const { pack, shallow } = await openPack({ folder: client.folder, commit, known: await server.knownCommits() });
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of pack) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  await server.receivePack({ commit, shallow, pack: counted() });
  return bytes;
}

async function* bytesOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

const serverFolder = (server: GitRepository) => server.git.cwd;
const inServer = (server: GitRepository, ...args: readonly string[]) =>
  new TestRepository(newFolder()).gitWith({ env: { GIT_DIR: serverFolder(server) } }, ...args);

function assertNothingLeft(server: GitRepository): void {
  assert.equal(existsSync(join(serverFolder(server), "incoming")), false);
  assert.deepEqual(
    readdirSync(join(serverFolder(server), "objects", "pack")).filter((name) => name.startsWith("tmp_")),
    [],
  );
}

test("a commit that was sent is kept and can be read, file by file", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const commit = client.commit({ "belay.yml": "version: 1\n", "apps/shop/belay.yml": "version: 1 # shop\n" });
  await send(server, client, commit);
  assert.equal(await server.readFile(commit, "belay.yml"), "version: 1\n");
  assert.equal(await server.readFile(commit, "apps/shop/belay.yml"), "version: 1 # shop\n");
  assert.equal(await server.readFile(commit, "apps"), undefined);
  assert.equal(await server.readFile(commit, "nothing.yml"), undefined);
  assert.deepEqual(await server.knownCommits(), [commit]);
  inServer(server, "gc", "--quiet", "--prune=now");
  assert.equal(await server.readFile(commit, "belay.yml"), "version: 1\n");
  assertNothingLeft(server);
});

test("a commit that nobody sent, and what is no commit's name, are unknown", async () => {
  const server = newServer();
  for (const name of ["0".repeat(40), "HEAD", "--output=/tmp/x", "a".repeat(39)]) {
    await assert.rejects(server.readFile(name, "belay.yml"), { code: "BELAY_RELEASE_COMMIT_UNKNOWN" });
  }
});

test("what the control plane has is not sent again", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const noise = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919 * (index % 251)) & 0xff));
  const first = await send(server, client, client.commit({ "big.bin": noise }));
  const commit = client.commit({ "small.txt": "small" });
  const second = await send(server, client, commit);
  assert.ok(first > 10 * second, `${first} and ${second} bytes`);
  assert.ok((await send(server, client, commit)) < 100);
  assert.equal(await server.readFile(commit, "small.txt"), "small");
  assert.equal((await server.knownCommits()).length, 2);
});

test("a commit from a shallow clone is complete, its later commits too, and the whole history mends it", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  for (const content of ["1", "2", "3"]) client.commit({ f: content });
  const clone = new TestRepository(newFolder());
  clone.git("fetch", "--quiet", "--depth=1", `file://${client.folder}`, "main");
  clone.git("reset", "--quiet", "--hard", "FETCH_HEAD");
  const cut = clone.git("rev-parse", "HEAD");
  await send(server, clone, cut);
  assert.equal(await server.readFile(cut, "f"), "3");
  assert.deepEqual(await server.knownCommits(), [], "a cut history is offered to nobody");
  const next = clone.commit({ f: "4" });
  await send(server, clone, next);
  assert.equal(await server.readFile(next, "f"), "4");
  const whole = client.commit({ f: "5" });
  await send(server, client, whole);
  assert.equal((await server.knownCommits()).length, 3);
  assert.equal(readFileSync(join(serverFolder(server), "shallow"), "utf8"), "");
  inServer(server, "fsck", "--strict");
});

test("a shallow clone of a history that is here is not recorded as cut", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  await send(server, client, client.commit({ f: "1" }));
  const commit = client.commit({ f: "2" });
  const clone = new TestRepository(newFolder());
  clone.git("fetch", "--quiet", "--depth=1", `file://${client.folder}`, "main");
  await send(server, clone, commit);
  assert.ok((await server.knownCommits()).includes(commit));
});

test("bytes that are no pack, a cut pack and a sender that goes away are refused and leave nothing", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const commit = client.commit({ f: "x".repeat(10_000) });
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await openPack({ folder: client.folder, commit, known: [] })).pack) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  const refused = { code: "BELAY_RELEASE_PACK_REFUSED" } as const;
  await assert.rejects(server.receivePack({ commit, shallow: [], pack: bytesOf("no pack") }), refused);
  await assert.rejects(server.receivePack({ commit, shallow: [], pack: bytesOf(whole.subarray(0, -30)) }), refused);
  const flipped = Buffer.from(whole);
  flipped[40] = (flipped[40] ?? 0) ^ 1;
  await assert.rejects(server.receivePack({ commit, shallow: [], pack: bytesOf(flipped) }), refused);
  const gone = async function* () {
    yield whole.subarray(0, 50);
    throw new Error("the client went away");
  };
  await assert.rejects(server.receivePack({ commit, shallow: [], pack: gone() }), /client went away/);
  assert.deepEqual(await server.knownCommits(), []);
  assert.deepEqual(readdirSync(join(serverFolder(server), "objects", "pack")), []);
  assertNothingLeft(server);
  await server.receivePack({ commit, shallow: [], pack: bytesOf(whole) });
});

test("a pack in which the commit is missing or not complete is refused", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const first = client.commit({ f: "1", g: "same" });
  const second = client.commit({ f: "2" });
  // Without what the server claims to know, though it knows nothing.
  const { pack } = await openPack({ folder: client.folder, commit: second, known: [first] });
  await assert.rejects(server.receivePack({ commit: second, shallow: [], pack }), { code: "BELAY_RELEASE_PACK_REFUSED" });
  const other = await openPack({ folder: client.folder, commit: first, known: [] });
  await assert.rejects(server.receivePack({ commit: second, shallow: [], pack: other.pack }), {
    code: "BELAY_RELEASE_PACK_REFUSED",
    message: /is not in it/,
  });
  const cutTree = await openPack({ folder: client.folder, commit: second, known: [first] });
  await assert.rejects(server.receivePack({ commit: second, shallow: [second], pack: cutTree.pack }), {
    code: "BELAY_RELEASE_PACK_REFUSED",
  });
  assert.deepEqual(await server.knownCommits(), []);
  assert.ok(!existsSync(join(serverFolder(server), "shallow")));
});

test("names that are no commits are refused before git sees them", async () => {
  const server = newServer();
  const pack = () => bytesOf("");
  const refused = { code: "BELAY_RELEASE_PACK_REFUSED", message: /not the full SHA-1 name/ } as const;
  for (const name of ["--upload-pack=x", "main", "A".repeat(40)]) {
    await assert.rejects(server.receivePack({ commit: name, shallow: [], pack: pack() }), refused);
    await assert.rejects(server.receivePack({ commit: "a".repeat(40), shallow: [name], pack: pack() }), refused);
  }
});

test("a tree that would write into .git is refused", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const blob = client.gitWith({ input: "#!/bin/sh\n" }, "hash-object", "-w", "--stdin");
  const inner = client.gitWith({ input: `100755 blob ${blob}\tpre-commit\n` }, "mktree");
  const tree = client.gitWith({ input: `040000 tree ${inner}\t.git\n` }, "mktree");
  const commit = client.git("commit-tree", tree, "-m", "hostile");
  await assert.rejects(send(server, client, commit), { code: "BELAY_RELEASE_PACK_REFUSED", message: /\.git/ });
});

test("an old commit with an odd time zone and no name is taken in all the same", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const tree = client.git("rev-parse", `${client.commit({ f: "1" })}^{tree}`);
  const text = `tree ${tree}\nauthor <ada@example.com> 1 +51800000\ncommitter Ada 1 +0000\n\nold\n`;
  const commit = client.gitWith({ input: text }, "hash-object", "-t", "commit", "-w", "--literally", "--stdin");
  await send(server, client, commit);
  assert.equal(await server.readFile(commit, "f"), "1");
});

test("two packs at once are taken in one after the other", async () => {
  const server = newServer();
  const clients = [1, 2, 3].map(() => new TestRepository(newFolder()));
  const commits = clients.map((client, index) => client.commit({ f: String(index) }));
  await Promise.all(clients.map((client, index) => send(server, client, commits[index] ?? "")));
  assert.deepEqual(new Set(await server.knownCommits()), new Set(commits));
});

test("a file beyond the bound is refused by name", async () => {
  const server = newServer();
  const client = new TestRepository(newFolder());
  const commit = client.commit({ "belay.yml": "#".repeat(1_100_000) });
  await send(server, client, commit);
  await assert.rejects(server.readFile(commit, "belay.yml"), { code: "BELAY_RELEASE_FILE_TOO_LARGE", message: /belay\.yml/ });
});
