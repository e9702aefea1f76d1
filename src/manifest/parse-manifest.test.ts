import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Manifest, ManifestProblem } from "./manifest.ts";
import { describeProblems, manifestBytesMax, parseManifest } from "./parse-manifest.ts";

const sixLines = `version: 1
service: shop
run: { command: node server.js, health: /healthz }
environments:
  production: { routes: [{ host: shop.example.com }] }
`;

const everything = `version: 1
service: shop
run:
  command: node server.js
  instances: 2
  health: /ready
  startTimeout: 5s
  drainTimeout: 250ms
  responseTimeout: 2s
  memory: 512MB
release: { build: npm ci --omit=dev, include: [server.js, "lib/**"], buildTimeout: 5m }
environments:
  staging: { routes: [{ host: staging.example.com, path: /shop/ }] }
  production: { routes: [{ host: "*" }] }
watch: ["../packages/shared/**"]
expose: all
slo: { availability: 99.95% }
rollout:
  steps: [{ weight: 5%, minHold: 2s }, { weight: 25%, minHold: 0 }, { weight: 50% }]
  maxHold: 2m
  harm: 2%
  onInconclusive: hold
  scoreWindow: 3s
  bake: 8s
  keepWarm: 10m
  lease: 2s
  warmUp: 10s
checks: { policy: { runbook: warn, secrets: { staging: off } }, waivers: [{ check: a, reason: b, by: c, until: 2026-12-31 }] }
windows: [{ days: [mon, thu], from: "09:00", to: "16:00", zone: Europe/Paris }]
freezes: [{ name: a, from: 2026-12-23T00:00:00+01:00, to: 2027-01-04T00:00:00Z, reason: b, environments: [staging] }]
`;

function manifestOf(text: string): Manifest {
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(parsed.ok, parsed.ok ? "" : describeProblems(parsed.problems));
  return parsed.manifest;
}

function problemsOf(text: string): readonly ManifestProblem[] {
  const parsed = parseManifest(text, "belay.yml");
  assert.ok(!parsed.ok, "the manifest was accepted");
  return parsed.problems;
}

test("tasks keep the order of the file, and say what is wrong with them", () => {
  const tasks = "tasks: { migrate: { command: npm run migrate, before: canary, timeout: 90s }, index: { command: ./index } }\n";
  assert.deepEqual(manifestOf(`${sixLines}${tasks}`).tasks, [
    { name: "migrate", command: "npm run migrate", timeoutMs: 90_000 },
    { name: "index", command: "./index", timeoutMs: 300_000 },
  ]);
  const [name, before] = problemsOf(`${sixLines}tasks: { 1st: { command: x }, migrate: { command: x, before: promotion } }\n`);
  assert.match(`${name?.message} ${name?.fix}`, /name of a task.*begins with a letter/);
  assert.match(`${before?.path} ${before?.fix}`, /tasks\.migrate\.before Write canary/);
});

test("six lines are a manifest, with every default filled in", () => {
  // Those of preflight have a test of their own, in checks.test.ts.
  const { checks: _, ...manifest } = manifestOf(sixLines);
  assert.deepEqual(manifest, {
    service: "shop",
    run: {
      command: "node server.js",
      instances: 1,
      health: "/healthz",
      startTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      memoryBytesMax: null,
    },
    release: { build: null, include: null, buildTimeoutMs: 900_000, secrets: [] },
    tasks: [],
    environments: {
      production: {
        routes: [{ host: "shop.example.com", path: "/" }],
        trustedProxies: [],
        calendar: null,
        config: {},
        after: null,
        approvals: null,
      },
    },
    config: {},
    processes: [],
    watch: [],
    assets: [],
    expose: "previews",
    ...{ owners: [], dependants: [] },
    risk: { medium: 3, high: 6 },
    brief: "risk",
    shadow: null,
    plan: {
      steps: null,
      holdbackWeight: 9_500,
      harm: 0.002,
      maxHoldMs: 3_600_000,
      onInconclusive: null,
      scoreWindowMs: 10_000,
      bakeMs: 1_800_000,
      keepWarmMs: 3_600_000,
      sloAvailability: 0.999,
      errorBudget: { windowMs: 2_419_200_000, onExhausted: "warn" },
      responseDeadlineMs: 30_000,
      leaseTtlMs: 10_000,
      warmUpMs: 30_000,
    },
  });
});

