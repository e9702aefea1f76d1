import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { createSystemRandom } from "../ports/random.ts";
import { type InstalledProgram, installProgram } from "./install-program.ts";

/** A checkout of a small program with direct, indirect, nested and needless packages. */
function withCheckout(use: (checkout: string, data: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "belay-program-"));
  const checkout = join(folder, "checkout");
  const write = (path: string, content: string | object) => {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), typeof content === "string" ? content : JSON.stringify(content));
  };
  const pack = (path: string, name: string, more: object = {}) => {
    write(`${path}/package.json`, { name, version: "1.0.0", type: "module", main: "index.js", ...more });
    write(`${path}/index.js`, `export default "${name} in ${path}";`);
  };
  write("package.json", {
    name: "program",
    version: "1.2.3",
    type: "module",
    dependencies: { direct: "1", node: "1" },
    devDependencies: { dev: "1" },
  });
  write(
    "src/main.ts",
    `import direct from "direct"; import { extra } from "./extra.ts"; const text: string = direct + extra; console.log(text);`,
  );
  write("src/extra.ts", `import fs from "node:fs"; export const extra: string = fs.existsSync("/") ? "!" : "";`);
  write("bin/belay.js", "");
  write("src/extra.test.ts", "throw new Error();");
  pack("node_modules/direct", "direct", { dependencies: { indirect: "1", nested: "1" }, peerDependencies: { absent: "1" } });
  write("node_modules/direct/index.js", `import a from "indirect"; import b from "nested"; export default a + ", " + b;`);
  pack("node_modules/indirect", "indirect");
  pack("node_modules/direct/node_modules/nested", "nested");
  pack("node_modules/dev", "dev");
  pack("node_modules/node", "node");
  try {
    use(checkout, join(folder, "data"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const run = ({ node, main }: InstalledProgram) => execFileSync(node, [main], { cwd: "/", env: {}, encoding: "utf8" });

test("the program runs after its checkout was deleted", () => {
  withCheckout((checkout, data) => {
    const program = installProgram({ from: checkout, dataFolder: data, node: process.execPath, random: createSystemRandom() });
    rmSync(checkout, { recursive: true });
    assert.match(program.version, /^1\.2\.3-[0-9a-f]{8}$/);
    assert.equal(run(program), "indirect in node_modules/indirect, nested in node_modules/direct/node_modules/nested!\n");
  });
});

test("a package, which carries JavaScript in dist and no sources, is installed as it is", () => {
  withCheckout((checkout, data) => {
    mkdirSync(join(checkout, "dist"));
    writeFileSync(join(checkout, "dist/main.js"), `import direct from "direct"; console.log(direct);`);
    rmSync(join(checkout, "src"), { recursive: true });
    const program = installProgram({ from: checkout, dataFolder: data, node: process.execPath, random: createSystemRandom() });
    assert.equal(program.main, join(program.folder, "dist/main.js"));
    assert.match(run(program), /^indirect in /);
  });
});

test("it is told before a program is copied, and not when it is there already", () => {
  withCheckout((checkout, data) => {
    const told: { readonly folder: string; readonly bytes: number; readonly isThere: boolean }[] = [];
    const install = () =>
      installProgram({
        from: checkout,
        dataFolder: data,
        node: process.execPath,
        random: createSystemRandom(),
        onCopy: (copy) => void told.push({ ...copy, isThere: existsSync(copy.folder) }),
      });
    const { folder } = install();
    install();
    assert.deepEqual(
      told.map((copy) => ({ ...copy, bytes: copy.bytes > statSync(process.execPath).size })),
      [{ folder, bytes: true, isThere: false }],
    );
  });
});

test("tests and packages that production does not need stay behind", () => {
  withCheckout((checkout, data) => {
    const { folder } = installProgram({ from: checkout, dataFolder: data, node: process.execPath, random: createSystemRandom() });
    assert.deepEqual(readdirSync(join(folder, "src")).toSorted(), ["extra.ts", "main.ts"]);
    assert.deepEqual(readdirSync(join(folder, "node_modules")).toSorted(), ["direct", "indirect"]);
  });
});

test("installing the same again changes nothing, and another source or package makes another version", () => {
  withCheckout((checkout, data) => {
    const install = () =>
      installProgram({ from: checkout, dataFolder: data, node: process.execPath, random: createSystemRandom() });
    const first = install();
    writeFileSync(join(first.folder, "mark"), "");
    assert.deepEqual(install(), first);
    assert.ok(existsSync(join(first.folder, "mark")));
    writeFileSync(join(checkout, "src/extra.ts"), `export const extra: string = "?";`);
    const second = install();
    assert.notEqual(second.version, first.version);
    assert.match(run(first), /!/);
    assert.match(run(second), /\?/);
    const manifest = readFileSync(join(checkout, "node_modules/indirect/package.json"), "utf8");
    writeFileSync(join(checkout, "node_modules/indirect/package.json"), manifest.replace("1.0.0", "1.0.1"));
    assert.notEqual(install().version, second.version);
  });
});

test("a folder that was cut off or has lost content is replaced, and no temporary one stays", () => {
  withCheckout((checkout, data) => {
    const install = () =>
      installProgram({ from: checkout, dataFolder: data, node: process.execPath, random: createSystemRandom() });
    const { folder, version } = install();
    truncateSync(join(folder, "src/extra.ts"));
    run(install());
    rmSync(join(folder, "installed.json"));
    rmSync(join(folder, "node_modules"), { recursive: true });
    run(install());
    assert.deepEqual(readdirSync(join(data, "program")), [version]);
  });
});

test("what cannot work is refused with the next step", () => {
  withCheckout((checkout, data) => {
    const install = (dataFolder: string) =>
      installProgram({ from: checkout, dataFolder, node: process.execPath, random: createSystemRandom() });
    assert.throws(() => install(join(data, "node_modules/x")), { code: "BELAY_PROGRAM_FOLDER" });
    mkdirSync(data);
    writeFileSync(join(data, "program"), "in the way");
    assert.throws(() => install(data), { code: "BELAY_PROGRAM_NOT_WRITTEN" });
    rmSync(join(checkout, "node_modules/indirect"), { recursive: true });
    assert.throws(() => install(data), { code: "BELAY_PROGRAM_INCOMPLETE", message: /indirect/ });
  });
});
