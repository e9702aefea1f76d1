// Throws away what was sent long ago.
const { readdirSync, rmSync, statSync } = require("node:fs");
const { outbox } = require("./outbox.js");

const dayMs = 86_400_000;
const old = readdirSync(outbox).filter((name) => Date.now() - statSync(`${outbox}/${name}`).mtimeMs > dayMs);
for (const name of old) rmSync(`${outbox}/${name}`);
console.log(`swept ${old.length} letters`);
