import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { BelayError } from "../errors.ts";
import { type BundleFile, digestOf } from "./bundle.ts";
import { type BundleHead, openBundle, writeBundle } from "./bundle-file.ts";
import { type BundleLimits, bundleLimits } from "./bundle-list.ts";
import { BundleStore } from "./bundle-store.ts";
import { createTestFolder } from "./test-repository.ts";
import { UploadedBundles } from "./uploaded-bundles.ts";

const folder = createTestFolder(after);
const about = {
  commit: "2".repeat(40),
  isDirty: false,
  root: "",
  manifest: "version: 1\n",
  builtBy: { name: "ci", host: "runner" },
};

type Content = readonly [
  path: string,
  content: string,
  changes?: { readonly mode?: string; readonly bytes?: number; readonly sha256?: string },
];

/** A bundle as an enemy would make it: with a right first line and digest, whatever its list says. */
function forge(contents: readonly Content[], options: { readonly head?: object; readonly surplus?: string } = {}): Buffer {
  const files = contents.map(([path, content, changes]) => ({
    path,
    mode: "100644",
    bytes: Buffer.byteLength(content),
    sha256: createHash("sha256").update(content).digest("hex"),
    ...changes,
  })) as readonly BundleFile[];
  const head = { ...about, digest: digestOf(files), files, ...options.head };
  const body = contents.map(([, content]) => content).join("") + (options.surplus ?? "");
  return seal(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), gzipSync(body)]));
}

function seal(rest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`belay-bundle 1 ${createHash("sha256").update(rest).digest("hex")}\n`), rest]);
}

/** A control plane's store, and the sending of a bundle to it. */
function openStore(limits: BundleLimits = bundleLimits) {
  const data = join(folder, randomBytes(6).toString("hex"));
  mkdirSync(data);
  const store = new BundleStore(join(data, "releases"));
  const uploaded = new UploadedBundles(join(data, "bundles"), store, limits);
  let turn = 0;
  const send = (bytes: Buffer, sha256: string = bytes.toString("latin1", 15, 79)) => {
    turn += 1;
    const work = join(data, `work-${turn}`);
    mkdirSync(work);
    return uploaded.receive({ sha256, bundle: inPieces(bytes) }, work);
  };
  const kept = () =>
    ["releases", "bundles"].flatMap((part) => (existsSync(join(data, part)) ? readdirSync(join(data, part)) : []));
  return { data, store, uploaded, send, kept };
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 1000) yield bytes.subarray(start, start + 1000);
}

/** A folder as a build leaves it. */
function fillFolder(files: Readonly<Record<string, string>>): string {
  const made = join(folder, randomBytes(6).toString("hex"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(made, path)), { recursive: true });
    writeFileSync(join(made, path), content);
  }
  return made;
}

test("what was packed comes out as it was: content, modes and links, with the digest of a build here", async () => {
  const from = fillFolder({
    "server.js": "serve()",
    "lib/größe.txt": "x".repeat(200_000),
    "bin/start": "#!/bin/sh\n",
    empty: "",
  });
  chmodSync(join(from, "bin/start"), 0o755);
  symlinkSync("../server.js", join(from, "lib/main.js"));
  const here = openStore();
  const built = await here.store.add({ from, include: null, unfinished: join(here.data, "unfinished") });

  const file = join(folder, "good.bundle");
  const { sha256, head } = await writeBundle({ folder: from, about, to: file });
  assert.equal(head.digest, built.digest);
  assert.equal((await openBundle(file)).sha256, sha256);
  const far = openStore();
  const received = await far.send(readFileSync(file));
  assert.deepEqual(
    [received.digest, received.fileCount, received.bytes, received.builtBy],
    [built.digest, built.fileCount, built.bytes, about.builtBy],
  );
  assert.deepEqual(far.uploaded.read(sha256), { format: 1, ...received });
  const unpacked = await far.store.verifiedFolder(built.digest);
  assert.equal(readFileSync(join(unpacked, "lib/main.js"), "utf8"), "serve()");
  assert.equal(lstatSync(join(unpacked, "bin/start")).mode & 0o7777, 0o555);
  await writeBundle({ folder: from, about, to: join(folder, "again.bundle") });
  assert.ok(readFileSync(file).equals(readFileSync(join(folder, "again.bundle"))), "the same content makes the same file");
});