test("every key is read in its unit", () => {
  const manifest = manifestOf(everything);
  assert.deepEqual(manifest.run, {
    command: "node server.js",
    instances: 2,
    health: "/ready",
    startTimeoutMs: 5_000,
    drainTimeoutMs: 250,
    memoryBytesMax: 512_000_000,
  });
  assert.deepEqual(manifest.release, {
    build: "npm ci --omit=dev",
    include: ["server.js", "lib/**"],
    buildTimeoutMs: 300_000,
    secrets: [],
  });
  assert.deepEqual(manifest.environments["staging"]?.routes, [{ host: "staging.example.com", path: "/shop" }]);
  assert.deepEqual(manifest.watch, ["../packages/shared/**"]);
  assert.deepEqual(manifest.plan, {
    steps: [
      { weight: 500, minHoldMs: 2_000 },
      { weight: 2_500, minHoldMs: 0 },
      { weight: 5_000, minHoldMs: 60_000 },
    ],
    holdbackWeight: 9_500,
    harm: 0.02,
    maxHoldMs: 120_000,
    onInconclusive: "hold",
    scoreWindowMs: 3_000,
    bakeMs: 8_000,
    keepWarmMs: 600_000,
    sloAvailability: 0.9995,
    errorBudget: { windowMs: 2_419_200_000, onExhausted: "hold" },
    responseDeadlineMs: 2_000,
    leaseTtlMs: 2_000,
    warmUpMs: 10_000,
  });
  assert.equal(manifest.expose, "all");
});

test("a byte order mark and Windows line ends change nothing", () => {
  assert.deepEqual(manifestOf(`\uFEFF${sixLines.replaceAll("\n", "\r\n")}`), manifestOf(sixLines));
});

