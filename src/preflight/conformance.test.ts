import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { type TestContext, test } from "node:test";
import type { CheckResult } from "../rollout/check-result.ts";
import { json, petstore, rex, serve } from "./api-service.fixture.ts";
import { conformance } from "./conformance.ts";
import { resultOf } from "./subject.fixture.ts";

const pets = (answers: Readonly<Record<string, RequestListener>>): RequestListener => {
  const known: Readonly<Record<string, RequestListener>> = {
    "/v1/pets?limit=10": json([rex]),
    "/v1/pets/rex%201": json(rex),
    ...answers,
  };
  return (request, response) => (known[request.url ?? ""] ?? json({}, 404))(request, response);
};

interface Asked {
  readonly answers?: Readonly<Record<string, RequestListener>> | undefined;
  readonly document?: string;
  readonly more?: string;
}

async function ask(t: TestContext, { answers = {}, document = petstore, more = "" }: Asked): Promise<CheckResult> {
  const { port } = await serve(t, pets(answers));
  const checks = `{ api: { openapi: openapi.yaml }${more} }`;
  return resultOf(t, conformance, { checks, files: { "openapi.yaml": document }, running: port, environment: "staging" });
}

/** `rule: message` of each finding. */
function words({ findings }: CheckResult): readonly string[] {
  return findings.map(({ rule, message }) => `${rule}: ${message}`);
}

test("a release that answers as its document says passes, and what was not asked is named", async (t) => {
  const result = await ask(t, {});
  assert.deepEqual(words(result), []);
  assert.equal(result.status, "pass");
  assert.equal(result.summary, "2 operations asked, 1 not covered: POST /pets has effects");
});

for (const [what, answers, expected] of [
  [
    "a field of another type",
    { "/v1/pets/rex%201": json({ ...rex, id: "1" }) },
    "body: GET /pets/{petId}: in 200: /id must be integer",
  ],
  [
    "a bound of the old dialect",
    { "/v1/pets/rex%201": json({ ...rex, id: 0 }) },
    "body: GET /pets/{petId}: in 200: /id must be > 0",
  ],
  [
    "a field that is missing deep inside",
    { "/v1/pets?limit=10": json([{ ...rex, mother: { id: 3 } }]) },
    "body: GET /pets: in 200: /0/mother must have required property 'name'",
  ],
  [
    "a format",
    { "/v1/pets/rex%201": json({ ...rex, born: "yesterday" }) },
    'body: GET /pets/{petId}: in 200: /born must match format "date-time"',
  ],
  [
    "a status",
    { "/v1/pets/rex%201": json({}, 418) },
    "undeclared-status: GET /pets/{petId}: 418 was answered, and the document knows 200, 404",
  ],
  [
    "a content type",
    {
      "/v1/pets?limit=10": (_: unknown, response: Parameters<RequestListener>[1]) =>
        response.setHeader("content-type", "text/html").end("<p>"),
    },
    "undeclared-type: GET /pets: 200 came as text/html, and the document knows application/json",
  ],
  [
    "what is no JSON",
    {
      "/v1/pets?limit=10": (_: unknown, response: Parameters<RequestListener>[1]) =>
        response.setHeader("content-type", "application/json").end("["),
    },
    "no-json: GET /pets: 200 came as application/json and is no JSON",
  ],
] as const) {
  test(`an answer with ${what} that the document does not know fails, with the operation's line`, async (t) => {
    const result = await ask(t, { answers: answers as Asked["answers"] });
    assert.deepEqual(words(result).slice(0, 1), [expected]);
    assert.deepEqual([result.status, result.blocks], ["fail", true]);
    assert.deepEqual([result.findings[0]?.file, (result.findings[0]?.line ?? 0) > 4], ["openapi.yaml", true]);
  });
}

test("a failure of the server fails although the document knows it, and one of the client's is told as not covered", async (t) => {
  const document = petstore.replace('"404"', '"503": { description: busy }\n        "404"');
  const busy = await ask(t, { document, answers: { "/v1/pets/rex%201": (_, response) => response.writeHead(503).end() } });
  assert.deepEqual(words(busy), ["server-error: GET /pets/{petId}: 503 was answered"]);
  const gone = await ask(t, { answers: { "/v1/pets/rex%201": (_, response) => response.writeHead(404).end() } });
  assert.equal(gone.status, "warn");
  assert.match(words(gone).join(), /not-covered: GET \/pets\/\{petId\}: 404 was answered, so that/);
});

test("what is known by default alone is told", async (t) => {
  const result = await ask(t, { document: petstore.replaceAll('"200"', "default") });
  assert.equal(result.status, "warn");
  assert.match(words(result).join(), /only-default: GET \/pets: 200 is known by `default` alone/);
});

