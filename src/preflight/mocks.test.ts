import assert from "node:assert/strict";
import { test } from "node:test";
import { petstore, rex } from "./api-service.fixture.ts";
import { mocks } from "./mocks.ts";
import { type Given, resultOf, toldOf } from "./subject.fixture.ts";

const checks = '{ api: { openapi: openapi.yaml, mocks: ["mocks/**"] } }';

function given(files: Readonly<Record<string, unknown>>, own: Given = {}): Given {
  const texts = Object.entries(files).map(([name, content]) => [
    `mocks/${name}`,
    typeof content === "string" ? content : JSON.stringify(content),
  ]);
  return { checks, ...own, files: { "openapi.yaml": petstore, ...Object.fromEntries(texts) } };
}

/** A collection in the form of Postman's schema 2.1, with saved examples as its "Save response" writes them. */
function collection(examples: readonly Readonly<Record<string, unknown>>[]) {
  const request = { method: "GET", url: { raw: "{{baseUrl}}/v1/pets/rex", host: ["{{baseUrl}}"], path: ["v1", "pets", "rex"] } };
  const response = examples.map((example) => ({ name: "one", originalRequest: request, ...example }));
  return {
    info: { name: "Pets", schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
    item: [{ name: "reading", item: [{ name: "a pet", request, response }] }],
  };
}

const header = [{ key: "Content-Type", value: "application/json; charset=utf-8" }];

test("recordings that are as the document says pass, by operationId, by method and path, and as saved examples", async (t) => {
  const files = {
    "listPets.json": [rex],
    "get-pets-petId.200.json": rex,
    "pets.postman.json": collection([
      { code: 200, header, body: JSON.stringify(rex) },
      { code: 404, header: [], body: "" },
    ]),
  };
  const result = await resultOf(t, mocks, given(files));
  assert.deepEqual([result.status, result.summary], ["pass", "4 recorded answers, of 3 files"], JSON.stringify(result.findings));
});

test("a recording that the service would not answer so fails, by its file", async (t) => {
  const files = {
    "getPet.json": { ...rex, name: 7 },
    "getPet.500.json": {},
    "getDog.json": rex,
    "pets.postman.json": collection([{ code: 200, header, body: JSON.stringify({ id: 1 }) }]),
  };
  const result = await resultOf(t, mocks, given(files));
  assert.deepEqual([result.status, result.blocks], ["fail", true]);
  assert.deepEqual(toldOf(result).toSorted(), [
    "mocks/getDog.json unknown-operation",
    "mocks/getPet.500.json undeclared-status",
    "mocks/getPet.json body",
    "mocks/pets.postman.json body",
  ]);
  const saved = result.findings.find(({ file }) => file === "mocks/pets.postman.json");
  assert.equal(saved?.message, "GET /pets/{petId} (a pet / one): in 200: the body must have required property 'name'");
});

test("a recording of a request that the document does not have fails", async (t) => {
  const other = { originalRequest: { method: "DELETE", url: "{{baseUrl}}/v1/pets/rex?now=1" }, code: 204, body: "" };
  const result = await resultOf(t, mocks, given({ "pets.json": collection([other]) }));
  assert.deepEqual(toldOf(result), ["mocks/pets.json unknown-operation"]);
});

test("no file, no document and no JSON are no pass", async (t) => {
  const none = await resultOf(t, mocks, given({}));
  assert.deepEqual([none.status, none.blocks], ["error", true]);
  assert.match(none.summary, /mocks\/\*\* names no file/);
  const broken = await resultOf(t, mocks, given({ "getPet.json": "{", "listPets.json": [rex] }));
  assert.deepEqual([broken.status, toldOf(broken)[0]], ["error", "mocks/getPet.json unchecked"]);
  const empty = await resultOf(t, mocks, given({ "pets.json": collection([]) }));
  assert.equal(empty.status, "error", "a collection without examples records nothing");
  const without = await resultOf(t, mocks, { ...given({}), files: { "mocks/getPet.json": "{}" } });
  assert.match(without.summary, /there is no openapi\.yaml/);
});

test("a waived recording is shown as waived", async (t) => {
  const own = {
    checks: checks.replace(
      " } }",
      ' }, waivers: [{ check: mocks, file: "mocks/getDog.json", reason: dogs come next week, by: ann, until: 2099-12-31 }] }',
    ),
  };
  const result = await resultOf(t, mocks, given({ "getDog.json": rex }, own));
  assert.deepEqual([result.status, result.findings[0]?.waived?.by], ["pass", "ann"]);
});

test("without a word of mocks nothing is looked at", async (t) => {
  const result = await resultOf(t, mocks, { checks: "{ api: { openapi: openapi.yaml } }", files: { "openapi.yaml": petstore } });
  assert.equal(result.status, "skipped");
});