const hostile: readonly (readonly [what: string, code: string, bundle: Buffer])[] = [
  ["an absolute path", "BELAY_BUNDLE_PATH", forge([["/etc/cron.d/x", "x"]])],
  ["a path that leaves by ..", "BELAY_BUNDLE_PATH", forge([["a/../../x", "x"]])],
  ["a path that is ..", "BELAY_BUNDLE_PATH", forge([["..", "x"]])],
  ["a path with empty parts", "BELAY_BUNDLE_PATH", forge([["a//b", "x"]])],
  ["a path with a NUL", "BELAY_BUNDLE_PATH", forge([["a\0b", "x"]])],
  ["half a character", "BELAY_BUNDLE_PATH", forge([["a\ud800", "x"]])],
  ["a name that is too long", "BELAY_BUNDLE_PATH", forge([["a".repeat(256), "x"]])],
  ["a link to an absolute path", "BELAY_BUNDLE_LINK_OUTSIDE", forge([["a", "/etc/passwd", { mode: "120000" }]])],
  ["a link that leaves", "BELAY_BUNDLE_LINK_OUTSIDE", forge([["a/b", "../../x", { mode: "120000" }]])],
  [
    "a link that leaves through another link",
    "BELAY_BUNDLE_LINK_OUTSIDE",
    forge([
      ["x/y/out", "up/../nothing-there-yet", { mode: "120000" }],
      ["x/y/up", "../..", { mode: "120000" }],
    ]),
  ],
  ["a link to nothing at all", "BELAY_BUNDLE_LINK_OUTSIDE", forge([["a", "", { mode: "120000" }]])],
  [
    "a file below a link",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["a", "/tmp", { mode: "120000" }],
      ["a/b", "x"],
    ]),
  ],
  ["a block device", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "060644" }]])],
  ["a character device", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "020644" }]])],
  ["a fifo", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "010644" }]])],
  ["a socket", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "140644" }]])],
  ["a folder", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "040755" }]])],
  ["a setuid file", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "104755" }]])],
  ["a setgid file", "BELAY_BUNDLE_FILE_KIND", forge([["a", "", { mode: "102755" }]])],
  [
    "a path that is there twice",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["a", "x"],
      ["a", "y"],
    ]),
  ],
  [
    "paths that differ in case only",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["Run.js", "x"],
      ["run.js", "y"],
    ]),
  ],
  [
    "folders that differ in case only",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["Lib/a", "x"],
      ["lib/b", "y"],
    ]),
  ],
  [
    "paths that differ in the form of a letter only",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["e\u0301", "x"],
      ["\u00e9", "y"],
    ]),
  ],
  [
    "a file that is also a folder",
    "BELAY_BUNDLE_PATHS_COLLIDE",
    forge([
      ["a", "x"],
      ["a/b", "y"],
    ]),
  ],
  ["a size that is more than there is", "BELAY_BUNDLE_SIZE", forge([["a", "x", { bytes: 100 }]])],
  ["a size that is less than there is", "BELAY_BUNDLE_CONTENT", forge([["a", "xyz", { bytes: 1 }]])],
  ["a size that is no number of bytes", "BELAY_BUNDLE_SIZE", forge([["a", "x", { bytes: -1 }]])],
  ["more content than is listed", "BELAY_BUNDLE_SIZE", forge([["a", "x"]], { surplus: "more" })],
  ["another content than is listed", "BELAY_BUNDLE_CONTENT", forge([["a", "x", { sha256: "0".repeat(64) }]])],
  ["a digest of another list", "BELAY_BUNDLE_DIGEST", forge([["a", "x"]], { head: { digest: "0".repeat(64) } })],
  ["fields that nobody knows", "BELAY_BUNDLE_UNREADABLE", forge([["a", "x"]], { head: { extra: 1 } })],
  ["a root that leaves", "BELAY_BUNDLE_UNREADABLE", forge([["a", "x"]], { head: { root: "../x" } })],
  [
    "contents that are not packed",
    "BELAY_BUNDLE_UNREADABLE",
    seal(Buffer.from(`${JSON.stringify({ ...about, digest: digestOf(one()), files: one() })}\nx`)),
  ],
  ["a head without an end", "BELAY_BUNDLE_UNREADABLE", seal(Buffer.from("{"))],
  ["a head that is no JSON", "BELAY_BUNDLE_UNREADABLE", seal(Buffer.from("{\n"))],
  ["nothing", "BELAY_BUNDLE_UNREADABLE", Buffer.alloc(0)],
  ["another kind of file", "BELAY_BUNDLE_UNREADABLE", gzipSync("x".repeat(1000))],
  ["a later format", "BELAY_BUNDLE_FORMAT", Buffer.from(`belay-bundle 2 ${"0".repeat(64)}\n`)],
];

