import assert from "node:assert/strict";
import { test } from "node:test";
import { describeApi } from "./api-page.ts";

/** The rows of the page for one operation. */
function rowsOf(path: string, method: string, operation: object): readonly string[] {
  const page = describeApi({ paths: { [path]: { [method]: operation } } });
  return page.slice(page.indexOf("| --- |")).trimEnd().split("\n").slice(1);
}

test("a route is shown with what it takes and what it answers, failures left to the page of codes", () => {
  const operation = {
    summary: "Starts one.",
    parameters: [
      { name: "service", in: "path", required: true },
      { name: "limit", in: "query" },
    ],
    requestBody: {
      content: { "application/json": { schema: { properties: { reason: {}, target: {} }, required: ["reason"] } } },
    },
    responses: {
      202: { content: { "application/json": { schema: { $ref: "#/components/schemas/Rollout" } } } },
      default: { content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
    },
  };
  assert.deepEqual(rowsOf("/services/{service}/abort", "post", operation), [
    "| `POST /services/{service}/abort` | query `limit` (optional), `{ reason, target? }` | 202 Rollout | Starts one. |",
  ]);
});

test("lists are shown by what they hold, other types by their name, and nothing by nothing", () => {
  const schema = { properties: { entries: { items: { $ref: "#/components/schemas/Entry" } } }, required: ["entries"] };
  const lists = { responses: { 200: { content: { "application/json": { schema } } } } };
  assert.deepEqual(rowsOf("/entries", "get", lists), ["| `GET /entries` |  | 200 `{ entries: Entry[] }` |  |"]);
  const text = { responses: { 200: { content: { "text/plain": { schema: { type: "string" } } } } } };
  assert.deepEqual(rowsOf("/logs", "get", text), ["| `GET /logs` |  | 200 `text/plain` |  |"]);
  const empty = { requestBody: { content: { "application/json": { schema: { properties: {} } } } }, responses: { 204: {} } };
  assert.deepEqual(rowsOf("/resume", "post", empty), ["| `POST /resume` | `{}` | 204 |  |"]);
});
