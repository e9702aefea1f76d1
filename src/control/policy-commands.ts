import { BelayError } from "../errors.ts";
import { describeRules } from "../manifest/describe-rules.ts";
import { describeScope, isSameScope, type PinnedPolicy } from "../rollout/pinned-policy.ts";
import { isWithinScope, type Scope } from "../rollout/principal.ts";
import type { Actor, Release } from "../rollout/rollout.ts";
import type { ControlLoop } from "./control-loop.ts";
import type { ServiceRequest } from "./requests.ts";
import { type ManifestFiles, manifestOfRelease, requirePolicy, rulesPinned } from "./rules.ts";
import type { World } from "./world.ts";

/** Which rule holds for a service in an environment, and who says so. */
export interface RulesView {
  readonly service: string;
  readonly environment: string;
  /** The release whose belay.yml says the rest; null before the first. */
  readonly release: string | null;
  readonly rules: readonly { readonly field: string; readonly value: string; readonly from: string }[];
}

export interface PolicyCommands {
  /** What is pinned, the newest last. */
  policies(): readonly PinnedPolicy[];
  /** Pins rules for a scope, in place of what was pinned for the same one. Throws `BELAY_POLICY_UNREADABLE`. */
  pinPolicy(request: { readonly scope: Scope; readonly text: string }, actor: Actor): PinnedPolicy;
  /** Throws `BELAY_POLICY_NONE`. */
  clearPolicy(request: { readonly scope: Scope }, actor: Actor): void;
  /** What the next release will be judged by at the least. */
  rules(request: ServiceRequest): Promise<RulesView>;
}

interface Inside {
  readonly world: Pick<World, "clock">;
  readonly loop: ControlLoop;
  readonly releases: ManifestFiles;
}

/** Rules that are set on the server, turned into entries. */
export function policyCommands({ world, loop, releases }: Inside): PolicyCommands {
  const pinned = () => loop.journal.deployments.pinned;
  const find = (scope: Scope) => pinned().find((policy) => isSameScope(policy.scope, scope));
  return {
    policies: pinned,
    pinPolicy: ({ scope, text }, actor) => {
      requirePolicy({ scope, text });
      loop.submit([{ environment: "", service: "", rollout: "", actor, fact: { kind: "policy-pinned", scope, text } }]);
      const policy = find(scope);
      if (policy === undefined) throw new Error("a policy that was pinned is not there");
      return policy;
    },
    clearPolicy: ({ scope }, actor) => {
      if (find(scope) === undefined) throw nothingPinned(scope);
      loop.submit([{ environment: "", service: "", rollout: "", actor, fact: { kind: "policy-cleared", scope } }]);
    },
    rules: async ({ service, environment }) => {
      const found = loop.journal.deployments.find(environment, service);
      const stable = found?.stable == null ? undefined : found.releases[found.stable];
      if (stable === undefined)
        return { service, environment, release: null, rules: pinnedAlone(pinned(), { service, environment }) };
      return {
        service,
        environment,
        release: stable.id,
        rules: await rulesOf(releases, { stable, pinned: pinned(), now: world.clock.now() }),
      };
    },
  };
}

async function rulesOf(
  files: ManifestFiles,
  { stable, pinned, now }: { readonly stable: Release; readonly pinned: readonly PinnedPolicy[]; readonly now: Temporal.Instant },
): Promise<RulesView["rules"]> {
  const { service, environment, id } = stable;
  const manifest = await manifestOfRelease(files, stable);
  if (manifest === "unreadable" || manifest === null) return pinnedAlone(pinned, { service, environment });
  const sources = new Map<string, string>();
  let judged = manifest;
  for (const policy of pinned) {
    const rules = { was: null, manifest: judged, loosenings: [] };
    const after = rulesPinned([policy], { rules, place: { environment, now } });
    for (const { field } of after.loosenings) sources.set(field, `pinned for ${describeScope(policy.scope)} by ${policy.by}`);
    judged = after.manifest;
  }
  return describeRules(judged, environment).map(({ field, value }) => ({
    field,
    value,
    from:
      sources.get(field) ??
      [...sources].find(([pin]) => pin.startsWith(`${field}.`) || field.startsWith(`${pin}.`))?.[1] ??
      `belay.yml of ${id}`,
  }));
}

/** Without a manifest that they would be stricter than, rules are told as they were written. */
function pinnedAlone(pinned: readonly PinnedPolicy[], place: ServiceRequest): RulesView["rules"] {
  return pinned
    .filter(({ scope }) => isWithinScope(scope, place))
    .flatMap(({ scope, text, by }) =>
      Object.entries(requirePolicy({ scope, text }).written).map(([field, value]) => ({
        field,
        value: JSON.stringify(value),
        from: `pinned for ${describeScope(scope)} by ${by}`,
      })),
    );
}

function nothingPinned(scope: Scope): BelayError {
  return new BelayError({
    code: "BELAY_POLICY_NONE",
    message: `nothing is pinned for ${describeScope(scope)}`,
    next: "Run `belay policy show` to see what is.",
  });
}
