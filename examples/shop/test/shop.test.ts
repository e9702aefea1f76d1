import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openShop } from "./open-shop.ts";

const folder = mkdtempSync(join(tmpdir(), "shop-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const goodRelease = JSON.parse(readFileSync(join(import.meta.dirname, "../releases/good/release.json"), "utf8"));

function post(url: string, form: Record<string, string>, cookie = ""): Promise<Response> {
  return fetch(url, { method: "POST", body: new URLSearchParams(form), headers: cookie === "" ? {} : { cookie } });
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

test("a session, its basket and an open page's style are known to a second release on the same database", async () => {
  const database = join(folder, "two.db");
  const [old, young] = await Promise.all([openShop({ database }), openShop({ database, release: goodRelease })]);
  try {
    const page = await (await fetch(old.baseUrl)).text();
    const stylePath = /\/assets\/app\.[0-9a-f]+\.css/.exec(page)?.[0] ?? "";
    assert.ok(!(await (await fetch(young.baseUrl)).text()).includes(stylePath), "the releases have different styles");
    assert.equal((await fetch(`${young.baseUrl}${stylePath}`)).status, 200);

    const basket = await post(`${old.baseUrl}/basket`, { item: "3" });
    const cookie = cookieOf(basket);
    assert.match(await basket.text(), /Locking carabiner/);
    assert.match(await (await fetch(`${young.baseUrl}/basket`, { headers: { cookie } })).text(), /1 × Locking carabiner/);
    assert.match(await (await post(`${young.baseUrl}/checkout`, { giftNote: "for you" }, cookie)).text(), /Order 1 is confirmed/);
    assert.match(await (await post(`${old.baseUrl}/checkout`, { item: "1" }, cookie)).text(), /Order 2 is confirmed/);

    assert.equal((await fetch(`${old.baseUrl}/account`, { headers: { cookie } })).status, 401);
    await post(`${old.baseUrl}/login`, { name: "Ada" }, cookie);
    assert.match(await (await fetch(`${young.baseUrl}/account`, { headers: { cookie } })).text(), /Hello Ada/);
  } finally {
    assert.deepEqual(await Promise.all([old.close(), young.close()]), [0, 0]);
  }
});

test("the failing release fails about 30 % of item pages, alike in each run, and never its health check", async () => {
  const release = JSON.parse(readFileSync(join(import.meta.dirname, "../releases/failing/release.json"), "utf8"));
  const runs: string[] = [];
  for (const name of ["first.db", "second.db"]) {
    const shop = await openShop({ database: join(folder, name), release });
    const statuses: number[] = [];
    for (let request = 0; request < 100; request += 1) statuses.push((await fetch(`${shop.baseUrl}/item/1`)).status);
    assert.equal((await fetch(`${shop.baseUrl}/healthz`)).status, 200);
    assert.equal((await fetch(shop.baseUrl)).status, 200);
    await shop.close();
    runs.push(statuses.join(" "));
    const failed = statuses.filter((status) => status === 500).length;
    assert.ok(failed >= 15 && failed <= 45, `${failed} of 100 failed`);
  }
  assert.equal(runs[0], runs[1]);
});

test("without its environment contract it refuses to start and names all that is missing", async () => {
  const shop = spawn(process.execPath, [join(import.meta.dirname, "../server.js")], {
    env: {},
    stdio: ["ignore", "ignore", "pipe"],
  });
  const chunks: string[] = [];
  shop.stderr.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  const [code] = await once(shop, "close");
  assert.equal(code, 2);
  assert.match(chunks.join(""), /PORT .*HOST .*--database /);
});
