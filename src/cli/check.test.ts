import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CheckResult } from "../rollout/check-result.ts";
import { type Desk, openDesk } from "./cli.fixture.ts";

function write(desk: Desk, name: string, text: string): void {
  writeFileSync(join(desk.folder, name), text);
}

function manifestOf(run: string, release = ""): string {
  return `version: 1\nservice: shop\n${release}run: ${run}\nenvironments: { production: { routes: [{ host: "*" }] } }\n`;
}

async function checksOf(desk: Desk, ...words: string[]): Promise<readonly CheckResult[]> {
  const { stdout } = await desk.run("check", "--json", ...words);
  return JSON.parse(stdout).checks;
}

test("check finds a service that is whole, and says what each look saw", async (t) => {
  const desk = await openDesk(t);
  execFileSync("git", ["init", "--quiet"], { cwd: desk.folder });
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  write(desk, "belay.yml", manifestOf("{ command: node server.js, health: /healthz }", "release: { include: [server.js] }\n"));
  const result = await desk.run("check");
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(
    (await checksOf(desk)).filter(({ status }) => status !== "skipped").map(({ check, status }) => `${check} ${status}`),
    ["git warn", "command pass", "include pass", "health pass", "listening pass", "artifact pass", "secrets pass", "kpis warn"],
  );
});

test("check fails for a program that an instance would not find and for a file that is not there", async (t) => {
  const desk = await openDesk(t);
  write(desk, "belay.yml", manifestOf("{ command: no-such-program serve.py, health: /up }"));
  const result = await desk.run("check");
  assert.equal(result.code, 1);
  assert.match(result.stdout, /fail {2}command: there is no program no-such-program/);
  assert.match(result.stdout, /fail {2}command: there is no serve\.py/);
  assert.match(result.stdout, /warn {2}health: no file of the folder names \/up/);
  assert.match(result.stdout, /warn {2}listening: neither source nor command names PORT and HOST/);
  assert.match(result.stderr, /BELAY_CHECK_FAILED/);
});

test("check fails for globs that name nothing or leave out what the command needs, unless a build makes it", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", "");
  write(desk, "belay.yml", manifestOf("{ command: node server.js }", "release: { include: [lib/**] }\n"));
  const words = (await checksOf(desk, "--only", "include"))
    .flatMap(({ findings }) => findings)
    .map(({ level, message }) => `${level} ${message}`);
  assert.match(words.join("\n"), /fail server\.js is left out[\s\S]*fail "lib\/\*\*" names no file/);
  write(desk, "belay.yml", manifestOf("{ command: ./app }", "release: { build: make, include: [app] }\n"));
  assert.equal((await desk.run("check")).code, 0);
});

test("check fails for a manifest that git ignores", async (t) => {
  const desk = await openDesk(t);
  execFileSync("git", ["init", "--quiet"], { cwd: desk.folder });
  write(desk, ".gitignore", "belay.yml\n");
  write(desk, "server.js", "");
  write(desk, "belay.yml", manifestOf("{ command: node server.js }"));
  assert.match((await desk.run("check")).stdout, /fail {2}git: belay\.yml is ignored/);
});

test("check says which environment comes before which", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  write(
    desk,
    "belay.yml",
    manifestOf("{ command: node server.js, health: /healthz }").replace("{ production", "{ staging: {}, production"),
  );
  assert.match((await desk.run("check")).stdout, /environments staging, production \(after staging\);/);
});

