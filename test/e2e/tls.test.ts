// Goal: `belay up --tls` serves a service by TLS and HTTP/2 with the certificate in the data folder, and sends plain requests there.
import assert from "node:assert/strict";
import http2 from "node:http2";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import { missing } from "../../scripts/setup-debian.ts";
import { makeCertificate } from "../../src/proxy/loopback-world.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((q, r) => r.end(q.headers["x-forwarded-proto"])).listen(process.env.PORT, process.env.HOST);`;

test("a service is served by TLS as soon as its certificate is there", { skip: missing("openssl") }, async (t) => {
  const scene = openScene(t);
  const { stdout } = await scene.up(["--tls", "127.0.0.1:0"]);
  assert.match(stdout, /By TLS at https:\/\/127\.0\.0\.1:\d+/);
  const repository = await createSmallService(scene, { name: "tiny", server });
  assert.equal((await scene.deploy(repository)).outcome, "promoted");
  const { http, https } = (await scene.status()).addresses;
  const plain = async () => {
    const { statusCode, headers, body } = await request(`http://${http}/a?b`, { headers: { host: "tiny.example.com" } });
    return { statusCode, location: headers["location"], text: await body.text() };
  };
  assert.deepEqual(await plain(), { statusCode: 200, location: undefined, text: "http" });

  makeCertificate(join(scene.place.dataFolder, "certificates"), "tiny.example.com", "tiny.example.com");
  const secure = await waitFor("both workers know the certificate", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => askByHttp2(https ?? "").catch(() => "")));
    return answers.every((answer) => answer === "200 https") ? answers : undefined;
  });
  assert.equal(secure.length, 8);
  const port = (https ?? "").split(":").at(-1);
  // Each worker looks for certificates on its own, and all of the eight may have been one worker's.
  const location = await waitFor("plain requests are sent there", async () => (await plain()).location);
  assert.equal(location, `https://tiny.example.com:${port}/a?b`);
  const again = await scene.expectBelay(["up", "--tls", "127.0.0.1:1", "--detach"], { code: 1 });
  assert.match(again.stderr, /BELAY_UP_OTHER_ADDRESS/);
});

function askByHttp2(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://${address}`, { rejectUnauthorized: false, servername: "tiny.example.com" });
    session.on("error", reject);
    const stream = session.request({ ":path": "/", ":authority": "tiny.example.com" });
    let text = "";
    stream.on("response", (headers) => {
      text = `${headers[":status"]} `;
    });
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    stream.on("error", reject);
    stream.on("close", () => {
      session.destroy();
      resolve(text);
    });
  });
}
