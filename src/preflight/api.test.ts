import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { api } from "./api.ts";
import { resultOf } from "./subject.fixture.ts";

const checks = "{ api: { openapi: openapi.yaml } }";

/** In the shape of the specification's own pet store (OAI/OpenAPI-Specification, examples/v3.0/petstore.yaml), shortened. */
const petstore = `openapi: 3.0.0
info: { version: 1.0.0, title: Swagger Petstore }
paths:
  /pets:
    get:
      parameters:
        - { name: limit, in: query, schema: { type: integer, maximum: 100 } }
      responses:
        "200": { description: pets, content: { application/json: { schema: { $ref: "#/components/schemas/Pets" } } } }
        default: { description: failure }
    post:
      requestBody:
        content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } }
      responses: { "201": { description: made } }
  /pets/{petId}:
    get:
      parameters:
        - { name: petId, in: path, required: true, schema: { type: string } }
      responses:
        "200": { description: pet, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } } }
components:
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: { type: integer }
        name: { type: string }
        tag: { type: string, enum: [cat, dog] }
        mother: { $ref: "#/components/schemas/Pet" }
    Pets: { type: array, items: { $ref: "#/components/schemas/Pet" } }
`;

type Told = readonly (readonly [level: string, rule: string, message: string])[];

async function compare(t: Parameters<typeof resultOf>[0], before: string, after: string): Promise<Told> {
  const previous = { sources: { "openapi.yaml": before } };
  const { findings } = await resultOf(t, api, { checks, files: { "openapi.yaml": after }, previous });
  return findings.map(({ level, rule, message }) => [level, rule, message]);
}

test("a document that is as it was, or only says more, is a pass that says what it was compared with", async (t) => {
  const more = petstore
    .replace("    Pets:", "    Owner: { type: object }\n    Pets:")
    .replace("tag: {", "age: { type: integer }\n        tag: {")
    .replace("{petId}", "{id}")
    .replace("name: petId", "name: id");
  const previous = { sources: { "openapi.yaml": petstore } };
  const result = await resultOf(t, api, { checks, files: { "openapi.yaml": more }, previous });
  assert.deepEqual(
    [result.status, result.summary],
    ["pass", "3 operations, compared with 3 of b1"],
    JSON.stringify(result.findings),
  );
});

test("Belay's own document, as its generator writes it, is compatible with itself and not with one that lacks an answer's field", async (t) => {
  const own = readFileSync(join(import.meta.dirname, "../../docs/reference/api.json"), "utf8");
  assert.deepEqual(await compare(t, own, own), []);
  const lacking = own.replaceAll('"requestsLastMinute"', '"requestsInAMinute"');
  assert.notEqual(own, lacking);
  const told = await compare(t, own, lacking);
  assert.ok(
    told.some(([level, rule]) => level === "fail" && rule === "narrowed-response"),
    JSON.stringify(told),
  );
});

const breaks: readonly (readonly [change: (text: string) => string, told: Told])[] = [
  [
    (text) => text.replace("/pets/{petId}:", "/animals/{petId}:"),
    [["fail", "removed-path", "GET /pets/{petId} is there no more"]],
  ],
  [(text) => text.replace("    post:", "    put:"), [["fail", "removed-operation", "POST /pets is there no more"]]],
  [
    (text) => text.replace("maximum: 100", "maximum: 10"),
    [["fail", "narrowed-parameter", "GET /pets: parameter limit (query): has maximum 10 now"]],
  ],
  [
    (text) => text.replace("type: integer, maximum: 100 }", "type: string, maximum: 100 }"),
    [["fail", "narrowed-parameter", "GET /pets: parameter limit (query): was integer and is string"]],
  ],
  [
    (text) => text.replace("in: query,", "in: query, required: true,"),
    [["fail", "required-parameter", "GET /pets: parameter limit (query) is required now"]],
  ],
  [
    (text) => text.replace("name: limit", "name: max"),
    [["warn", "removed-parameter", "GET /pets: parameter limit (query) is there no more"]],
  ],
  [
    (text) => text.replace("required: [id, name]", "required: [id, name, tag]"),
    [["fail", "narrowed-request", "POST /pets: the request: tag is required now"]],
  ],
  [
    (text) => text.replace("requestBody:", "requestBody:\n        required: true"),
    [["fail", "narrowed-request", "POST /pets: a request body is required now"]],
  ],
  [
    (text) => text.replace("        name: { type: string }\n", "").replace("[id, name]", "[id]"),
    [
      ["fail", "narrowed-response", "GET /pets: in 200: [].name is there no more"],
      ["fail", "narrowed-response", "GET /pets/{petId}: in 200: name is there no more"],
    ],
  ],
  [
    (text) => text.replace("required: [id, name]", "required: [id]"),
    [
      ["fail", "narrowed-response", "GET /pets: in 200: [].name is no longer always there"],
      ["fail", "narrowed-response", "GET /pets/{petId}: in 200: name is no longer always there"],
    ],
  ],
  [(text) => text.replace('"201"', '"202"'), [["fail", "removed-response", "POST /pets: 201 is answered no more"]]],
  [
    (text) => text.replace("enum: [cat, dog]", "enum: [cat, dog, bird]"),
    [
      ["warn", "narrowed-response", 'GET /pets: in 200: [].tag can be "bird" now, which clients may not know'],
      ["warn", "narrowed-response", 'GET /pets/{petId}: in 200: tag can be "bird" now, which clients may not know'],
    ],
  ],
  [
    (text) => text.replace("enum: [cat, dog]", "enum: [cat]"),
    [["fail", "narrowed-request", 'POST /pets: the request: tag takes "dog" no more']],
  ],
];
for (const [change, told] of breaks)
  test(`what breaks clients: ${told[0]?.[2]}`, async (t) => {
    assert.notEqual(change(petstore), petstore);
    assert.deepEqual(await compare(t, petstore, change(petstore)), told);
  });

