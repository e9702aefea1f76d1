import { codesOf } from "../docs/error-codes.ts";
import { isTest, lineAt, type Problem, type Tree } from "./tree.ts";

const page = "docs/reference/errors.md";

/** Every code that a source can fail with stands in the generated page of errors. */
export function checkErrorCodes(tree: Tree): Problem[] {
  const documented = tree.files.find((file) => file.path === page)?.text ?? "";
  return tree.sources
    .filter((file) => file.path.startsWith("src/") && !isTest(file.path))
    .flatMap((file) =>
      codesOf(file)
        .filter(({ code }) => !documented.includes(`\`${code}\``))
        .map(({ code, offset }) => ({
          rule: "error-codes",
          file: file.path,
          line: lineAt(file.text, offset),
          message: `${code} is not in ${page}: run \`npm run docs\``,
        })),
    );
}
