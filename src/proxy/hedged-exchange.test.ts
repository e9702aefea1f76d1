// Goal: whoever's answer is taken, each leg's end is told once: to the observer, or as lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../ports/manual-clock.ts";
import type { Target } from "../routing/table.ts";
import type { ExchangeObserver } from "./exchange.ts";
import { HedgedExchange } from "./hedged-exchange.ts";

const [first, second] = ["first", "second"].map((instance): Target => ({ instance, host: "127.0.0.1", port: 1 })) as [
  Target,
  Target,
];

/** Both legs under way; what is told of them. */
async function openLegs() {
  const clock = new ManualClock();
  const told: string[] = [];
  const legs: ExchangeObserver[] = [];
  const observer: ExchangeObserver = {
    mayStart: () => true,
    informationArrived: () => {},
    headArrived: ({ status }) => told.push(`head ${status}`),
    dataArrived: () => true,
    trailersArrived: () => {},
    ended: (end) => told.push(`ended ${end}`),
  };
  new HedgedExchange({
    clock,
    first,
    second: () => second,
    afterMs: 50,
    start: (_, each) => {
      legs.push(each);
      return { resume: () => {}, abort: () => {} };
    },
    observer,
    onSecondWon: () => told.push("second won"),
    onLost: ({ instance }, how) => told.push(`${instance} ${how}`),
  });
  clock.advance(50);
  await Promise.resolve();
  const [one, other] = legs;
  assert.ok(one !== undefined && other !== undefined);
  return { one, other, told };
}

const head = (status: number) => ({ status, statusText: "", headers: [] });

test("a first leg that was slower is beaten, a second one that was slower is nothing", async () => {
  const slow = await openLegs();
  slow.other.headArrived(head(200));
  assert.deepEqual(slow.told, ["first beaten", "second won", "head 200"]);
  const fast = await openLegs();
  fast.one.headArrived(head(200));
  assert.deepEqual(fast.told, ["head 200"]);
});

test("a first leg that broke and was covered is told, and so is each end of a second one that is not taken", async () => {
  const covered = await openLegs();
  covered.one.ended("reset");
  covered.other.headArrived(head(200));
  assert.deepEqual(covered.told, ["first reset", "second won", "head 200"]);
  const failing = await openLegs();
  failing.other.headArrived(head(500));
  failing.one.headArrived(head(200));
  assert.deepEqual(failing.told, ["second failed", "head 200"]);
  const refused = await openLegs();
  refused.other.ended("refused");
  refused.one.headArrived(head(200));
  assert.deepEqual(refused.told, ["second refused", "head 200"]);
  const lost = await openLegs();
  lost.one.ended("reset");
  lost.other.ended("reset");
  assert.deepEqual(lost.told, ["second reset", "ended reset"]);
});