test("check looks at the values in belay.yml and in its own environment, and names what was meant", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST); connect(process.env.QUEUE_URI);');
  write(
    desk,
    "belay.yml",
    `version: 1
service: shop
run: { command: node server.js, health: /healthz }
config: { QUEUE_URL: { type: url }, BASE_URL: { default: "http://localhost:3000" }, TOKEN: { secret: true } }
environments: { production: { routes: [{ host: "*" }], config: { QUEUE_URL: { from: env } } } }
`,
  );
  desk.env["QUEUE_ULR"] = "amqp://queue";
  const [result] = await checksOf(desk, "--only", "config");
  assert.deepEqual(
    result?.findings.map(({ rule, level, message }) => `${level} ${rule}: ${message}`),
    [
      "fail this-machine: BASE_URL is an address of the machine itself, in production",
      "warn near-miss: QUEUE_URL has no value for production here; QUEUE_ULR is set and nothing asks for it",
      "warn undeclared: the code reads QUEUE_URI, which belay.yml does not declare: an instance does not get it",
    ],
  );
  assert.match(result?.summary ?? "", /the values of 1 are seen in a deploy alone/);
});

test("check proposes routes from what a Belay that serves the service has seen, with lines to paste and what to look for", async (t) => {
  const desk = await openDesk(t);
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  write(desk, "belay.yml", manifestOf("{ command: node server.js, health: /healthz }"));
  assert.doesNotMatch((await desk.run("check", "--shadow")).stdout, /In the last|Not proposed/, "nobody has asked for anything");
  const path = (path: string, methods: object, cookies = 0) => ({ host: "*", path, methods, cookies });
  const paths = [
    path("/products/*", { GET: 1_204 }),
    path("/orders", { GET: 30, POST: 1_012 }),
    path("/basket", { GET: 40 }, 31),
    path("/logout", { GET: 25 }),
  ];
  desk.inside.paths = { service: "shop", environment: "production", watchedMs: 26 * 3_600_000, paths };
  const { stdout, code } = await desk.run("check", "--shadow");
  assert.equal(code, 0);
  const told = stdout.slice(stdout.indexOf("In the last"));
  assert.equal(
    told,
    `In the last 26 hours GET, HEAD and OPTIONS came alone on these routes, and nothing declares them free of effects:
  */products: 1,204 requests (/products/*)
If they change nothing, add these lines to environments.production.routes:
      - { host: "*", path: /products, effects: writes }
Look for GETs that count or log a visit, send mail, log somebody out, redeem a link or rotate a token: a copy does it again. A line stands for everything below its path.
Not proposed:
  GET */basket: 31 answers to 40 requests set cookies, so it may open a session
  GET */orders: other methods come there, too (POST 1,012)
  GET */logout: by its name it does something
`,
  );
  const { observed } = JSON.parse((await desk.run("check", "--json")).stdout);
  assert.deepEqual([observed.watchedMs, observed.proposed.length, observed.doubted.length], [26 * 3_600_000, 1, 3]);
  await desk.stopServing();
  assert.equal(JSON.parse((await desk.run("check", "--json")).stdout).observed, null, "none runs");
});

test("check tells whoever plans no shadow one line of it, and whoever plans one all", async (t) => {
  const desk = await openDesk(t);
  const paths = [{ host: "*", path: "/products", methods: { GET: 40 }, cookies: 0 }];
  desk.inside.paths = { service: "shop", environment: "production", watchedMs: 3_600_000, paths };
  write(desk, "server.js", 'route("/healthz"); listen(process.env.PORT, process.env.HOST)');
  const plain = manifestOf("{ command: node server.js, health: /healthz }");
  const shadowLines = async (text: string, ...words: string[]) => {
    write(desk, "belay.yml", text);
    const { stdout } = await desk.run("check", ...words);
    return stdout.split("\n").filter((line) => /shadow|copied|effects|came alone/.test(line)).length;
  };
  assert.equal(await shadowLines(plain), 1);
  assert.match((await desk.run("check")).stdout, /`belay check --shadow`\.\n$/);
  assert.ok((await shadowLines(plain, "--shadow")) > 3);
  const declared = plain.replace("routes: [", "routes: [{ host: tea.test, effects: writes }, ");
  assert.equal(await shadowLines(declared), 1);
  assert.ok((await shadowLines(`${declared}rollout: { steps: [{ shadow: 20% }, { weight: 5% }] }\n`)) > 3);
  assert.equal(await shadowLines(plain.replace('"*" }', '"*", effects: writes }')), 0, "nothing is left to declare");
});
