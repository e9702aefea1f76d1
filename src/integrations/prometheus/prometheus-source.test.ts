// Goal: whatever a server answers is a reading: counts when it is Prometheus' own answer, words otherwise, and never a wait.
// Method: a server on loopback that answers as each case says.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { CounterSource, SourceQuestion } from "../../rollout/source.ts";
import { prometheusSource } from "./prometheus-source.ts";

async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function questionTo(prometheus: string, source: Partial<CounterSource> = {}): SourceQuestion {
  return {
    source: {
      name: "payments",
      prometheus,
      bad: 'failed_total{release="{{release}}"} # what users notice',
      of: 'all_total{release="{{ release }}",service="{{service}}",environment="{{environment}}"}',
      everyMs: 5_000,
      timeoutMs: 60_000,
      isRequired: false,
      ...source,
    },
    service: "shop",
    environment: "production",
    canary: "shop-2b",
    stable: "shop-1a",
    signal: new AbortController().signal,
  };
}

const noSecret = prometheusSource({ secretOf: () => ({ missing: "no secret" }) });

function vector(...result: readonly object[]): string {
  return JSON.stringify({ status: "success", data: { resultType: "vector", result } });
}

function sample(part: string, value: unknown, labels: object = {}): object {
  return { metric: { __name__: "x", instance: "one", job: "shop", belay_part: part, ...labels }, value: [1.5, value] };
}

test("one question for both counters of both releases, and its answer as samples", async (t) => {
  let asked = "";
  const url = await serve(t, async (request, response) => {
    assert.equal(`${request.method} ${request.url}`, "POST /prefix/api/v1/query");
    asked = new URLSearchParams(await text(request)).get("query") ?? "";
    response.end(vector(sample("canaryOf", "12"), sample("stableOf", "1.2e+03", { code: "200" }), sample("canaryBad", "0")));
  });
  const reading = await noSecret(questionTo(`${url}/prefix/`));
  assert.equal(reading.kind, "read");
  const { samples } = reading as typeof reading & { kind: "read" };
  assert.deepEqual(
    samples.map(({ arm, what, value }) => [arm, what, value]),
    [
      ["canary", "of", 12],
      ["stable", "of", 1200],
      ["canary", "bad", 0],
    ],
  );
  assert.equal(samples[0]?.process, samples[1]?.process);
  assert.notEqual(samples[0]?.series, samples[1]?.series);
  assert.equal(asked.match(/shop-2b/g)?.length, 2);
  assert.equal(asked.match(/shop-1a/g)?.length, 2);
  assert.match(asked, /# what users notice\n\)/);
  assert.match(asked, /service="shop",environment="production"/);
});

const hostile: Readonly<Record<string, readonly [(response: ServerResponse) => void, RegExp]>> = {
  "no JSON": [(r) => r.end("<html>"), /none of Prometheus/],
  "JSON of somebody else": [(r) => r.end("[]"), /none of Prometheus/],
  "a scalar": [(r) => r.end('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'), /none of Prometheus/],
  "a value that is no text": [(r) => r.end(vector(sample("canaryOf", 12))), /none of Prometheus/],
  "an empty value": [(r) => r.end(vector(sample("canaryOf", ""))), /none of Prometheus/],
  "a histogram": [(r) => r.end(vector({ metric: { belay_part: "canaryOf" }, histogram: [1, {}] })), /none of Prometheus/],
  "an answer to another question": [(r) => r.end(vector(sample("toString", "1"))), /another question/],
  "a part of an answer": [
    (r) => r.end(JSON.stringify({ ...JSON.parse(vector(sample("canaryOf", "1"))), warnings: ["a store\nis away"] })),
    /may not be whole: a store is away/,
  ],
  "a refusal": [
    (r) =>
      r
        .writeHead(400)
        .end(JSON.stringify({ status: "error", errorType: "bad_data", error: `parse error: ${"x".repeat(9_000)}` })),
    /^it refuses the question: parse error: x{50,200}…$/,
  ],
  "an error page": [(r) => r.writeHead(503).end("away"), /status 503/],
  "a good answer with a bad status": [(r) => r.writeHead(500).end(vector()), /status 500/],
  "a redirect": [(r) => r.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), /redirect \(302\)/],
  "an answer without an end": [(r) => r.write(" "), /within 300 ms/],
  "no answer at all": [() => undefined, /within 300 ms/],
  "a closed connection": [(r) => r.destroy(), /closed without a whole answer/],
  "half of an answer": [(r) => r.writeHead(200, { "content-length": "99" }).write("{", () => r.destroy()), /closed|aborted/],
  "an answer that is too long": [(r) => r.end(" ".repeat(2_100_000)), /more than 2000000 bytes/],
};

for (const [name, [answer, words]] of Object.entries(hostile)) {
  test(`${name} is told in words`, async (t) => {
    const url = await serve(t, (_, response) => answer(response));
    // Only where it is waited for in vain: an answer may take its time on a loaded machine.
    const reading = await noSecret(questionTo(url, String(words).includes("300 ms") ? { timeoutMs: 300 } : {}));
    assert.equal(reading.kind, "broken");
    assert.match(reading.kind === "broken" ? reading.reason : "", words);
  });
}

test("what no counter can say comes through as it is, for the book to refuse", async (t) => {
  const url = await serve(t, (_, response) =>
    response.end(vector(sample("canaryOf", "NaN"), sample("canaryBad", "+Inf"), sample("stableOf", "-3"))),
  );
  const reading = await noSecret(questionTo(url));
  assert.deepEqual(reading.kind === "read" && reading.samples.map(({ value }) => value), [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -3,
  ]);
});

test("nobody there is told, and so is a release whose name would change the question", async () => {
  const nobody = await noSecret(questionTo("http://127.0.0.1:1"));
  assert.deepEqual(nobody, { kind: "broken", reason: "it does not answer: connection refused" });
  const odd = await noSecret({ ...questionTo("http://127.0.0.1:1"), canary: 'x"} or up #' });
  assert.deepEqual(odd, { kind: "broken", reason: "a name does not fit into a question" });
});

test("the token goes into the header, and without the secret nothing is asked", async (t) => {
  const seen: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.end(vector());
  });
  const named = { token: "PROMETHEUS_TOKEN" };
  const withSecret = prometheusSource({ secretOf: (_, name) => ({ value: `s3cret-${name}` }) });
  assert.deepEqual(await withSecret(questionTo(url, named)), { kind: "read", samples: [] });
  assert.deepEqual(await noSecret(questionTo(url, named)), { kind: "broken", reason: "no secret" });
  assert.deepEqual(seen, ["Bearer s3cret-PROMETHEUS_TOKEN"]);
});

test("a question that is given up ends at once", async (t) => {
  const url = await serve(t, () => undefined);
  const stop = new AbortController();
  const asked = noSecret({ ...questionTo(url, { timeoutMs: 60_000 }), signal: stop.signal });
  stop.abort();
  assert.deepEqual(await asked, { kind: "broken", reason: "it does not answer: given up" });
});
