import type { Service } from "../rollout/service.ts";
import { JobRuns } from "./job-runs.ts";
import { type Recording, WorkerSwitch } from "./worker-switch.ts";
import type { World } from "./world.ts";

/** What a service runs beside the instances that serve. */
export class Background {
  readonly workers: WorkerSwitch;
  readonly #jobs: JobRuns;

  constructor(world: Pick<World, "clock" | "log" | "runtime">) {
    this.workers = new WorkerSwitch(world);
    this.#jobs = new JobRuns(world);
  }

  /** Looks at the runtime, once somebody has something to run. */
  async observe(services: readonly Service[]): Promise<void> {
    if (!services.some(hasAny)) return;
    await Promise.all([this.workers.observe(services), this.#jobs.observe()]);
  }

  reconcile(services: readonly Service[], recording: Recording): void {
    this.workers.reconcile(services, recording);
    this.#jobs.reconcile(services, recording);
  }
}

function hasAny({ releases, processOwner, jobs }: Service): boolean {
  if (processOwner !== null || Object.keys(jobs).length > 0) return true;
  return Object.values(releases).some(({ processes = [] }) => processes.length > 0);
}
