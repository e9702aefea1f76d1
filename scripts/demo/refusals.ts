import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runBelay } from "../../test/e2e/belay-command.ts";
import type { ShopRepository } from "../../test/e2e/shop-repository.ts";
import { readStatus, type Stage } from "./acts.ts";

/** A release that preflight stops before anything of it runs. */
interface Refusal {
  readonly heading: string;
  /** What is wrong with it, for the summary. */
  readonly what: string;
  /** What the command has to say of it. */
  readonly says: readonly RegExp[];
  prepare(stage: Stage, repository: ShopRepository): Promise<unknown>;
}

export interface RefusalResult {
  readonly refusal: Pick<Refusal, "what">;
  readonly seconds: number;
  readonly isAsExpected: boolean;
}

const refusedCode = 4;

const misspelled: Refusal = {
  heading: "5. A release asks for a secret, which somebody has set under a name with a typing error.",
  what: "a variable that is missing, with PAYMNT_KEY in place of PAYMENT_KEY",
  says: [/PAYMENT_KEY is a secret that was not set/, /PAYMNT_KEY is set and nothing asks for it: did you mean that one\?/],
  async prepare(stage, repository) {
    const manifest = readFileSync(join(repository.folder, "belay.yml"), "utf8");
    await repository.commitFile("belay.yml", `${manifest}config: { PAYMENT_KEY: { secret: true } }\n`);
    const { place, lines, signal } = stage;
    lines.print("  $ belay secret set PAYMNT_KEY < key.txt");
    const set = await runBelay(place, ["secret", "set", "PAYMNT_KEY"], { cwd: repository.folder, signal, input: "pk-3f9a71c2" });
    if (set.code !== 0) throw new Error(`belay secret set ended with ${set.code}: ${set.stdout}${set.stderr}`);
  },
};

const leaky: Refusal = {
  heading: "6. A release has a source map and a private key in its bundle.",
  what: "a source map with the whole source, and a private key",
  says: [/fail {2}artifact: .*source-map/, /fail {2}secrets: .*private-key/],
  prepare: (_, repository) => repository.commitRelease("leaky"),
};

const destructive: Refusal = {
  heading: "7. A release brings a migration that the one which serves now cannot live with.",
  what: "a migration that takes away what the old release reads",
  says: [/fail {2}migrations: /],
  prepare: (_, repository) => repository.commitRelease("destructive"),
};

/** Each from the files that the shop had. Visitors are served as before, whoever of them is there. */
export async function playRefusals(stage: Stage, repository: ShopRepository): Promise<readonly RefusalResult[]> {
  const clean = await repository.commitRelease("good");
  const results: RefusalResult[] = [];
  for (const refusal of [misspelled, leaky, destructive]) {
    await repository.commitAgain(clean);
    results.push(await playRefusal(stage, refusal, repository));
  }
  return results;
}

async function playRefusal(stage: Stage, refusal: Refusal, repository: ShopRepository): Promise<RefusalResult> {
  const { place, lines, signal } = stage;
  lines.print(`\n${refusal.heading}`);
  await refusal.prepare(stage, repository);
  const before = await stableRelease(stage);
  lines.print("  $ belay deploy");
  const command = await runBelay(place, ["deploy"], {
    cwd: stage.repositoryFolder,
    signal,
    onLine: (line) => lines.print(`    ${line}`),
  });
  const text = command.stdout + command.stderr;
  const isStopped = command.code === refusedCode && before === (await stableRelease(stage));
  const isAsExpected = isStopped && refusal.says.every((pattern) => pattern.test(text));
  if (!isAsExpected) lines.print(`  NOT AS EXPECTED: exit code ${command.code}`);
  return { refusal, seconds: command.durationMs / 1000, isAsExpected };
}

async function stableRelease(stage: Stage): Promise<string | undefined> {
  return (await readStatus(stage)).services[0]?.stable?.id;
}
