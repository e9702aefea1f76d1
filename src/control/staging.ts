import { builtInChecks } from "../preflight/all-checks.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { NewEntry, RolloutFact } from "../rollout/entry.ts";
import { isEnded, type Release, type Rollout } from "../rollout/rollout.ts";
import type { Attestation, Service } from "../rollout/service.ts";
import type { Deployments } from "./deployments.ts";
import { loopActor } from "./journal.ts";

const stagingNames = builtInChecks.filter(({ inStaging }) => inStaging !== undefined).map(({ name }) => name);

function isOfStaging({ check, status }: CheckResult): boolean {
  return status !== "skipped" && stagingNames.includes(check);
}

/** What a release is made of, as far as it is known before the build. */
export interface Source {
  readonly commit: string;
  readonly root: string;
  readonly isDirty: boolean;
  readonly bundle?: string | undefined;
  /** Of a bundle that was sent; absent for what is built here. */
  readonly digest?: string | undefined;
}

/**
 * The rollout of the same source in the environment before that need not be repeated: it has earned an attestation, or is on
 * its way to one. A bundle is known by its commit and its digest, a commit by itself: what it built to once is what goes on.
 */
export function stagedBefore(staging: Service | undefined, source: Source, deployments: Deployments): Rollout | null {
  if (staging === undefined) return null;
  const earned = Object.values(staging.attestations).filter(({ digest, rollout }) => {
    const earnedBy = deployments.rollout(rollout);
    // The same files are not all of it: how they are run stands in the commit's belay.yml.
    const isSameCommit = earnedBy?.commit === source.commit && earnedBy.root === source.root;
    return (digest === source.digest && isSameCommit) || isFrom(earnedBy, source);
  });
  const attested = earned.map(({ rollout }) => deployments.rollout(rollout)).findLast((rollout) => rollout !== undefined);
  if (attested !== undefined) return attested;
  const { rollout } = staging;
  return rollout?.attests === true && !isEnded(rollout) && isFrom(rollout, source) ? rollout : null;
}

function isFrom(rollout: Rollout | undefined, { commit, root, isDirty, bundle }: Source): boolean {
  if (rollout === undefined || rollout.kind !== "deploy") return false;
  return rollout.commit === commit && rollout.root === root && rollout.isDirty === isDirty && rollout.bundle === bundle;
}

/** How the environment before stands for a rollout that has to wait for it. */
export type Staged =
  | { readonly state: "waiting"; readonly on: Service | undefined; readonly rollout: Rollout | undefined }
  | {
      readonly state: "passed";
      readonly release: Release;
      readonly attestation: Attestation;
      readonly checks: readonly CheckResult[];
    }
  | { readonly state: "failed"; readonly rollout: Rollout };

/** Null when nothing comes before. */
export function stagedOf(rollout: Rollout, deployments: Deployments): Staged | null {
  if (rollout.staging === undefined) return null;
  const staging = deployments.find(rollout.staging.environment, rollout.service);
  const first = deployments.rollout(rollout.staging.rollout);
  // Both are written down together, so that this is a rollout that has not been folded yet.
  if (staging === undefined || first === undefined) return { state: "waiting", on: staging, rollout: first };
  const release = first.candidate === null ? undefined : staging.releases[first.candidate];
  const attestation = release === undefined ? undefined : staging.attestations[release.id];
  if (release !== undefined && attestation !== undefined)
    return { state: "passed", release, attestation, checks: first.checks ?? [] };
  const isOnItsWay = !isEnded(first) || (first.phase.name === "promoted" && staging.rollout?.id === first.id);
  return isOnItsWay ? { state: "waiting", on: staging, rollout: first } : { state: "failed", rollout: first };
}

/** A release that came all the way and then answers no more earns nothing by waiting. */
const lostAfterMs = 10_000;

/** The refusal of a rollout for which there is nothing to wait for any more, or null while there is. */
export function refuseUnstaged(
  staged: Staged & { readonly state: "waiting" | "failed" },
  downForMs: (staging: Service) => number,
): (RolloutFact & { kind: "rollout-refused" }) | null {
  if (staged.state === "failed") return refusal(staged.rollout, "");
  const { on, rollout } = staged;
  if (on === undefined || rollout === undefined || !isEnded(rollout) || downForMs(on) < lostAfterMs) return null;
  return refusal(rollout, "no instance of it has been ready for 10 s");
}

function refusal({ phase, environment, service, id }: Rollout, since: string): RolloutFact & { kind: "rollout-refused" } {
  const reason = since !== "" ? since : "reason" in phase ? phase.reason : "";
  const why = reason === "" ? "" : `: ${reason}`;
  return {
    kind: "rollout-refused",
    code: "BELAY_STAGING_FAILED",
    reason: `${environment} came first, and the release did not pass there (${id}, ${phase.name}${why})`,
    next: `Run \`belay explain ${id}\` or \`belay logs ${service} --environment ${environment}\`, mend the release, and deploy again.`,
  };
}

/**
 * The attestation that a release has earned and that is not written down yet. What its instances were asked before they were
 * promoted (`staging-checks.ts`) is a part of it.
 */
export function attestationDue(service: Service): NewEntry | null {
  const { rollout, environment, name } = service;
  if (rollout?.attests !== true || rollout.phase.name !== "promoted" || rollout.candidate === null) return null;
  const release = service.releases[rollout.candidate];
  if (release === undefined || service.attestations[release.id] !== undefined) return null;
  const instances = Object.values(service.instances).filter((instance) => instance.release === release.id && instance.isReady);
  if (instances.length === 0) return null;
  const healthy = `${instances.length} of ${release.run.instances} instances answered GET ${release.run.health}`;
  const checked = [
    healthy,
    ...(rollout.checks ?? []).filter(isOfStaging).map(({ check, status, summary }) => `${check}: ${status}, ${summary}`),
  ];
  const fact = { kind: "attested", release: release.id, digest: release.digest, checked } as const;
  return { environment, service: name, rollout: rollout.id, actor: loopActor, fact };
}