function one(): BundleHead["files"] {
  return [{ path: "a", mode: "100644", bytes: 1, sha256: createHash("sha256").update("x").digest("hex") }];
}

for (const [what, code, bundle] of hostile) {
  test(`a bundle with ${what} is refused, and nothing of it is kept`, async () => {
    const { send, kept } = openStore();
    await assert.rejects(send(bundle), (error: BelayError) => {
      assert.equal(error.code, code, error.message);
      assert.notEqual(error.next, "");
      return true;
    });
    assert.deepEqual(kept(), []);
  });
}

test("links inside, to nothing and in a circle are kept as they are", async () => {
  const link = { mode: "120000" };
  const { send, store } = openStore();
  const contents: Content[] = [
    ["a/file", "x"],
    ["circle", "circle", link],
    ["down", "a/../a/./file", link],
    ["missing", "a/none/../none", link],
    ["through", "down", link],
  ];
  const { digest } = await send(forge(contents));
  assert.equal(readFileSync(join(await store.verifiedFolder(digest), "through"), "utf8"), "x");
});

test("limits on files, on their bytes and on what is sent are kept, each before anything is written", async () => {
  const bundle = forge([
    ["a", "x".repeat(600)],
    ["b", "y".repeat(600)],
  ]);
  for (const limits of [{ filesMax: 1 }, { contentBytesMax: 1_000 }, { bundleBytesMax: 300 }]) {
    const { send, kept } = openStore({ ...bundleLimits, ...limits });
    await assert.rejects(send(bundle), { code: "BELAY_BUNDLE_TOO_LARGE" }, JSON.stringify(limits));
    assert.deepEqual(kept(), []);
  }
});

// Goal: a byte that was changed on the way is found, wherever it is.
// Method: change bytes all over one bundle, and cut it off at many lengths.
test("a changed byte or a cut at any place is refused", async () => {
  const good = forge([
    ["a", "x".repeat(500)],
    ["b", "y".repeat(500)],
  ]);
  const { send, kept } = openStore();
  for (let at = 0; at < good.length; at += 7) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x20;
    await assert.rejects(send(bad, good.toString("latin1", 15, 79)), /BelayError/, `byte ${at}`);
    await assert.rejects(send(good.subarray(0, at), good.toString("latin1", 15, 79)), /BelayError/, `cut at ${at}`);
  }
  assert.deepEqual(kept(), []);
});

test("a whole bundle that is another one than was named is refused", async () => {
  const { send, kept } = openStore();
  await assert.rejects(send(forge([["a", "x"]]), "0".repeat(64)), { code: "BELAY_BUNDLE_NOT_EXPECTED" });
  assert.deepEqual(kept(), []);
});

test("a bundle that was never sent is unknown, whatever it is called", () => {
  for (const name of ["0".repeat(64), "../../etc/passwd"])
    assert.throws(() => openStore().uploaded.read(name), { code: "BELAY_BUNDLE_UNKNOWN" });
});

test("packing refuses what would be refused at the other end, and leaves no half file", async () => {
  const from = fillFolder({ "Run.js": "x", "run.js": "y" });
  const to = join(folder, "bad.bundle");
  await assert.rejects(writeBundle({ folder: from, about, to }), { code: "BELAY_BUNDLE_PATHS_COLLIDE" });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("bad.")),
    [],
  );
});
