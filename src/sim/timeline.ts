import { parseEntry } from "../ledger/upcast.ts";
import type { Entry } from "../rollout/entry.ts";
import type { RunResult } from "./run.ts";

/** One line for each thing that the story wrote. */
export function describeStory({ story }: RunResult): readonly string[] {
  const lines = [`seed ${story.seed}`];
  for (const { name, instances, visitorsPerSecond, plan } of story.services) {
    const steps = plan.steps
      .map(({ weight, shadow }) => (shadow === undefined ? `${weight / 100}%` : `shadow ${shadow / 100}%`))
      .join(", ");
    lines.push(
      `  service ${name}: ${instances} instances, ${visitorsPerSecond.toFixed(0)} visitors/s, steps ${steps}, lease ${plan.leaseTtlMs} ms`,
    );
  }
  const moments = [
    ...story.deploys.map(({ atMs, service, release, isSuperseding, plan }) => ({
      atMs,
      words: `deploy ${service}${isSuperseding ? " --supersede" : ""}: ${JSON.stringify(release)}, on inconclusive ${plan.onInconclusive}`,
    })),
    ...story.commands.map(({ atMs, service, verb }) => ({ atMs, words: `${verb} ${service}` })),
    ...story.faults.map(({ atMs, ...fault }) => ({ atMs, words: `fault ${JSON.stringify(fault)}` })),
  ].sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, words } of moments) lines.push(`  ${seconds(atMs)}  ${words}`);
  if (story.patience.length > 0) lines.push(`  to a rollout that waits, people say: ${story.patience.join(", then ")}`);
  return lines;
}

/** The ledger, one line an entry; the last `count` of them. */
export function describeLedger({ world }: RunResult, count: number = Number.POSITIVE_INFINITY): readonly string[] {
  const { rows } = world.disk.ledger;
  const entries = rows.map(({ text }, index) => parseEntry(text, index + 1));
  return entries.slice(-count).map(describeEntry);
}

export function describeEnd({ violation, endedAtMs, digest, world }: RunResult): readonly string[] {
  const lines = world.ledger.services.map(({ name, stable, rollout }) => {
    const phase = rollout === null ? "nothing" : JSON.stringify(rollout.phase);
    return `${name}: stable ${stable}, last rollout ${phase}`;
  });
  const { requests, failedRequests } = world.traffic;
  lines.push(`${seconds(endedAtMs)} s simulated, ${requests} requests, ${failedRequests} failed, digest ${digest}`);
  lines.push(
    violation === null
      ? "every checker held"
      : `VIOLATION at ${seconds(violation.atMs)} s of ${violation.checker}: ${violation.message}`,
  );
  return lines;
}

function describeEntry({ position, at, service, actor, fact }: Entry): string {
  const { kind, ...rest } = fact;
  const who = actor.kind === "person" ? ` by ${actor.name}` : "";
  return `  ${String(position).padStart(4)}  ${at.slice(11, 23).padEnd(12)}  ${service} ${kind}${who} ${brief(rest)}`.trimEnd();
}

/** Numbers and short words; what is long is in the ledger for whoever asks. */
function brief(rest: object): string {
  const shown = Object.entries(rest).filter(
    ([key]) => key !== "plan" && key !== "evidence" && key !== "release" && key !== "isDirty" && key !== "root",
  );
  return shown.map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3).padStart(8);
}
