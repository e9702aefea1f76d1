// Runs first in every npm script, on whatever Node the host has: the sources need the Node that package.json pins. npm puts
// node_modules/.bin first on PATH, so a host's own Node is met here only when the pinned one was not installed.
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const wanted = `v${manifest.dependencies.node}`;

if (process.version !== wanted) {
  console.error(
    `BELAY_NODE_NOT_PINNED: this project runs on Node ${wanted}, and the Node found first is ${process.version} (${process.execPath}).`,
  );
  console.error("Node is a dependency like the others (the npm package `node`), and its install script has not run.");
  console.error("Next: run `npm ci --ignore-scripts=false`, and then this command again through npm.");
  process.exit(1);
}
