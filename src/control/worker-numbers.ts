import type { FrontReport } from "../routing/front-counts.ts";
import type { PathTally } from "../routing/path-tallies.ts";
import type { ShadowTally } from "../routing/shadow-tallies.ts";
import type { Tally } from "../routing/tallies.ts";
import type { WorkerReport, WorkerView } from "../routing/worker-view.ts";
import { PreviewRefusalCounts } from "./preview-refusal-counts.ts";

type Reported = Pick<
  WorkerReport,
  "worker" | "boot" | "tallies" | "shadows" | "paths" | "newVisitors" | "previewRefusals" | "lostRecords" | "front"
>;

/** What one worker's process has counted since its boot. */
export interface NumbersOfWorker {
  readonly worker: string;
  readonly tallies: readonly Tally[];
  readonly shadows: readonly ShadowTally[];
  readonly paths: readonly PathTally[];
  readonly newVisitors: WorkerReport["newVisitors"];
  readonly previewRefusals: NonNullable<WorkerReport["previewRefusals"]>;
  readonly lostRecords: number;
  /** Absent from workers before limits. */
  readonly front?: FrontReport | undefined;
}

interface Known {
  readonly tallies: Map<string, Tally>;
  /** By rollout. */
  readonly shadows: Map<string, ShadowTally>;
  /** By service. */
  readonly paths: Map<string, PathTally>;
  report: Reported;
}

const bootsMax = 128;
const talliesMax = 1_024;
const shadowsMax = 16;
const servicesMax = 256;

/**
 * What the workers that run have counted, for dashboards. Nothing is summed and nothing is kept over a restart of the control plane:
 * a worker tells everything again on a new link, so a worker's series goes on where it was, and falls only with the worker's own restart.
 */
export class WorkerNumbers {
  /** By worker and boot, the one that reported last at the end. */
  #byBoot = new Map<string, Known>();
  /** The same for `status`, summed. */
  readonly previewRefusals: PreviewRefusalCounts = new PreviewRefusalCounts();

  absorb(report: Reported): void {
    this.previewRefusals.absorb(report);
    const key = `${report.worker}/${report.boot}`;
    const known = this.#byBoot.get(key) ?? emptyFor(report);
    known.report = report;
    for (const tally of report.tallies ?? []) {
      const { environment, service, release, arm } = tally;
      const name = `${environment}\n${service}\n${release}\n${arm}`;
      known.tallies.delete(name);
      known.tallies.set(name, tally);
    }
    for (const shadow of report.shadows ?? []) {
      known.shadows.delete(shadow.rollout);
      known.shadows.set(shadow.rollout, shadow);
    }
    for (const tally of report.paths ?? []) {
      const name = `${tally.environment}\n${tally.service}`;
      known.paths.delete(name);
      known.paths.set(name, tally);
    }
    dropOldest(known.tallies, talliesMax);
    dropOldest(known.shadows, shadowsMax);
    dropOldest(known.paths, servicesMax);
    this.#byBoot.delete(key);
    this.#byBoot.set(key, known);
    dropOldest(this.#byBoot, bootsMax);
  }

  /**
   * One for each worker's name. Where two processes of a name are there, one on its way out, it is the one that came last: two
   * of them in one series would make it fall when the old one has gone.
   */
  of(workers: readonly Pick<WorkerView, "worker" | "boot" | "isConnected">[]): readonly NumbersOfWorker[] {
    return presentProcesses(workers).flatMap(({ worker, boot }) => {
      const known = this.#byBoot.get(`${worker}/${boot}`);
      if (known === undefined) return [];
      const { newVisitors, previewRefusals = [], lostRecords, front } = known.report;
      return [
        {
          worker,
          tallies: [...known.tallies.values()],
          shadows: [...known.shadows.values()],
          paths: [...known.paths.values()],
          newVisitors,
          previewRefusals,
          lostRecords,
          ...(front === undefined ? {} : { front }),
        },
      ];
    });
  }
}

function emptyFor(report: Reported): Known {
  return { tallies: new Map(), shadows: new Map(), paths: new Map(), report };
}

/** Of each name the process that came last, one that is connected before one that is not. */
export function presentProcesses<T extends Pick<WorkerView, "worker" | "isConnected">>(workers: readonly T[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const view of workers) {
    const before = byName.get(view.worker);
    if (before === undefined || view.isConnected || !before.isConnected) byName.set(view.worker, view);
  }
  return [...byName.values()];
}

function dropOldest<T>(map: Map<string, T>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
