import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keeperArgv, parseKeeperArguments } from "./command.ts";

test("property: a keeper's command line is read as it was written", () => {
  const listen = fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,9}$/), fc.stringMatching(/^[!-~]{1,40}$/));
  fc.assert(
    fc.property(listen, (addresses) => {
      const [, , word, ...rest] = keeperArgv({ node: "/n", main: "/m" }, "/data", addresses);
      assert.equal(word, "keeper");
      assert.deepEqual(parseKeeperArguments(rest), { dataFolder: "/data", listen: { ...addresses } });
    }),
  );
});

test("a keeper without a data folder, or with an address without a name, is refused", () => {
  for (const words of [[], ["data"], ["/data", "127.0.0.1:80"], ["/data", "=127.0.0.1:80"]]) {
    assert.throws(() => parseKeeperArguments(words), { code: "BELAY_KEEPER_COMMAND_LINE" });
  }
});