test("a finding names the line of its operation, and a waiver accepts its rule", async (t) => {
  const previous = { sources: { "openapi.yaml": petstore } };
  const files = { "openapi.yaml": petstore.replace("in: query,", "in: query, required: true,") };
  const result = await resultOf(t, api, { checks, files, previous });
  assert.deepEqual([result.status, result.findings[0]?.file, result.findings[0]?.line], ["fail", "openapi.yaml", 6]);
  const waivers = "waivers: [{ check: api, rule: required-parameter, reason: nobody calls it, by: ann, until: 2099-12-31 }]";
  const waived = await resultOf(t, api, { checks: `{ api: { openapi: openapi.yaml }, ${waivers} }`, files, previous });
  assert.equal(waived.status, "pass");
});

test("what cannot be read or compared is an error; without one to compare with it says so", async (t) => {
  const of = (text: string, previous?: { readonly sources?: Record<string, string>; readSource?: () => Promise<null> }) =>
    resultOf(t, api, { checks, files: { "openapi.yaml": text }, ...(previous === undefined ? {} : { previous }) });
  for (const text of ["swagger: '2.0'", "openapi: 3.2.0", "a: [", "- 1", "openapi: 3.0.0\npaths: {}"])
    assert.equal((await of(text)).status, "error", text);
  assert.equal((await resultOf(t, api, { checks })).status, "error");
  assert.equal((await of(petstore, { readSource: async () => null })).status, "error");
  assert.match((await of(petstore)).summary, /3 operations, nothing serves yet/);
  assert.match((await of(petstore, { sources: {} })).summary, /b1 had no such document/);
  assert.equal((await resultOf(t, api, { files: { "openapi.yaml": petstore } })).status, "skipped");
  // Only this release can mend the one that serves, so that it is told and does not stop it; and it is no pass.
  const broken = await of(petstore, { sources: { "openapi.yaml": "a: [" } });
  assert.equal(broken.status, "warn");
  assert.match(
    broken.findings[0]?.message ?? "",
    /nothing was compared: the openapi\.yaml of b1, which serves now, cannot be read/,
  );
});

test("aliases that would grow without end, and schemas that hold themselves, come to an end", async (t) => {
  const bomb = `openapi: 3.0.0\na: &a [1,1,1,1,1,1,1,1,1]\n${["b", "c", "d", "e", "f"].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcde"[index]}`).join(", ")}]`).join("\n")}\npaths: {}\n`;
  const result = await resultOf(t, api, { checks, files: { "openapi.yaml": bomb } });
  assert.equal(result.status, "error");
  const loop = petstore.replace(
    'Pets: { type: array, items: { $ref: "#/components/schemas/Pet" } }',
    'Pets: { $ref: "#/components/schemas/Pets" }',
  );
  assert.deepEqual(await compare(t, loop, loop), []);
  const twice = '{ allOf: [{ $ref: "#/components/schemas/Pets" }, { $ref: "#/components/schemas/Pets" }] }';
  const doubled = petstore.replace('{ type: array, items: { $ref: "#/components/schemas/Pet" } }', twice);
  assert.deepEqual(await compare(t, doubled, doubled), []);
  for (const text of [`${petstore}x-own: &own { inside: *own }\n`, `${petstore}x-own: *nothing\n`])
    assert.equal((await resultOf(t, api, { checks, files: { "openapi.yaml": text } })).status, "error", text.slice(-30));
  const odd = petstore.replace("#/components/schemas/Pets", "#/components/%zz");
  assert.deepEqual(await compare(t, odd, odd), []);
});
