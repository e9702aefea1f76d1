import assert from "node:assert/strict";
import { test } from "node:test";
import { headersForClient, informationForClient, trailersForClient } from "./response-head.ts";

const plain = { setCookie: null, shownRelease: null, isCanary: false, isLast: false };

test("an answer's headers pass, without those of its connection and those that are Belay's own", () => {
  const { headers, hasDate } = headersForClient(
    [
      ...[
        "Date",
        "now",
        "Connection",
        "keep-alive, X-Hop",
        "X-Hop",
        "1",
        "Keep-Alive",
        "timeout=5",
        "Transfer-Encoding",
        "chunked",
      ],
      ...["belay-release", "forged", "Set-Cookie", "a=1", "Set-Cookie", "belay_uid=forged", "Set-Cookie", "b=2"],
    ],
    plain,
  );
  assert.deepEqual(headers, ["Date", "now", "Set-Cookie", "a=1", "Set-Cookie", "b=2"]);
  assert.equal(hasDate, true);
});

test("a cookie of the service is told, one of Belay's own is not", () => {
  assert.equal(headersForClient(["Set-Cookie", "sid=1"], plain).setsCookie, true);
  assert.equal(headersForClient(["Set-Cookie", "belay_uid=forged"], { ...plain, setCookie: "belay_uid=x" }).setsCookie, false);
});

test("a canary's answer is kept by no cache that visitors share, and carries the visitor's cookie where it was not shared before", () => {
  const canary = { ...plain, isCanary: true, setCookie: "belay_uid=x" };
  assert.deepEqual(headersForClient(["Cache-Control", "public, max-age=60"], canary).headers, [
    "Cache-Control",
    "private, max-age=60",
  ]);
  assert.deepEqual(headersForClient([], canary).headers, ["Cache-Control", "private", "Set-Cookie", "belay_uid=x"]);
});

test("the visitor's cookie is added, but for answers that caches may share", () => {
  const added = (cacheControl: string) =>
    headersForClient(["Cache-Control", cacheControl], { ...plain, setCookie: "belay_uid=x" }).headers.length === 4;
  assert.equal(added("private, max-age=10"), true);
  assert.equal(added("no-store"), true);
  assert.equal(added("Public, max-age=10"), false);
  assert.equal(added("max-age=0, s-maxage=10"), false);
});

test("the release is shown and the connection is closed when that is asked for", () => {
  assert.deepEqual(headersForClient([], { ...plain, shownRelease: "r1", isLast: true }).headers, [
    "belay-release",
    "r1",
    "Connection",
    "close",
  ]);
});

test("what says how a message is read, or is a cookie, is no trailer and comes with no 1xx answer", () => {
  const fields = ["Link", "</a>", "Set-Cookie", "a=1", "Transfer-Encoding", "chunked", "Content-Length", "3", "X-Sum", "1"];
  assert.deepEqual(informationForClient(fields), ["Link", "</a>", "X-Sum", "1"]);
  assert.deepEqual(trailersForClient(fields), ["Link", "</a>", "X-Sum", "1"]);
  assert.deepEqual(trailersForClient(["Content-Type", "text/html", "belay-release", "forged"]), []);
});

test("server-sent events are a stream", () => {
  assert.equal(headersForClient(["content-type", "text/event-stream; charset=utf-8"], plain).isStream, true);
  assert.equal(headersForClient(["content-type", "text/html"], plain).isStream, false);
});
