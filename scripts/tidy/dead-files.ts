import { isTest, type Problem, type Tree } from "./tree.ts";

/**
 * A source that nothing but its own test uses is dead. A process's entry is used when another file, or package.json, names its
 * path in a literal (`"src/proxy/main.ts"`, or a part of it that begins at a folder's name).
 */
export function checkDeadFiles(tree: Tree): Problem[] {
  const used = new Set<string>();
  const named: string[] = [];
  for (const file of tree.sources) {
    for (const { target } of file.imports) {
      if (file.path !== testOf(target)) used.add(target);
    }
    if (isTest(file.path)) continue;
    for (const { raw } of file.literals) if (raw.endsWith(".ts")) named.push(raw.replace(/^(?:\.\.?\/)+/, ""));
  }
  const manifest = tree.files.find((file) => file.path === "package.json")?.text ?? "";
  return tree.sources
    .filter(({ path }) => path.startsWith("src/") && !isTest(path) && path !== "src/main.ts")
    .filter(
      ({ path }) =>
        !used.has(path) && !manifest.includes(path) && !named.some((name) => path.endsWith(`/${name}`) || path === name),
    )
    .map(({ path }) => ({
      rule: "dead-files",
      file: path,
      line: 1,
      message: "no file but its own test imports it: use it or delete it",
    }));
}

function testOf(path: string): string {
  return path.replace(/\.(tsx?)$/, ".test.$1");
}
