import type { ChainedEntry } from "../api/views.ts";
import { applyEntry, newService } from "../rollout/fold.ts";
import { isEnded } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { readAllEntries } from "./client.ts";
import { type Command, environmentOption, serviceArgument, textOf } from "./command.ts";
import { requireService, unknownService } from "./own-manifest.ts";
import { describeAge, harmless, showTable } from "./show-table.ts";

/** A release as the ledger knows it. */
export interface KnownRelease {
  readonly release: string;
  readonly commit: string;
  readonly isDirty: boolean;
  /** ISO 8601; null when the ledger does not say. */
  readonly builtAt: string | null;
  /** When it last became what serves everyone. */
  readonly promotedAt: string | null;
  /** Where its bundle has passed, and when, in environments that come before another. */
  readonly attested: readonly { readonly environment: string; readonly at: string }[];
  /**
   * `stable` serves everyone, `warm` is kept running as the way back, `candidate` is being rolled out, `kept` was promoted once
   * and can be gone back to after a start, `left` was gone back from, `unpromoted` never served everyone.
   */
  readonly state: "stable" | "warm" | "candidate" | "kept" | "left" | "unpromoted";
}

export const releases: Command = {
  name: "releases",
  summary: "List the releases of a service: commit, age, and whether one can go back to them.",
  arguments: [serviceArgument],
  options: [environmentOption, { flags: "-n, --count <count>", summary: "So many of the newest.", fallback: "20" }],

  async run(context) {
    const { client, io, values, isJson, print, printJson } = context;
    const service = requireService(context, "releases");
    const environment = textOf(values["environment"]) ?? "production";
    const entries = await readAllEntries(client);
    if (!entries.some(({ entry }) => entry.service === service && entry.environment === environment))
      throw unknownService(`${service} in ${environment}`);
    const all = listReleases(entries, { service, environment });
    const count = Number(values["count"]);
    const shown = Number.isInteger(count) && count > 0 ? all.slice(0, count) : all;
    if (isJson) printJson({ service, environment, releases: shown });
    else print(shown.length === 0 ? `No release of ${service} in ${environment} yet.` : describeReleases(shown, io.clock.now()));
    return undefined;
  },
};

/** The newest first. */
export function listReleases(
  entries: readonly ChainedEntry[],
  { service: name, environment }: { readonly service: string; readonly environment: string },
): readonly KnownRelease[] {
  let service: Service = newService(environment, name);
  const builtAt = new Map<string, string>();
  const promotedAt = new Map<string, string>();
  const attested: { readonly environment: string; readonly digest: string; readonly at: string }[] = [];
  for (const { entry } of entries) {
    if (entry.service === name && entry.fact.kind === "attested")
      attested.push({ environment: entry.environment, digest: entry.fact.digest, at: entry.at });
    if (entry.service !== name || entry.environment !== environment) continue;
    const before = service.stable;
    service = applyEntry(service, entry);
    if (entry.fact.kind === "release-built") builtAt.set(entry.fact.release.id, builtAt.get(entry.fact.release.id) ?? entry.at);
    if (service.stable !== null && service.stable !== before) promotedAt.set(service.stable, entry.at);
  }
  return Object.values(service.releases)
    .map(({ id, commit, isDirty, digest }) => ({
      release: id,
      commit,
      isDirty,
      builtAt: builtAt.get(id) ?? null,
      promotedAt: promotedAt.get(id) ?? null,
      attested: attested.filter((each) => each.digest === digest).map(({ environment, at }) => ({ environment, at })),
      state: stateOf(service, id, promotedAt),
    }))
    .reverse();
}

function stateOf(
  { stable, warm, rollout, goneBackFrom }: Service,
  id: string,
  promotedAt: ReadonlyMap<string, string>,
): KnownRelease["state"] {
  if (id === stable) return "stable";
  if (id === warm?.release) return "warm";
  if (rollout !== null && !isEnded(rollout) && rollout.candidate === id) return "candidate";
  if (goneBackFrom.includes(id)) return "left";
  return promotedAt.has(id) ? "kept" : "unpromoted";
}

function describeReleases(shown: readonly KnownRelease[], now: Temporal.Instant): string {
  const age = (at: string | null) => (at === null ? "-" : describeAge(at, now));
  // A column only where an environment comes before another.
  const passed = shown.some(({ attested }) => attested.length > 0) ? ["PASSED"] : [];
  return showTable(
    ["RELEASE", "COMMIT", "BUILT", ...passed, "PROMOTED", "STATE"],
    shown.map(({ release, commit, isDirty, builtAt, promotedAt, attested, state }) => [
      harmless(release),
      `${commit.slice(0, 12)}${isDirty ? " (dirty)" : ""}`,
      age(builtAt),
      ...passed.map(() => attested.map((each) => `${each.environment} ${age(each.at)}`).join(", ") || "-"),
      age(promotedAt),
      stateWords[state],
    ]),
  );
}

const stateWords: Readonly<Record<KnownRelease["state"], string>> = {
  stable: "stable: serves everyone",
  warm: "warm: `belay rollback` switches to it in milliseconds",
  candidate: "candidate of the running rollout",
  kept: "kept: a rollback starts it first",
  left: "gone back from: deploy its commit to go forward again",
  unpromoted: "never promoted",
};
