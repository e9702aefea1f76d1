import type { Entry, RolloutFact, ServiceFact } from "./entry.ts";
import { applyBackgroundFact } from "./fold-background.ts";
import { beginSupervision, breakGlassesAfter } from "./fold-supervision.ts";
import { applyRunFact, applyTaskFact } from "./fold-tasks.ts";
import { endOfPreview, type Preview } from "./preview.ts";
import { isEnded, type Plan, type ReleaseId, type Rollout } from "./rollout.ts";
import type { Service } from "./service.ts";
import { transition } from "./transition.ts";

const metMax = 50;

/** A service that nothing was ever deployed to. */
export function newService(environment: string, name: string): Service {
  return {
    environment,
    name,
    releases: {},
    stable: null,
    promotedBefore: [],
    goneBackFrom: [],
    promotion: null,
    attestations: {},
    met: [],
    warm: null,
    rollout: null,
    instances: {},
    processOwner: null,
    jobs: {},
    tasks: { started: 0, attempts: [], done: {} },
    oneOffs: { started: 0, runs: [] },
    breakGlasses: [],
    maintenance: null,
    previews: [],
  };
}

/** One entry further. Entries that name no service never come here. */
export function applyEntry(service: Service, entry: Entry): Service {
  const { fact } = entry;
  switch (fact.kind) {
    case "control-started":
    case "ledger-recovered":
    case "preview-keys-changed":
    case "secret-changed":
    case "token-created":
    case "token-revoked":
    case "principal-mapped":
    case "policy-pinned":
    case "policy-cleared":
      return service;
    case "break-glass-reviewed":
    case "break-glass-overdue":
      return { ...service, breakGlasses: breakGlassesAfter(service.breakGlasses, entry, fact) };
    case "preview-link-made":
    case "preview-link-redeemed":
      return { ...service, previews: previewsAfter(service, entry, fact) };
    case "instance-ready":
    case "instance-lost":
    case "warm-retired":
      return applyServiceFact(service, fact);
    case "processes-moved":
    case "job-started":
    case "job-ended":
    case "job-skipped":
    case "job-missed":
      return applyBackgroundFact(service, fact, entry.at);
    case "run-started":
    case "run-ended":
      return applyRunFact(service, entry, fact);
    case "task-started":
    case "task-ended":
    case "task-unknown":
    case "task-resolved":
      return applyRolloutFact(applyTaskFact(service, entry, fact), entry, fact);
    case "rolled-back-directly":
      return applyDirectRollback(service, entry, fact);
    case "attested": {
      const { digest, checked, release } = fact;
      const attestation = { digest, checked, rollout: entry.rollout, at: entry.at };
      return { ...service, attestations: { ...service.attestations, [release]: attestation } };
    }
    case "maintenance-changed":
      return { ...service, maintenance: fact.isOn ? { message: fact.message, since: entry.at } : null };
    case "rollout-requested":
      return {
        ...service,
        rollout: beginRollout(service, entry, fact),
        warm: warmAfterRequest(service, fact),
        breakGlasses: breakGlassesAfter(service.breakGlasses, entry, fact),
      };
    default:
      return applyRolloutFact(service, entry, fact);
  }
}

function applyServiceFact(
  service: Service,
  fact: Extract<ServiceFact, { kind: "instance-ready" | "instance-lost" | "warm-retired" }>,
): Service {
  switch (fact.kind) {
    case "instance-ready": {
      const known = { id: fact.instance, release: fact.release, host: fact.host, port: fact.port, isReady: true };
      return { ...service, instances: { ...service.instances, [fact.instance]: known } };
    }
    case "instance-lost": {
      const { [fact.instance]: lost, ...others } = service.instances;
      if (lost === undefined) return service;
      return { ...service, instances: fact.isGone ? others : { ...others, [fact.instance]: { ...lost, isReady: false } } };
    }
    case "warm-retired":
      return service.warm?.release === fact.release ? { ...service, warm: null } : service;
  }
}

/** With each new link those that are over are forgotten. */
function previewsAfter(
  { previews }: Service,
  { actor, at }: Entry,
  fact: Extract<ServiceFact, { kind: "preview-link-made" | "preview-link-redeemed" }>,
): readonly Preview[] {
  if (fact.kind === "preview-link-redeemed")
    return previews.map((preview) =>
      preview.nonce === fact.nonce ? { ...preview, redeemedAt: at, key: fact.key ?? null } : preview,
    );
  const { nonce, release, redeemBefore, lastsSeconds, key = null } = fact;
  const made: Preview = { nonce, release, by: actor.name, madeAt: at, redeemBefore, lastsSeconds, redeemedAt: null, key };
  const isGood = (preview: Preview) => Temporal.Instant.compare(endOfPreview(preview), Temporal.Instant.from(at)) > 0;
  return [...previews.filter(isGood), made];
}

