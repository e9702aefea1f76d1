import { isTest, lineAt, type Problem, type SourceFile, type Tree } from "./tree.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
}

const clock = "take a Clock (src/ports/clock.ts)";
const random = "take a Random (src/ports/random.ts)";

/** What a seed could not replay. Patterns are tried on code without comments and literals. */
const bans: readonly Ban[] = [
  { pattern: /\bDate\.now\b|\bnew Date\b|\bTemporal\.Now\b/g, instead: clock },
  { pattern: /\bperformance\.now\b|\bprocess\.(?:hrtime|uptime)\b/g, instead: clock },
  { pattern: /\b(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\.timeout\b/g, instead: clock },
  { pattern: /\bMath\.random\b|\b(?:randomBytes|randomUUID|randomInt|getRandomValues)\b/g, instead: random },
  { pattern: /\bprocess\.env\b/g, instead: "take the value as a parameter; main.ts reads the environment" },
];

/** Time, chance and environment come in through `src/ports/` and `main.ts` only. Tests are free of this rule. */
export function checkOutsideWorld(tree: Tree): Problem[] {
  return tree.sources.filter(isBound).flatMap((file) => bans.flatMap((ban) => uses(file, ban)));
}

function isBound(file: SourceFile): boolean {
  if (!file.path.startsWith("src/") || isTest(file.path)) return false;
  return !file.path.startsWith("src/ports/") && !/(?:^|[/-])main\.ts$/.test(file.path);
}

function uses(file: SourceFile, { pattern, instead }: Ban): Problem[] {
  return [...file.code.matchAll(pattern)].map((match) => ({
    rule: "outside-world",
    file: file.path,
    line: lineAt(file.text, match.index),
    message: `${match[0]} cannot be replayed from a seed: ${instead}`,
  }));
}