test("an operation without a value for a parameter is not asked, and told; one that needs credentials or is left out is counted", async (t) => {
  const document = petstore
    .replace(", example: rex 1", "")
    .replace(
      "  /pets/{petId}:",
      `  /me:\n    get: { security: [{ key: [] }], responses: { "200": { description: me } } }\n  /export:\n    get: { responses: { "200": { description: all } } }\n  /pets/{petId}:`,
    );
  const { port, asked } = await serve(t, pets({}));
  const checks = `{ api: { openapi: openapi.yaml, skip: [GET /export, GET /gone] } }`;
  const result = await resultOf(t, conformance, {
    checks,
    files: { "openapi.yaml": document },
    running: port,
    environment: "staging",
  });
  assert.deepEqual(asked, ["GET /v1/pets?limit=10"]);
  assert.deepEqual(words(result), [
    "unknown-operation: checks.api.skip names GET /gone, which the document does not have",
    "not-covered: GET /pets/{petId} was not asked: it has no value for the parameter petId (path)",
  ]);
  assert.equal(result.status, "warn");
  assert.match(
    result.summary,
    /4 not covered: POST \/pets has effects, GET \/me needs credentials, GET \/export is left out by checks\.api\.skip/,
  );
});

test("a document of which nothing can be asked, none, and one that cannot be read are no pass", async (t) => {
  const nothing = await ask(t, { document: petstore.replaceAll("get:", "put:") });
  assert.equal(nothing.status, "error");
  assert.match(words(nothing).join(), /there was nothing to look at \(0 operations asked\)/);
  assert.equal((await ask(t, { document: "openapi: 3.2.0" })).status, "error");
  const none = await resultOf(t, conformance, { checks: "{ api: { openapi: gone.yaml } }", running: 1, environment: "staging" });
  assert.equal(none.status, "error");
});

test("what is waived goes on, and says who accepted it", async (t) => {
  const more = ", waivers: [{ check: conformance, rule: body, reason: the clients know, by: ann, until: 2099-12-31 }]";
  const result = await ask(t, { more, answers: { "/v1/pets/rex%201": json({ ...rex, id: "1" }) } });
  assert.deepEqual([result.status, result.blocks, result.findings[0]?.waived?.by], ["pass", false, "ann"]);
});

// Goal: whatever an instance sends, the check ends with a finding, soon.
for (const [what, answer, rule] of [
  ["a pattern without an end", json({ ...rex, name: `${"a".repeat(40)}!` }), "unchecked"],
  [
    "a body that nests without an end",
    (_: unknown, response: Parameters<RequestListener>[1]) =>
      response
        .setHeader("content-type", "application/json")
        .end(['{"id":1,"name":"x","mother":'.repeat(50_000), "1", "}".repeat(50_000)].join("")),
    "unchecked",
  ],
  [
    "more than anybody reads",
    (_: unknown, response: Parameters<RequestListener>[1]) =>
      response.setHeader("content-type", "application/json").end(Buffer.alloc(5 * 1024 * 1024, " ")),
    "unchecked",
  ],
  ["a closed connection", (request: Parameters<RequestListener>[0]) => request.socket.destroy(), "no-answer"],
  ["no HTTP", (request: Parameters<RequestListener>[0]) => request.socket.end("hello\r\n\r\n"), "no-answer"],
  [
    "half of its body",
    (_: unknown, response: Parameters<RequestListener>[1]) =>
      response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy()),
    "no-answer",
  ],
  [
    "the name of a built-in property",
    json(JSON.parse('{"__proto__":{"id":1},"constructor":1,"id":1,"name":"x","tag":"toString"}')),
    "body",
  ],
] as const) {
  test(`an instance that answers with ${what} ends in a finding`, async (t) => {
    const document = petstore.replace("name: { type: string }", 'name: { type: string, pattern: "^(a+)+$|^[A-Zx]" }');
    const result = await ask(t, { document, answers: { "/v1/pets/rex%201": answer as RequestListener } });
    assert.deepEqual(
      result.findings.map((finding) => finding.rule),
      [rule],
      JSON.stringify(words(result)),
    );
    assert.ok(result.evidence.durationMs < 8_000);
  });
}

test("OpenAPI 3.1: types in lists, constants, and a reference with something beside it", async (t) => {
  const document = petstore
    .replace("3.0.3", "3.1.0")
    .replace(", minimum: 0, exclusiveMinimum: true", ", exclusiveMinimum: 0")
    .replace("{ type: string, nullable: true, enum: [cat, dog] }", '{ type: [string, "null"], enum: [cat, dog, null] }')
    .replace('mother: { $ref: "#/components/schemas/Pet" }', 'mother: { $ref: "#/components/schemas/Pet", required: [born] }');
  assert.equal((await ask(t, { document })).status, "pass");
  const young = await ask(t, { document, answers: { "/v1/pets/rex%201": json({ ...rex, mother: { id: 2, name: "Bella" } }) } });
  assert.match(words(young).join(), /\/mother must have required property 'born'/);
});

test("a schema that cannot be read is an error, and what else was asked counts", async (t) => {
  const result = await ask(t, { document: petstore.replace("Pets: { type: array", "Pets: { type: lots") });
  assert.equal(result.status, "error");
  assert.match(words(result).join(), /unchecked: GET \/pets: .* could not be held against its schema/);
});