const line = (text: string) => sixLines + text;
const table: readonly { readonly text: string; readonly at: string; readonly message: RegExp; readonly fix: RegExp }[] = [
  { text: "", at: "1:1", message: /empty/, fix: /version, service, run/ },
  { text: "# only a comment\n", at: "1:1", message: /empty/, fix: /version/ },
  { text: "- a list", at: "1:1", message: /found a list where a map of keys is expected/, fix: /version: 1/ },
  { text: "just words", at: "1:1", message: /found "just words"/, fix: /map of keys/ },
  { text: "a: [1", at: "1:6", message: /not valid YAML/, fix: /quotes/ },
  { text: "\ta: 1", at: "1:1", message: /Tabs/, fix: /two spaces/ },
  { text: line("---\na: 1\n"), at: "6:1", message: /second document/, fix: /one document/ },
  { text: line("service: other\n"), at: "6:1", message: /written twice/, fix: /one of the two/ },
  { text: line("expos: all\n"), at: "6:1", message: /not known/, fix: /Did you mean expose\?/ },
  { text: line("weather: []\n"), at: "6:1", message: /not known to this version/, fix: /keys known here are version, service/ },
  {
    text: sixLines.replace("command: node server.js, ", ""),
    at: "3:6",
    message: /missing/,
    fix: /command: node server.js in run/,
  },
  { text: sixLines.replace("service: shop\n", ""), at: "1:1", message: /missing/, fix: /service: shop at the top level/ },
  {
    text: sixLines.replace("version: 1", "version: 2"),
    at: "1:10",
    message: /found 2 where the number 1/,
    fix: /Write the number 1\.$/,
  },
  {
    text: sixLines.replace("service: shop", "service: The_Shop"),
    at: "2:10",
    message: /found "The_Shop"/,
    fix: /a-z, 0-9 and -/,
  },
  { text: sixLines.replace("service: shop", "service: 12"), at: "2:10", message: /found 12/, fix: /such as shop/ },
  {
    text: sixLines.replace("production:", "Production:"),
    at: "5:3",
    message: /cannot be the name of an environment/,
    fix: /production/,
  },
  {
    text: sixLines.replace("shop.example.com", "Shop.Example.com:80"),
    at: "5:34",
    message: /host name in lower case without port/,
    fix: /shop.example.com/,
  },
  {
    text: sixLines.replace("[{ host: shop.example.com }]", "[]"),
    at: "5:25",
    message: /the list is empty/,
    fix: /host: shop.example.com/,
  },
  { text: line("rollout:\n"), at: "6:9", message: /found nothing where a map/, fix: /bake: 30m/ },
  { text: line("rollout: { bake: 5 min }\n"), at: "6:18", message: /found "5 min" where a duration/, fix: /such as 30m/ },
  { text: line("rollout: { bake: 5 }\n"), at: "6:18", message: /found 5 where a duration/, fix: /ms, s, m or h/ },
  { text: line("rollout:\n  lease: 1s\n"), at: "7:10", message: /"1s" is too short: at least 2s/, fix: /10s/ },
  { text: line("rollout: { harm: 60% }\n"), at: "6:18", message: /outside of more than 0% to 50%/, fix: /0.2%/ },
  { text: line("rollout: { harm: 0% }\n"), at: "6:18", message: /outside/, fix: /0.2%/ },
  { text: line("rollout: { steps: [{ weight: 0% }] }\n"), at: "6:30", message: /outside of 0.01% to 95%/, fix: /5%/ },
  { text: line("rollout: { steps: [{ weight: 96%, minHold: 1s }] }\n"), at: "6:30", message: /outside/, fix: /5%/ },
  { text: line("rollout: { steps: [{ weight: 5 }] }\n"), at: "6:30", message: /percentage with its sign/, fix: /5%/ },
  {
    text: line("rollout:\n  steps:\n    - weight: 5%\n    - weight: 5%\n"),
    at: "9:15",
    message: /does not rise/,
    fix: /rising order/,
  },
  {
    text: line("rollout: { maxHold: 2s, steps: [{ weight: 5%, minHold: 3s }] }\n"),
    at: "6:56",
    message: /longer than maxHold 2s/,
    fix: /shorter minHold/,
  },
  { text: line("rollout: { onInconclusive: maybe }\n"), at: "6:28", message: /continue, hold or rollback/, fix: /hold/ },
  { text: line("slo: { availability: 100% }\n"), at: "6:22", message: /outside/, fix: /99.9%/ },
  {
    text: line("  staging: { routes: [{ host: shop.example.com, path: / }] }\n"),
    at: "6:23",
    message: /already claimed by environments.production/,
    fix: /another/,
  },
  { text: line("watch: [/etc]\n"), at: "6:9", message: /glob relative to this folder/, fix: /packages/ },
  { text: line("release: { include: [../secrets] }\n"), at: "6:22", message: /glob inside the repository/, fix: /lib/ },
  {
    text: sixLines.replace("/healthz }", "/healthz, memory: 1MB }"),
    at: "3:59",
    message: /too small: at least 16MB/,
    fix: /512MB/,
  },
  { text: sixLines.replace("/healthz }", "/healthz, instances: 0 }"), at: "3:62", message: /0 is too few/, fix: /whole number/ },
  { text: "a: &a 1\nb: *a\n", at: "2:4", message: /alias \*a is not allowed/, fix: /value out/ },
  { text: "a: !!binary aGk=\n", at: "1:13", message: /tag/, fix: /without a tag/ },
  { text: "__proto__: 1\n", at: "1:1", message: /cannot be a key/, fix: /letters/ },
];

for (const { text, at, message, fix } of table) {
  test(`the problem of ${JSON.stringify(text.slice(-60))} is shown at ${at}`, () => {
    const problems = problemsOf(text);
    const found = problems.find((problem) => message.test(problem.message));
    assert.ok(found, describeProblems(problems));
    assert.equal(`${found.line}:${found.column}`, at);
    assert.match(found.fix, fix);
    assert.equal(found.file, "belay.yml");
  });
}

