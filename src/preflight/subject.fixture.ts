import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { BelayError } from "../errors.ts";
import type { GivenConfig } from "../manifest/given-config.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { userEnvironment } from "../ports/environment.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import type { Check, EarlierResults, PreviousRelease, ServingNext, Subject } from "./check.ts";
import { openFileTree } from "./file-tree.ts";
import { runChecks } from "./run-checks.ts";

export interface Given {
  /** Lines below `checks:` of the manifest, as one flow map. */
  readonly checks?: string;
  /** More lines of the manifest. */
  readonly more?: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** What of the files is in the bundle; all when absent. */
  readonly bundled?: (path: string) => boolean;
  readonly previous?: Partial<PreviousRelease> & { readonly sources?: Readonly<Record<string, string>> };
  readonly environment?: string;
  readonly now?: string;
  readonly build?: boolean;
  readonly repository?: string;
  readonly isWithoutSource?: boolean;
  /** The folder is as it was committed: commands have nowhere to run. */
  readonly isBuiltElsewhere?: boolean;
  readonly earlier?: EarlierResults;
  /** Port of an instance of it. */
  readonly running?: number;
  /** What serves in the environment after. */
  readonly servingNext?: ServingNext;
  readonly tag?: ReleaseTag | null;
  readonly serving?: Subject["serving"];
  /** Prefix of the paths that production brings here. */
  readonly path?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  /** What is known of the values. */
  readonly config?: Partial<GivenConfig>;
}

/** A release on its way, with files of its own in a folder that goes away with the test. */
export async function subjectOf(t: Pick<TestContext, "after">, given: Given): Promise<Subject> {
  const { files = {}, environment = "production", now, bundled = () => true } = given;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "belay-check-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const paths = Object.keys(files);
  const clock = createSystemClock();
  const { previous } = given;
  return {
    manifest: manifestOf(given),
    manifestFile: "belay.yml",
    environment,
    commit: "c".repeat(40),
    source: given.isWithoutSource === true ? null : await openFileTree(folder, paths),
    bundle: await openFileTree(folder, paths.filter(bundled)),
    tag: given.tag,
    previous:
      previous === undefined
        ? null
        : {
            id: "b1",
            commit: "b".repeat(40),
            digest: "d".repeat(64),
            tag: null,
            files: [],
            kpis: null,
            trial: null,
            readSource: async (path) => previous.sources?.[path],
            ...previous,
          },
    repository: given.repository ?? null,
    commands: {
      cwd: given.isWithoutSource === true || given.isBuiltElsewhere === true ? null : folder,
      env: environmentOfCommands(),
    },
    runsOn: { node: "26.10.0" },
    serving: given.serving ?? null,
    secretValue: (name) => {
      const value = given.secrets?.[name];
      if (value !== undefined) return value;
      throw new BelayError({ code: "BELAY_SECRET_UNKNOWN", message: `there is no secret ${name}`, next: "Set it." });
    },
    earlier: given.earlier ?? null,
    running:
      given.running === undefined
        ? null
        : { host: "127.0.0.1", port: given.running, scratch: scratchOf(t), servingNext: given.servingNext ?? null },
    given: given.config === undefined ? null : { values: [], missing: [], unseen: [], elsewhere: {}, ...given.config },
    clock:
      now === undefined
        ? clock
        : {
            ...clock,
            now: () => Temporal.Instant.from(now),
            monotonicMs: () => clock.monotonicMs(),
            every: (periodMs, action) => clock.every(periodMs, action),
          },
  };
}

function scratchOf(t: Pick<TestContext, "after">): string {
  const folder = mkdtempSync(join(tmpdir(), "belay-scratch-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Without the mark by which a test runner inside of a test runner takes itself for a part of the outer one. */
function environmentOfCommands(): Readonly<Record<string, string>> {
  const { NODE_TEST_CONTEXT: _, ...others } = userEnvironment();
  return others;
}

function manifestOf({ checks = "{}", more = "", build = false, path = "/" }: Given) {
  const text = `version: 1
service: shop
run: { command: node server.js }
${build ? "release: { build: npm ci }\n" : ""}environments: { production: { routes: [{ host: a.example.com, path: "${path}" }] }, staging: { routes: [{ host: b.example.com }] } }
checks: ${checks}
${more}`;
  const parsed = parseManifest(text, "belay.yml");
  if (!parsed.ok) throw new Error(describeProblems(parsed.problems));
  return parsed.manifest;
}

/** How one check ends, judged by the manifest's policy as in a deploy. */
export async function resultOf(t: Pick<TestContext, "after">, check: Check, given: Given): Promise<CheckResult> {
  const subject = await subjectOf(t, given);
  const [result] = await runChecks([check], { subject, signal: new AbortController().signal, version: "0.0.0" });
  if (result === undefined) throw new Error(`the policy has ${check.name} off`);
  return result;
}

/** `rule` or `file:line:column rule`, in the order in which they are shown. */
export function toldOf({ findings }: CheckResult): readonly string[] {
  return findings.map(({ rule, file, line, column }) => {
    const place = [file, line, column].filter((part) => part !== undefined).join(":");
    return place === "" ? rule : `${place} ${rule}`;
  });
}