/** Everyone is on the target already, so the rollout that stands for it begins and ends here. */
function applyDirectRollback(service: Service, entry: Entry, fact: ServiceFact & { kind: "rolled-back-directly" }): Service {
  const { target, plan, reason } = fact;
  const asked = { kind: "rollout-requested", rolloutKind: "rollback", target, plan, by: "person", reason } as const;
  const begun = beginRollout(service, entry, asked);
  const rollout: Rollout = { ...begun, endedAt: entry.at, phase: { name: "promoted", by: "person", reason } };
  return applyPromotion({ ...service, rollout }, rollout, target, entry.at);
}

function beginRollout(service: Service, entry: Entry, fact: RolloutFact & { kind: "rollout-requested" }): Rollout {
  const isRollback = fact.rolloutKind === "rollback";
  const commit = isRollback ? (service.releases[fact.target]?.commit ?? "") : fact.commit;
  return {
    id: entry.rollout,
    service: service.name,
    environment: service.environment,
    kind: fact.rolloutKind,
    requestedBy: entry.actor,
    requestedAt: entry.at,
    endedAt: null,
    commit,
    isDirty: !isRollback && fact.isDirty,
    root: isRollback ? "" : fact.root,
    ...(isRollback || fact.bundle === undefined ? {} : { bundle: fact.bundle }),
    ...(isRollback || fact.config === undefined ? {} : { config: fact.config }),
    ...(isRollback || fact.revisionOf === undefined ? {} : { revisionOf: fact.revisionOf }),
    ...(isRollback || fact.fix === undefined ? {} : { fix: fact.fix }),
    ...(isRollback || fact.tag === undefined ? {} : { tag: fact.tag }),
    ...(isRollback || fact.staging === undefined ? {} : { staging: fact.staging }),
    ...(isRollback || fact.attests === undefined ? {} : { attests: fact.attests }),
    ...(isRollback || fact.requestKey === undefined ? {} : { requestKey: fact.requestKey }),
    ...(isRollback || fact.judgement === undefined ? {} : { judgement: fact.judgement }),
    candidate: isRollback ? fact.target : null,
    stable: service.stable,
    plan: fact.plan,
    forecast: isRollback ? "" : fact.forecast,
    phase: { name: "pending" },
    exposureEpoch: 0,
    earnedBy: isRollback ? fact.by : "verdict",
    supervision: beginSupervision(fact),
    evidence: null,
    alarms: [],
  };
}

function warmAfterRequest({ warm }: Service, fact: RolloutFact & { kind: "rollout-requested" }): Service["warm"] {
  return warm === null ? null : { ...warm, isWatched: warm.isWatched && fact.rolloutKind === "deploy" };
}

function applyRolloutFact(service: Service, entry: Entry, fact: RolloutFact): Service {
  const before = service.rollout;
  if (before === null || before.id !== entry.rollout) return service;
  const rollout = transition(before, { position: entry.position, at: entry.at, by: entry.actor.name, fact });
  const releases = fact.kind === "release-built" ? { ...service.releases, [fact.release.id]: fact.release } : service.releases;
  const met = fact.kind === "candidate-ready" ? metWith(service, rollout.candidate) : service.met;
  const next = { ...service, rollout, releases, met };
  const isPromoted = rollout.phase.name === "promoted" && !isEnded(before);
  return isPromoted && rollout.candidate !== null ? applyPromotion(next, rollout, rollout.candidate, entry.at) : next;
}

function metWith(service: Service, release: ReleaseId | null): readonly ReleaseId[] {
  return release === null ? service.met : [...service.met.filter((id) => id !== release), release].slice(-metMax);
}

/** The candidate becomes stable. The old release stays warm as the way back; after a rollback there is nothing to go back to. */
function applyPromotion(service: Service, rollout: Rollout, promoted: ReleaseId, at: string): Service {
  const old = service.stable;
  const warm =
    rollout.kind === "deploy" && old !== null && old !== promoted
      ? { release: old, since: at, keepMs: rollout.plan.keepWarmMs, isWatched: true }
      : null;
  const seen = service.promotedBefore.indexOf(promoted);
  const goneBackFrom = service.goneBackFrom.filter((id) => id !== promoted);
  const next = { ...service, stable: promoted, promotion: rollout, warm };
  if (rollout.kind !== "rollback" || seen === -1)
    return { ...next, goneBackFrom, promotedBefore: [...service.promotedBefore.filter((id) => id !== promoted), promoted] };
  return {
    ...next,
    goneBackFrom: [...goneBackFrom, ...service.promotedBefore.slice(seen + 1)],
    promotedBefore: service.promotedBefore.slice(0, seen + 1),
  };
}

/** Where `belay rollback` goes when nobody names a release: the one promoted before the present one. */
export function rollbackTarget(service: Service): ReleaseId | null {
  return service.promotedBefore.at(-2) ?? null;
}

/** The plan of a rollback: no steps, no bake and no window, everything else as the release was rolled out. */
export function rollbackPlan({ calendar: _, ...plan }: Plan): Plan {
  return { ...plan, steps: [], bakeMs: 0 };
}
