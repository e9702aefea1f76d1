import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { openAttempt, taskKey } from "../rollout/task.ts";
import type { TaskSpec } from "../runtimes/task-runner.ts";
import type { Complain } from "./violation.ts";

/** Holds what truly starts against what the ledger says at that moment. */
export class TaskChecker {
  readonly #complain: Complain;
  readonly #serviceOf: (release: Release) => Service | undefined;
  readonly #started: TaskSpec[] = [];

  constructor(options: { complain: Complain; serviceOf: (release: Release) => Service | undefined }) {
    this.#complain = options.complain;
    this.#serviceOf = options.serviceOf;
  }

  /** Recorded before, the only one of its service, and not again for the same files unless the last attempt came to nothing. */
  taskStarted(spec: TaskSpec): void {
    const { id, name, release, command } = spec;
    const service = this.#serviceOf(release);
    const open = service === undefined ? null : openAttempt(service);
    const isSame = (other: TaskSpec) =>
      other.name === name && other.command === command && other.release.digest === release.digest;
    const before = this.#started.filter(isSame);
    this.#started.push(spec);
    if (open?.run !== id || open.state !== "running")
      this.#complain("task-runs-once", `${id} was started, and the ledger does not say so`);
    if (before.some((other) => other.id === id)) this.#complain("task-runs-once", `${id} was started twice`);
    const vain = service?.tasks.attempts.filter(({ task, digest, state }) => {
      return task === name && digest === release.digest && ["failed", "timed-out", "given-up"].includes(state);
    });
    if (before.length > (vain?.length ?? 0)) this.#complain("task-runs-once", `${name} of ${release.id} was started again`);
  }

  /** Not before every task of its release is done. */
  instanceStarted(release: Release): void {
    const done = this.#serviceOf(release)?.tasks.done ?? {};
    const left = (release.tasks ?? []).find((task) => !Object.hasOwn(done, taskKey(task, release.digest)));
    if (left !== undefined)
      this.#complain("task-before-instance", `${release.id} was started before its task ${left.name} was done`);
  }
}
