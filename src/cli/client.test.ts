import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { createApi } from "../api/create-api.ts";
import { createFakeInside } from "../api/fake-inside.ts";
import { serveApi } from "../api/serve-api.ts";
import { openDesk } from "./cli.fixture.ts";

const sha256 = createHash("sha256").update("belay_secret").digest("hex");

test("over TCP the token's owner is the actor, and without the token nothing is done", async (t) => {
  const desk = await openDesk(t);
  const inside = createFakeInside();
  const hosts: string[] = [];
  const app = createApi({ ...inside, auth: { kind: "token", token: { name: "ci", sha256 }, hosts } });
  const served = await serveApi({ app, listener: { kind: "port", host: "127.0.0.1", port: 0 } });
  t.after(() => served.close());
  hosts.push(served.address);
  const url = `http://${served.address}/`;
  assert.match((await desk.run("resume", "shop", "--server", url)).stderr, /BELAY_API_UNAUTHENTICATED/);
  desk.env["BELAY_TOKEN"] = "belay_secret";
  assert.equal((await desk.run("resume", "shop", "--server", url)).code, 0);
  desk.env["BELAY_SERVER"] = url;
  assert.equal((await desk.run("status")).code, 0);
  assert.deepEqual(
    inside.asked.map(({ actor }) => actor),
    [{ kind: "person", name: "ci", via: "token" }],
  );
});

test("an answer that is not Belay's is told as such", async (t) => {
  const desk = await openDesk(t);
  const other = createServer((_, response) => response.writeHead(502).end("<html>bad gateway</html>"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const result = await desk.run("status", "--server", `http://127.0.0.1:${port}`);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /BELAY_CLI_ANSWER_UNREADABLE/);
});

test("an address without a scheme is told as such", async (t) => {
  const desk = await openDesk(t);
  for (const url of ["127.0.0.1:8081", "localhost:8081", "http://"]) {
    const result = await desk.run("status", "--server", url);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /BELAY_SERVER_ADDRESS_INVALID/);
  }
});

test("a connection that breaks in the middle is told as such", async (t) => {
  const desk = await openDesk(t);
  const other = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === "object" ? address?.port : undefined;
  assert.match((await desk.run("status", "--server", `http://127.0.0.1:${port}`)).stderr, /BELAY_CLI_CONNECTION_LOST/);
});
