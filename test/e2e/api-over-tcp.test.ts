import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf } from "./belay-command.ts";
import { filesWith } from "./files-with.ts";
import { openScene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";
import { waitFor } from "./wait.ts";

const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, process.env.HOST);`;

test("the API over TCP wants its token, and refuses what a page of another site could send", async (t) => {
  const scene = openScene(t);
  const { dataFolder } = scene.place;
  const { stdout } = await scene.up(["--api", "127.0.0.1:0"]);
  const [token = ""] = /belay_[\w-]{43}/.exec(stdout) ?? [];
  assert.notEqual(token, "", stdout);
  const address = (await scene.status()).addresses["api-tcp"] ?? "";
  const url = `http://${address}`;

  await t.test("the token is shown once and stored as a hash only", async () => {
    const again = await scene.up(["--api", "127.0.0.1:0"]);
    assert.doesNotMatch(again.stdout + again.stderr, /belay_[\w-]{43}/);
    assert.deepEqual(filesWith(dataFolder, [token]), []);
    const file = join(dataFolder, "keys/api-token.json");
    assert.deepEqual(filesWith(dataFolder, [createHash("sha256").update(token).digest("hex")]), [file]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  const ask = async (headers: Readonly<Record<string, string>>, method: "GET" | "POST" = "GET") => {
    const path = method === "GET" ? "/api/v1/status" : "/api/v1/services/production/tiny/pause";
    const answer = await request(url + path, {
      method,
      headers: { host: address, authorization: `Bearer ${token}`, ...headers },
      ...(method === "POST" ? { body: '{"reason":""}' } : {}),
    });
    const document = (await answer.body.json()) as { readonly code?: string; readonly next?: string };
    return { status: answer.statusCode, code: document.code, next: document.next };
  };

  await t.test("no token, a wrong one, a foreign Host, a foreign Origin and a form are refused", async () => {
    assert.equal((await ask({})).status, 200);
    const json = { "content-type": "application/json" };
    const refusals = [
      [await ask({ authorization: "" }), 401, "BELAY_API_UNAUTHENTICATED"],
      [await ask({ authorization: `Bearer ${token.slice(0, -1)}_` }), 401, "BELAY_API_UNAUTHENTICATED"],
      [await ask({ host: "rebound.example.com" }), 403, "BELAY_API_HOST_REFUSED"],
      [await ask({ origin: "https://evil.example.com" }), 403, "BELAY_API_ORIGIN_REFUSED"],
      [await ask({ ...json, origin: "https://evil.example.com" }, "POST"), 403, "BELAY_API_ORIGIN_REFUSED"],
      [await ask({ "sec-fetch-site": "cross-site" }), 403, "BELAY_API_ORIGIN_REFUSED"],
      [await ask({ "content-type": "text/plain" }, "POST"), 415, "BELAY_API_CONTENT_TYPE"],
      [await ask({ "content-type": "application/x-www-form-urlencoded" }, "POST"), 415, "BELAY_API_CONTENT_TYPE"],
    ] as const;
    for (const [answer, status, code] of refusals) {
      assert.deepEqual({ status: answer.status, code: answer.code }, { status, code });
      assert.notEqual(answer.next ?? "", "");
    }
    // With everything right the request gets as far as the service that is not there.
    assert.equal((await ask(json, "POST")).code, "BELAY_SERVICE_UNKNOWN");
  });

  await t.test("BELAY_SERVER and BELAY_TOKEN deploy from anywhere, and every entry names who asked", async () => {
    const repository = await createSmallService(scene, {
      name: "tiny",
      server,
      rollout: { steps: "[{ weight: 5%, minHold: 10m }]" },
    });
    // Nothing of this machine's Belay can be reached but its API.
    const elsewhere = { BELAY_DATA: join(scene.place.folder, "elsewhere"), BELAY_SERVER: url };
    const options = { cwd: repository.folder, env: { ...elsewhere, BELAY_TOKEN: token } };
    const refused = await scene.expectBelay(["deploy"], { ...options, env: elsewhere, code: 1 });
    assert.match(refused.stderr, /BELAY_API_UNAUTHENTICATED/);

    const rollout = jsonOf(await scene.expectBelay(["deploy", "--json"], options)) as RolloutView;
    assert.equal(rollout.outcome, "promoted");
    const [byToken] = await scene.entries(rollout.rollout);
    assert.deepEqual(byToken?.actor, { kind: "person", name: "deployer", via: "token" });

    await repository.commitFile("server.js", `${server} // changed`);
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    const second = await waitFor("it has its weight", async () => {
      const { rollout } = await scene.serviceStatus("tiny");
      return rollout?.weight === 500 ? rollout : undefined;
    });
    await scene.expectBelay(["abort", "tiny"], options);
    const entries = await scene.entries(second.rollout);
    const actorOf = (kind: string) => entries.find(({ fact }) => fact.kind === kind)?.actor;
    assert.equal(actorOf("rollout-requested")?.via, "socket");
    assert.equal(actorOf("abort-requested")?.via, "token");
    assert.equal(actorOf("candidate-ready")?.kind, "system");
    assert.ok(entries.every(({ actor }) => actor.name !== ""));
  });
});
