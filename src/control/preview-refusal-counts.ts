import type { PreviewRefusal } from "../rollout/preview.ts";
import type { WorkerReport } from "../routing/worker-view.ts";

const bootsMax = 64;

/** Links and cookies of previews that workers did not take. For people to look at: it is not kept over a restart of the workers. */
export class PreviewRefusalCounts {
  /** By worker and boot, the newest last; each report says the whole count. */
  #byBoot = new Map<string, NonNullable<WorkerReport["previewRefusals"]>>();

  absorb({ worker, boot, previewRefusals = [] }: Pick<WorkerReport, "worker" | "boot" | "previewRefusals">): void {
    if (previewRefusals.length === 0) return;
    this.#byBoot.set(`${worker}/${boot}`, previewRefusals);
    const [oldest] = this.#byBoot.keys();
    if (this.#byBoot.size > bootsMax && oldest !== undefined) this.#byBoot.delete(oldest);
  }

  of({ environment, name }: { readonly environment: string; readonly name: string }): Readonly<Record<PreviewRefusal, number>> {
    const sum = { forged: 0, expired: 0, foreign: 0, replayed: 0 };
    for (const refusals of this.#byBoot.values())
      for (const { why, count, ...about } of refusals)
        if (about.environment === environment && about.service === name) sum[why] += count;
    return sum;
  }
}
