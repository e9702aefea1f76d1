// Says how many letters were sent, once a night.
const { readdirSync } = require("node:fs");
const { outbox } = require("./outbox.js");

console.log(`${readdirSync(outbox).filter((name) => name.endsWith(".sent")).length} letters sent`);
