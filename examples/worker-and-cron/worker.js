// Sends what waits in the outbox. Only one release's worker runs at a time, so that no letter is sent twice.
const { mkdirSync, readdirSync, renameSync } = require("node:fs");
const { outbox } = require("./outbox.js");

mkdirSync(outbox, { recursive: true });
const timer = setInterval(sendAll, 100);
// What is begun is finished: the next release's worker starts when this one has ended.
process.once("SIGTERM", () => clearInterval(timer));

function sendAll() {
  for (const file of readdirSync(outbox).filter((name) => name.endsWith(".waiting"))) {
    renameSync(`${outbox}/${file}`, `${outbox}/${file.replace(/waiting$/, "sent")}`);
    console.log(`sent ${file.replace(/\.waiting$/, "")}`);
  }
}
