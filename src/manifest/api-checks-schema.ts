import * as z from "zod";
import { glob, globs, run, timeout } from "./check-leaves.ts";
import type { ApiChecks } from "./checks.ts";
import { text } from "./leaves.ts";

const operationForm = /^(GET|HEAD) \/[^\s\0]{0,500}$/;

const postman = z.strictObject({
  run: run(
    "Runs the collection in the folder of the commit, against the address in $BELAY_BASE_URL, and writes newman's JSON report to $BELAY_REPORT.",
    'npx newman run shop.postman.json --env-var "baseUrl=$BELAY_BASE_URL" --reporters json --reporter-json-export "$BELAY_REPORT"',
  ),
  timeout: timeout("5m").prefault("5m"),
});

const shape = z.strictObject({
  openapi: glob("The OpenAPI document (3.0 or 3.1, YAML or JSON) of the service.", "openapi.yaml").optional(),
  skip: z
    .array(
      text(operationForm, "an operation of the document, as GET /export", {
        description: "An operation that is not asked in staging.",
        examples: ["GET /export"],
      }),
    )
    .max(500, "has more than 500 operations")
    .prefault([])
    .meta({
      title: "a list of operations",
      description: "Operations of the document that are not asked in staging, since a GET of them has effects or costs too much.",
      examples: ["[GET /export]"],
    }),
  timeout: timeout("1m").prefault("1m"),
  mocks: globs(
    "Recorded answers that are held against the document: JSON bodies named by their operation, or Postman collections with saved examples.",
    "mocks/*.json",
  ).prefault([]),
  postman: postman.optional().meta({
    title: "a map of keys",
    description: "A Postman collection that must pass in staging, run by a runner of your own.",
    examples: ["{ run: ./run-collection }"],
  }),
});

/** What is held against the service's HTTP API. */
export const apiChecks: z.ZodType<ApiChecks, Readonly<Record<string, unknown>>> = shape
  .refine(
    ({ openapi, mocks }) => openapi !== undefined || mocks.length === 0,
    "has mocks and names no openapi to hold them against",
  )
  .transform(({ openapi, skip, timeout: timeoutMs, mocks, postman: collection }) => ({
    openapi: openapi ?? null,
    skip,
    timeoutMs,
    mocks,
    postman: collection === undefined ? null : { run: collection.run, timeoutMs: collection.timeout },
  }))
  .meta({
    title: "a map of keys",
    description: "The service's HTTP API: what clients of the last release rely on, and what must hold in staging.",
    examples: ["{ openapi: openapi.yaml }"],
  });
