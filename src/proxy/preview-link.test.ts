// A preview's link and cookie through a worker on real sockets: over plain http, over TLS, and behind a proxy that speaks TLS.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import https from "node:https";
import { type TestContext, test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { PreviewKey, PreviewPurpose } from "../rollout/preview.ts";
import { writePass } from "../routing/preview-pass.ts";
import { type LoopbackWorld, openApp, openWorld, tableWith, textOf } from "./loopback-world.ts";

const keys = { link: keyOf("link"), cookie: keyOf("cookie") };
const inAnHour = Math.floor(createSystemClock().now().epochMilliseconds / 1000) + 3_600;
const secured = "__Host-belay_preview.production.shop";
const plain = "belay_preview.production.shop";

function keyOf(purpose: PreviewPurpose) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const known: PreviewKey = { purpose, id: purpose, publicKey: publicKey.export({ format: "jwk" }).x ?? "" };
  return { known, signer: { purpose, id: purpose, sign: (text: string) => sign(null, Buffer.from(text), privateKey) } };
}

function passOf(purpose: PreviewPurpose, own: { readonly service?: string; readonly expires?: number } = {}): string {
  const pass = { environment: "production", service: "shop", release: "new", nonce: "n", expires: inAnHour, ...own };
  return writePass(pass, keys[purpose].signer);
}

/** Two releases that say which they are, and what of Belay's own reached them; links are used once. */
async function openShop(
  t: TestContext,
  {
    certificates,
    trustedProxies,
  }: { readonly certificates?: Readonly<Record<string, string>>; readonly trustedProxies?: string[] },
): Promise<LoopbackWorld> {
  const world = await openWorld(t, certificates === undefined ? {} : { certificates });
  const app = (release: string) => openApp(t, ({ headers }, response) => response.end(`${release} ${headers.cookie ?? "-"}`));
  const [{ server: _, ...old }, { server: __, ...fresh }] = await Promise.all([app("old"), app("new")]);
  const previews = [{ release: "new", targets: [{ ...fresh, instance: "new.0" }] }];
  const used = new Set<string>();
  world.plane.onRedeem((link) => {
    if (used.has(link)) return { kind: "refused", why: "replayed" };
    used.add(link);
    return { kind: "accepted", cookie: passOf("cookie"), lastsSeconds: 600 };
  });
  const rest = { previews, ...(trustedProxies === undefined ? {} : { trustedProxies }) };
  await world.serve({ ...tableWith(1, [old], undefined, rest), previewKeys: [keys.link.known, keys.cookie.known] });
  return world;
}

const pathOf = (link: string) => `/.belay/preview?link=${link}`;

test("over plain http a link leads on with a cookie that plain http takes, once", async (t) => {
  const world = await openShop(t, {});
  const link = passOf("link");
  const looked = await world.send({ method: "HEAD", path: pathOf(link) });
  assert.deepEqual([looked.status, looked.headers.allow], [405, "GET"]);
  for (const name of ["sec-purpose", "purpose", "x-moz"])
    assert.equal((await world.send({ path: pathOf(link), headers: { [name]: "prefetch" } })).status, 405, name);
  const opened = await world.send({ path: pathOf(link) });
  assert.deepEqual([opened.status, opened.headers.location], [303, "/"]);
  assert.deepEqual(opened.headers["set-cookie"], [`${plain}=${passOf("cookie")}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`]);
  const again = await world.send({ path: pathOf(link) });
  assert.equal(again.status, 403);
  assert.match(again.body, /has been used/);
  const bodyOf = async (cookie: string) => (await world.send({ headers: { cookie } })).body;
  assert.equal(await bodyOf(`a=1; ${plain}=${passOf("cookie")}`), "new a=1");
  assert.equal(await bodyOf(`${secured}=${passOf("cookie")}`), "old -", "over http the prefix proves nothing");
  assert.equal(await bodyOf(`${plain}=${link}`), "old -", "a link is no cookie");
  for (const [bad, words] of [
    [passOf("cookie"), /not one of ours/],
    [passOf("link", { expires: inAnHour - 7_200 }), /too old/],
    [passOf("link", { service: "other" }), /another service/],
  ] as const) {
    const refused = await world.send({ path: pathOf(bad) });
    assert.equal(refused.status, 403);
    assert.match(refused.body, words);
  }
});

test("behind a trusted proxy that speaks https the cookie has the prefix and is Secure; nobody else can say so", async (t) => {
  const world = await openShop(t, { trustedProxies: ["127.0.0.0/8"] });
  const headers = { "x-forwarded-proto": "https" };
  const opened = await world.send({ path: pathOf(passOf("link")), headers });
  assert.deepEqual(opened.headers["set-cookie"], [
    `${secured}=${passOf("cookie")}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure`,
  ]);
  const bodyOf = async (cookie: string) => (await world.send({ headers: { ...headers, cookie } })).body;
  assert.equal(await bodyOf(`${secured}=${passOf("cookie")}`), "new -");
  assert.equal(await bodyOf(`${plain}=${passOf("cookie")}`), "old -", "another host could have planted it");
  const stranger = await openShop(t, { trustedProxies: ["192.0.2.1"] });
  const said = await stranger.send({ headers: { ...headers, cookie: `${secured}=${passOf("cookie")}` } });
  assert.equal(said.body, "old -");
});

test("where Belay speaks TLS a link over plain http goes to https unused, and counts there", {
  skip: missing("openssl"),
}, async (t) => {
  const world = await openShop(t, { certificates: { shop: "shop.test" } });
  const path = pathOf(passOf("link"));
  const sent = await world.send({ path });
  assert.equal(sent.status, 308);
  assert.equal(sent.headers.location, `https://shop.test:${world.tlsPort}${path}`);
  const opened = await getOverTls(world, path, {});
  assert.equal(opened.status, 303);
  assert.match(opened.cookie, new RegExp(`^${secured}=.*; Secure$`));
  const seen = await getOverTls(world, "/", { cookie: `${secured}=${passOf("cookie")}` });
  assert.equal(seen.body, "new -");
});

function getOverTls(
  world: LoopbackWorld,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: string; readonly cookie: string }> {
  return new Promise((resolve, reject) => {
    const host = { host: "127.0.0.1", port: world.tlsPort, servername: "shop.test", rejectUnauthorized: false, agent: false };
    https
      .get({ ...host, path, headers: { host: "shop.test", ...headers } }, async (incoming) =>
        resolve({
          status: incoming.statusCode ?? 0,
          body: await textOf(incoming),
          cookie: incoming.headers["set-cookie"]?.[0] ?? "",
        }),
      )
      .on("error", reject);
  });
}
