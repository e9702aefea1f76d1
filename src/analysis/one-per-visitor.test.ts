import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OnePerVisitor } from "./one-per-visitor.ts";
import { unitOf } from "./traffic.fixture.ts";

test("property: no visitor is scored twice, in whatever order requests come and across restarts", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), fc.nat(200), (visitors, cut) => {
      let choice = new OnePerVisitor();
      const scored = new Map<number, number>();
      visitors.forEach((visitor, index) => {
        if (index === cut) choice = new OnePerVisitor(JSON.parse(JSON.stringify(choice.state())));
        if (choice.asks(unitOf(visitor))) scored.set(visitor, (scored.get(visitor) ?? 0) + 1);
      });
      for (const times of scored.values()) assert.equal(times, 1);
    }),
  );
});

test("clients that come once are all scored; of those who ask three times each number by about a third", () => {
  const once = new OnePerVisitor();
  for (let visitor = 0; visitor < 1_000; visitor += 1) assert.equal(once.asks(unitOf(visitor)), true);

  const choice = new OnePerVisitor();
  const byNumber = [0, 0, 0];
  for (let visitor = 0; visitor < 3_000; visitor += 1) {
    for (const number of byNumber.keys()) if (choice.asks(unitOf(visitor))) byNumber[number] = (byNumber[number] ?? 0) + 1;
  }
  for (const count of byNumber) assert.ok(count > 850 && count < 1_150, `${byNumber}`);
});
