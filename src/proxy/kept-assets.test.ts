import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findKeptAsset } from "./kept-assets.ts";
import { openApp, openWorld, tableWith, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

const newer = "b".repeat(64);
const older = "a".repeat(64);

function withReleases(use: (find: (path: string) => string | null) => void): void {
  const releasesFolder = mkdtempSync(join(tmpdir(), "belay-assets-"));
  const write = (digest: string, path: string) => {
    const file = join(releasesFolder, digest, "files", path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, path);
  };
  write(newer, "public/app.2.js");
  write(older, "public/app.1.js");
  write(older, "public/deep er/logo.svg");
  write(older, "secret.txt");
  const sources = [newer, older].map((digest) => ({ digest, folder: "public" }));
  try {
    use((path) => {
      const found = findKeptAsset({ releasesFolder, routes: [{ path: "/assets", sources }], path });
      return found === null
        ? null
        : `${found.file.slice(releasesFolder.length + 1, releasesFolder.length + 2)} ${found.contentType}`;
    });
  } finally {
    rmSync(releasesFolder, { recursive: true });
  }
}

test("an asset is found in whichever bundle has it, with its type", () => {
  withReleases((find) => {
    assert.equal(find("/assets/app.2.js"), "b text/javascript; charset=utf-8");
    assert.equal(find("/assets/app.1.js"), "a text/javascript; charset=utf-8");
    assert.equal(find("/assets/deep%20er/logo.svg"), "a image/svg+xml");
  });
});

test("what is no file below the declared folder is not found, however it is written", () => {
  withReleases((find) => {
    for (const path of [
      "/assets/none.js",
      "/assets/",
      "/assets",
      "/assetsx/app.1.js",
      "/assets/../secret.txt",
      "/assets/%2e%2e/secret.txt",
      "/assets/..%2fsecret.txt",
      "/assets/deep%20er",
      "/assets/a%00.js",
      "/assets/%zz",
      "/assets//app.1.js",
      `/assets/${"a".repeat(300)}`,
    ]) {
      assert.equal(find(path), null, path);
    }
  });
});

test("an asset that stable does not know comes from the bundle of the release whose page asks for it", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (incoming, response) => {
    if (incoming.url === "/assets/app.2.js") response.end("stable's own");
    else response.writeHead(404).end("not here");
  });
  const folder = join(world.releasesFolder, older, "files/public");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "app.1.js"), "the older release's");
  const assets = [{ path: "/assets", sources: [{ digest: older, folder: "public" }] }];
  await world.serve(tableWith(1, [app], undefined, { assets }));
  const get = async (path: string, method = "GET") => {
    const { status, body, headers } = await world.send({ path, method });
    return [status, body, headers["content-type"] ?? null];
  };
  assert.deepEqual(await get("/assets/app.2.js"), [200, "stable's own", null]);
  assert.deepEqual(await get("/assets/app.1.js?v=1"), [200, "the older release's", "text/javascript; charset=utf-8"]);
  assert.deepEqual(await get("/assets/app.1.js", "HEAD"), [200, "", "text/javascript; charset=utf-8"]);
  assert.deepEqual(await get("/assets/none.js"), [404, "not here", null]);
  assert.equal((await get("/assets/app.1.js", "POST"))[0], 404);
  await until(() => world.count({ outcome: "ok" }) === 5);
});

test("a client that leaves in the middle of an asset leaves no open file behind", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.writeHead(404).end());
  const folder = join(world.releasesFolder, older, "files/public");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "large.js"), Buffer.alloc(64e6));
  const assets = [{ path: "/assets", sources: [{ digest: older, folder: "public" }] }];
  await world.serve(tableWith(1, [app], undefined, { assets }));
  const readers = await Promise.all(Array.from({ length: 5 }, () => world.open({ path: "/assets/large.js" })));
  await until(() => openFilesBelow(world.releasesFolder) === readers.length);
  for (const reader of readers) reader.destroy();
  await until(() => openFilesBelow(world.releasesFolder) === 0);
});

test("nor does one that stays and takes nothing of it", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { readerStallMs: 500 }, clock });
  const app = await openApp(t, (_, response) => response.writeHead(404).end());
  const folder = join(world.releasesFolder, older, "files/public");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "large.js"), Buffer.alloc(64e6));
  const assets = [{ path: "/assets", sources: [{ digest: older, folder: "public" }] }];
  await world.serve(tableWith(1, [app], undefined, { assets }));
  const reader = await world.open({ path: "/assets/large.js" });
  reader.on("error", () => {});
  await until(() => openFilesBelow(world.releasesFolder) === 1);
  await until(async () => {
    await clock.pass(600);
    return openFilesBelow(world.releasesFolder) === 0;
  });
  reader.destroy();
});

/** This process is the worker's. A descriptor may be closed between its listing and the look at it. */
function openFilesBelow(folder: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw cause;
    }
  }).length;
}
