import { workersOf } from "../rollout/background.ts";
import { desired } from "../rollout/desired.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { Complain } from "./violation.ts";

/** Never do two releases of a service run a worker at once; in the end the one runs it that should. */
export class WorkerChecker {
  readonly #complain: Complain;

  constructor(options: { complain: Complain }) {
    this.#complain = options.complain;
  }

  started(release: Release, running: readonly Release[]): void {
    const other = running.find(({ service, id }) => service === release.service && id !== release.id);
    if (other !== undefined) this.#complain("one-worker", `a worker of ${release.id} was started while one of ${other.id} runs`);
  }

  atEnd(services: readonly Service[], running: readonly Release[]): void {
    for (const service of services) {
      const { processes } = desired(service);
      const isWanted = processes !== null && workersOf(service.releases[processes]?.processes).length > 0;
      const found = running.filter((release) => release.service === service.name).map(({ id }) => id);
      const wanted = isWanted ? [processes] : [];
      if (found.join() !== wanted.join())
        this.#complain(
          "one-worker",
          `in the end workers of ${found.join() || "nobody"} run, and not of ${wanted.join() || "nobody"}`,
        );
    }
  }
}