test("all problems are told at once, in the order of the file", () => {
  const problems = problemsOf(
    "version: 1\nservce: x\nrun: { comand: x }\nenvironments: {}\nrollout: { steps: [{ weight: 9% }, { weight: 5% }], bake: long }\n",
  );
  const paths = problems.map(({ path }) => path);
  assert.deepEqual(paths, [
    "service",
    "servce",
    "run.command",
    "run.comand",
    "environments",
    "rollout.steps[1].weight",
    "rollout.bake",
  ]);
});

test("a description names file, line, column and what to write", () => {
  assert.equal(
    describeProblems(problemsOf(line("rollout: { bake: soon }\n"))),
    'belay.yml:6:18 rollout.bake: found "soon" where a duration in ms, s, m or h is expected\n    Write a duration in ms, s, m or h, such as 30m.',
  );
});

test("hostile text reaches no terminal", () => {
  const described = describeProblems(problemsOf('"a\\e[31m\\u202e": 1\nservice: "\\e]0;x\\a"\n'));
  assert.doesNotMatch(described.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
});

test("a file above the size limit is refused unread", () => {
  assert.match(problemsOf("a".repeat(manifestBytesMax + 1))[0]?.message ?? "", /larger than/);
});

test("nesting and aliases that would blow up the parser are refused", () => {
  const deep = ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(60_000), "? ".repeat(100_000)];
  for (const text of deep) assert.match(problemsOf(text)[0]?.message ?? "", /nested deeper/);
  const bomb = `a: &a [x, x]\n${Array.from({ length: 60 }, (_, index) => `b${index}: [*a, *a]`).join("\n")}`;
  assert.match(problemsOf(bomb)[0]?.message ?? "", /alias/);
});

test("property: any text is answered, never thrown at", () => {
  const fragment = fc.constantFrom(
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "? ",
    "&a ",
    "*a ",
    "!!str ",
    "|\n",
    ">-\n",
    "'",
    '"',
    "#",
    "%",
    "\n",
    "  ",
    "\t",
    ",",
    "---\n",
    "run",
    "1",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join("")),
      ),
      (text) => {
        const parsed = parseManifest(text, "belay.yml");
        assert.ok(parsed.ok || parsed.problems.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});

test("property: a mutated manifest is accepted or its problems point into the file and say what to do", () => {
  const mutation = fc.record({ at: fc.nat(everything.length), drop: fc.nat(20), insert: fc.string({ maxLength: 8 }) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const text = mutations.reduce((all, { at, drop, insert }) => all.slice(0, at) + insert + all.slice(at + drop), everything);
      const parsed = parseManifest(text, "belay.yml");
      if (parsed.ok) return;
      const lines = text.split("\n");
      for (const problem of parsed.problems) {
        assert.ok(problem.line >= 1 && problem.line <= lines.length, describeProblems(parsed.problems));
        assert.ok(
          problem.column >= 1 && problem.column <= (lines[problem.line - 1]?.length ?? 0) + 1,
          describeProblems(parsed.problems),
        );
        assert.notEqual(problem.message, "");
        assert.match(problem.fix, /[.?]$/);
      }
    }),
    { numRuns: 500 },
  );
});

test("property: a value of the wrong type anywhere is a problem at that path", () => {
  const paths =
    "service run run.command run.instances environments rollout rollout.steps rollout.bake slo release expose checks checks.tests checks.custom windows freezes".split(
      " ",
    );
  const wrong = fc.constantFrom("[[1]]", "{ zz: 1 }", "true", "1.5", "~", '""', '"\\0"');
  fc.assert(
    fc.property(fc.constantFrom(...paths), wrong, (path, value) => {
      const keys = path.split(".");
      const text = keys.map((key, depth) => `${"  ".repeat(depth)}${key}:`).join("\n");
      const problems = problemsOf(`${text} ${value}\n`);
      assert.ok(
        problems.some((problem) => problem.path.startsWith(path) && problem.line >= keys.length),
        describeProblems(problems),
      );
    }),
  );
});
