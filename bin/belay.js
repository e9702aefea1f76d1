#!/usr/bin/env node
// The way in on any host: plain JavaScript for an old Node, which hands over to the Node that belongs to the program.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..");
// A checkout runs its sources. A package carries JavaScript: Node strips no types below a folder called node_modules.
const main = ["src/main.ts", "dist/main.js"].map((path) => join(folder, path)).find((path) => existsSync(path));
// bin/node: a copy that `belay up` made. Else the package `node`, wherever npm has put it.
const nodePackage = findNodePackage();
const node = [join(folder, "bin/node"), ...(nodePackage === undefined ? [] : [join(nodePackage, "bin/node")])].find((path) =>
  existsSync(path),
);

if (main === undefined)
  fail("Belay's own code is not there", `Install Belay anew; ${folder} was changed.`, "BELAY_PROGRAM_INCOMPLETE");
if (node === undefined) {
  const next =
    nodePackage === undefined
      ? `Run \`npm ci\` in ${folder}.`
      : `npm was told not to run install scripts. In ${installFolder(nodePackage)}, run \`npm rebuild node --ignore-scripts=false\`; npm 11 and later may ask for \`npm install-scripts approve node\` first.`;
  fail("the Node that Belay runs on is not installed", next, "BELAY_NODE_MISSING");
}

const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends Ctrl-C to both; passing it on as well would count it twice, and the second one ends at once.
const isSentToBoth = process.stdin.isTTY === true;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !isSentToBoth) child.kill(signal);
  });
}
child.on("error", (error) => {
  fail(`${node} cannot be run: ${error.message}`, "Install Belay anew, with `npm ci` or `npm install`.", "BELAY_NODE_MISSING");
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 70);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

function findNodePackage() {
  try {
    return dirname(createRequire(import.meta.url).resolve("node/package.json"));
  } catch (cause) {
    if (cause.code === "MODULE_NOT_FOUND") return undefined;
    throw cause;
  }
}

/** Where npm was run: above the outermost node_modules. */
function installFolder(path) {
  return path.slice(0, path.indexOf("/node_modules/")) || "/";
}

function fail(message, next, code) {
  process.stderr.write(`Error: ${message}\nNext:  ${next}\nCode:  ${code}\n`);
  process.exit(1);
}
