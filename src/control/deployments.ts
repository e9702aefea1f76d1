import type { Entry } from "../rollout/entry.ts";
import { applyEntry, newService } from "../rollout/fold.ts";
import { applyPolicyFact, isPolicyFact, type PinnedPolicy } from "../rollout/pinned-policy.ts";
import type { PreviewKey } from "../rollout/preview.ts";
import { applyPrincipalFact, isPrincipalFact, noPrincipals, type Principals } from "../rollout/principal.ts";
import { isEnded, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";

/** Everything the ledger says, folded: the services as they are and every rollout as it ended. */
export class Deployments {
  #services = new Map<string, Service>();
  #rollouts = new Map<string, Rollout>();

  #previewKeys: readonly PreviewKey[] = [];

  #principals: Principals = noPrincipals;

  #pinned: readonly PinnedPolicy[] = [];

  apply(entry: Entry): void {
    const { fact } = entry;
    if (isPolicyFact(fact)) this.#pinned = applyPolicyFact(this.#pinned, { ...entry, fact });
    if (isPrincipalFact(fact)) this.#principals = applyPrincipalFact(this.#principals, { ...entry, fact });
    if (entry.fact.kind === "preview-keys-changed") this.#previewKeys = entry.fact.keys;
    // A secret may be set before anything is deployed, which makes no service of it.
    if (entry.service === "" || entry.fact.kind === "secret-changed") return;
    const key = keyOf(entry.environment, entry.service);
    const service = applyEntry(this.#services.get(key) ?? newService(entry.environment, entry.service), entry);
    this.#services.set(key, service);
    if (service.rollout !== null) this.#rollouts.set(service.rollout.id, service.rollout);
  }

  /** What links and cookies of previews are checked by; none until the first preview. */
  get previewKeys(): readonly PreviewKey[] {
    return this.#previewKeys;
  }

  /** Who may do what. */
  get principals(): Principals {
    return this.#principals;
  }

  /** Rules that were set on the server. */
  get pinned(): readonly PinnedPolicy[] {
    return this.#pinned;
  }

  /** Rollouts of the service, in every environment that visitors meet, that brought a release to everyone. */
  promotedOf(service: string): readonly Rollout[] {
    return [...this.#rollouts.values()].filter(
      (rollout) => rollout.service === service && rollout.phase.name === "promoted" && rollout.attests !== true,
    );
  }

  /** In the order of their first deploy. */
  all(): readonly Service[] {
    return [...this.#services.values()];
  }

  find(environment: string, service: string): Service | undefined {
    return this.#services.get(keyOf(environment, service));
  }

  /** Whether the release serves or could at once: it is stable, warm or a candidate, or instances of it are there. */
  isServed({ environment, service, release }: { readonly [of in "environment" | "service" | "release"]: string }): boolean {
    const found = this.find(environment, service);
    if (found === undefined) return false;
    const { stable, warm, rollout, instances } = found;
    if ([stable, warm?.release, rollout?.candidate, rollout?.stable].includes(release)) return true;
    return Object.values(instances).some((instance) => instance.release === release);
  }

  rollout(id: string): Rollout | undefined {
    return this.#rollouts.get(id);
  }

  /** The rollout in this environment that was asked for under the key. */
  askedFor(environment: string, requestKey: string): Rollout | undefined {
    return [...this.#rollouts.values()].findLast((each) => each.requestKey === requestKey && each.environment === environment);
  }

  running(): readonly Rollout[] {
    return this.all()
      .map((service) => service.rollout)
      .filter((rollout) => rollout !== null)
      .filter((rollout) => !isEnded(rollout));
  }
}

function keyOf(environment: string, service: string): string {
  return `${environment}/${service}`;
}
