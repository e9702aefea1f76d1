import type { Problem, Tree } from "./tree.ts";

const bagFolders = new Set(["utils", "util", "helpers", "common", "shared", "core", "misc", "lib"]);
const bagFiles = /^(?:types|index|utils|helpers|common|misc|constants)\.tsx?$/;
const linesMax = 400;

/** Files and folders are named for their subject, in kebab-case, and hold one subject. */
export function checkNames(tree: Tree): Problem[] {
  return tree.sources
    .filter((file) => /^(?:src|scripts|test|bench|dashboard)\//.test(file.path))
    .flatMap((file) => {
      const found: Problem[] = [];
      const report = (rule: string, message: string, line = 1) => found.push({ rule, file: file.path, line, message });
      const folders = file.path.split("/");
      const name = folders.pop() ?? "";
      for (const folder of folders) {
        if (bagFolders.has(folder)) report("names", `a folder called ${folder} says nothing: name it for what is in it`);
      }
      if (bagFiles.test(name))
        report("names", `a file called ${name} says nothing: put each thing beside its only user, or name its subject`);
      else if (!/^[a-z0-9]+(?:[-.][a-z0-9]+)*\.(?:tsx?|m?js)$/.test(name)) report("names", `${name} is not in kebab-case`);
      const lines = file.text.split("\n").length - 1;
      if (lines > linesMax) report("sizes", `${lines} lines, above ${linesMax}: split it by subject`, linesMax);
      return found;
    });
}
