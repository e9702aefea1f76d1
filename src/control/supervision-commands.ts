import type { Configs } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { CommitComparison } from "../release/compare-commits.ts";
import type { Releases } from "../release/releases.ts";
import { type ApprovalNeed, type BreakGlass, isBeforeStart, isMet, isWindowPassedOver, needsOf } from "../rollout/approval.ts";
import { refuseApprover, refuseReviewer } from "../rollout/approver.ts";
import { requireRunning } from "../rollout/commands.ts";
import { hasRole, isExpired } from "../rollout/principal.ts";
import { type Actor, isEnded, type Release, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { own, refused, refusedReviewer } from "./approval-refusals.ts";
import { addressesOf, planHash, viewApproval } from "./approval-view.ts";
import { type ControlLoop, entryOf } from "./control-loop.ts";
import type { ControlPlane } from "./control-plane.ts";
import { anybodyElse, windowNeed } from "./plan-needs.ts";
import { viewSupervision } from "./supervision-views.ts";
import type { World } from "./world.ts";

interface Supervisors {
  readonly world: Pick<World, "clock" | "log">;
  readonly loop: ControlLoop;
  readonly releases: Pick<Releases, "compareCommits">;
  readonly configs: Pick<Configs, "show">;
}

/** A rollout about which people have something to say, and what is known of it. */
interface Subject {
  readonly rollout: Rollout;
  readonly service: Service;
  readonly release: Release;
  readonly comparison: CommitComparison | null;
}

/** What people other than the one who asked say of a rollout, turned into entries. */
export function supervisionCommands(
  supervisors: Supervisors,
): Pick<ControlPlane, "approval" | "approve" | "override" | "review"> {
  const { world, loop } = supervisors;
  return {
    approval: async ({ rollout }) => {
      const subject = await lookAt(supervisors, rollout);
      const supervision = viewSupervision(subject.rollout, subject.service, world.clock.now());
      const open = openNow(subject.rollout, world.clock.now()).map(({ id }) => id);
      return viewApproval({ ...subject, ...supervisors, principals: loop.journal.deployments.principals, supervision, open });
    },
    approve: async (request, actor) => {
      requirePerson(loop, actor, world.clock.now());
      const before = await lookAt(supervisors, request.rollout);
      // What was awaited may have changed it: what counts is how it stands now, and nothing is awaited from here on.
      const rollout = requireRollout(loop, request.rollout);
      const { release, comparison } = before;
      const { principals } = loop.journal.deployments;
      const addresses = addressesOf(comparison);
      const refusal = refuseApprover(actor.name, { requestedBy: rollout.requestedBy, addresses, principals });
      if (refusal !== null) throw refused(rollout, actor.name, refusal);
      if (request.digest !== release.digest || request.plan !== planHash(rollout.plan)) throw changed(rollout);
      const needs = requireNeeds(rollout, { name: actor.name, shown: request.needs }, world.clock.now());
      if (request.reason.trim() === "" && needs.some(({ kind }) => kind === "budget")) throw withoutReason(rollout);
      const until = world.clock.now().add({ milliseconds: Math.min(...needs.map(({ lastsMs }) => lastsMs)) });
      loop.submit([
        entryOf(rollout, actor, {
          kind: "approval-given",
          needs: needs.map(({ id }) => id),
          digest: request.digest,
          plan: request.plan,
          until: until.toString(),
          commits: comparison?.commits.length ?? null,
          reason: request.reason,
        }),
      ]);
      const supervision = viewSupervision(requireRollout(loop, rollout.id), before.service, world.clock.now());
      return { rollout: rollout.id, approved: needs.map(({ id }) => id), until: until.toString(), supervision };
    },
    override: async (request, actor) => {
      // Nobody's word counts for what they asked for, so that it has to be known who did.
      requirePerson(loop, actor, world.clock.now());
      const service = loop.journal.deployments.find(request.environment, request.service);
      const rollout = requireRunning(service?.rollout ?? null, request.service);
      if (rollout.plan.calendar === undefined) throw noHours(rollout);
      // Asked for again by one who approved it, it would count no more.
      if (isWindowPassedOver(rollout, world.clock.now())) throw notNeeded(rollout, "closed hours are passed over already");
      const rule = (rollout.plan.needs ?? []).find(({ kind }) => kind === "environment") ?? anybodyElse;
      const { people, from, lastsMs } = rule;
      const need = windowNeed(request.reason, { people, from, lastsMs });
      loop.submit([entryOf(rollout, actor, { kind: "override-requested", need })]);
      return { rollout: rollout.id };
    },
    review: async (request, actor) => {
      requirePerson(loop, actor, world.clock.now());
      const rollout = requireRollout(loop, request.rollout);
      requireUnreviewed(loop, rollout);
      const addresses = addressesOf(await comparisonOf(supervisors, rollout));
      // Somebody else may have been faster meanwhile.
      const { at } = requireUnreviewed(loop, rollout);
      const { principals } = loop.journal.deployments;
      const refusal = refuseReviewer(actor.name, { requestedBy: rollout.requestedBy, addresses, principals, at });
      if (refusal !== null) throw refusedReviewer(rollout, actor.name, refusal);
      loop.submit([entryOf(rollout, actor, { kind: "break-glass-reviewed", words: request.words })]);
      return { rollout: rollout.id };
    },
  };
}

/**
 * A way past everything has to have somebody's name on it. Where nobody has a token that could approve, whoever is at the machine
 * is all there is, also when a dashboard or a job has one. Throws `BELAY_PERSON_NEEDED`.
 */
export function requireNamed(loop: Pick<ControlLoop, "journal">, actor: Actor, now: Temporal.Instant): void {
  const tokens = loop.journal.deployments.principals.tokens.filter((token) => !isExpired(token, now));
  const isAlone = actor.via === "socket" ? tokens.every(({ role }) => !hasRole(role, "approver")) : tokens.length === 0;
  if (!isAlone) requirePerson(loop, actor, now);
}

/** A claimed name approves nothing, and neither does the machine's token. Throws `BELAY_PERSON_NEEDED`. */
function requirePerson({ journal }: Pick<ControlLoop, "journal">, actor: Actor, now: Temporal.Instant): void {
  const isKnown = journal.deployments.principals.tokens.some((token) => token.name === actor.name && !isExpired(token, now));
  if (actor.via === "token" && isKnown) return;
  throw new BelayError({
    code: "BELAY_PERSON_NEEDED",
    message: `${actor.name} is ${actor.via === "token" ? "the machine's own token" : "a name without a token"}, and this takes a person's own`,
    next: "Set BELAY_TOKEN to your own token of this Belay (any other counts for nothing at the machine itself); `belay token create <name> --role approver` makes one, for whoever runs the machine.",
  });
}

async function lookAt(supervisors: Supervisors, id: string): Promise<Subject> {
  const { loop } = supervisors;
  const rollout = requireRollout(loop, id);
  const { journal } = loop;
  const service = journal.deployments.find(rollout.environment, rollout.service);
  const release = rollout.candidate === null ? undefined : service?.releases[rollout.candidate];
  if (service === undefined || release === undefined)
    throw isEnded(rollout) ? notNeeded(rollout, "it has ended, and no release came of it") : tooEarly(rollout);
  return { rollout, service, release, comparison: await comparisonOf(supervisors, rollout) };
}

/** What its release changes of the one that it was to replace; null where that is not known, or no release came of it. */
async function comparisonOf({ loop, releases }: Supervisors, rollout: Rollout): Promise<CommitComparison | null> {
  const known = loop.journal.deployments.find(rollout.environment, rollout.service)?.releases ?? {};
  const release = rollout.candidate === null ? undefined : known[rollout.candidate];
  if (release === undefined) return null;
  const stable = rollout.stable === null ? null : (known[rollout.stable] ?? null);
  const isSameCode = stable?.digest === release.digest && stable.commit === release.commit;
  if (isSameCode) return { commits: [], files: [] };
  return releases.compareCommits(stable?.commit ?? null, release.commit);
}

/** Throws `BELAY_REVIEW_NOT_NEEDED`. */
function requireUnreviewed({ journal }: Pick<ControlLoop, "journal">, rollout: Rollout): BreakGlass {
  const service = journal.deployments.find(rollout.environment, rollout.service);
  const broken = service?.breakGlasses.find((each) => each.rollout === rollout.id);
  if (broken === undefined) throw nothingBroken(rollout);
  if (broken.review !== null) throw reviewed(rollout, broken.review.by);
  return broken;
}

function requireRollout({ journal }: Pick<ControlLoop, "journal">, id: string): Rollout {
  const rollout = journal.deployments.rollout(id);
  if (rollout !== undefined) return rollout;
  throw new BelayError({
    code: "BELAY_ROLLOUT_UNKNOWN",
    message: `there is no rollout ${id}`,
    next: "Run `belay status` to see what waits for approval.",
  });
}

/** What of its needs can be approved now. A gate is approved when it is reached, and not before. */
function openNow(rollout: Rollout, now: Temporal.Instant): readonly ApprovalNeed[] {
  const { supervision, phase } = rollout;
  if (isEnded(rollout)) return [];
  const isNow = (need: ApprovalNeed) =>
    need.kind === "window" || (isBeforeStart(need) ? !supervision.mayStart : "step" in phase && phase.step === need.step);
  return needsOf(rollout).filter((need) => isNow(need) && !isMet(need, supervision, now));
}

/** What of that was shown and is somebody's to approve: what came since they looked is looked at first. */
function requireNeeds(
  rollout: Rollout,
  { name, shown }: { readonly name: string; readonly shown: readonly string[] },
  now: Temporal.Instant,
): readonly ApprovalNeed[] {
  const { supervision } = rollout;
  if (isEnded(rollout)) throw notNeeded(rollout, "it has ended");
  const all = openNow(rollout, now);
  if (all.length === 0) throw notNeeded(rollout, "nothing of it waits for approval now");
  const open = all.filter(({ id }) => shown.includes(id));
  if (open.length === 0) throw changed(rollout);
  const isGiven = ({ id }: ApprovalNeed) =>
    supervision.approvals.some(
      ({ by, needs, until }) =>
        by === name && needs.includes(id) && Temporal.Instant.compare(now, Temporal.Instant.from(until)) < 0,
    );
  const others = open.filter(({ askedBy }) => askedBy !== name);
  if (others.length === 0) throw own(rollout, `${name} asked for closed hours to be passed over`);
  const mine = others.filter(({ from }) => from.length === 0 || from.includes(name));
  if (mine.length === 0) {
    throw new BelayError({
      code: "BELAY_APPROVAL_NOT_YOURS",
      message: `${rollout.id} is to be approved by ${[...new Set(others.flatMap(({ from }) => from))].join(" or ")}, and not by ${name}`,
      next: "Ask one of them, or name more people under approvals in belay.yml.",
    });
  }
  const left = mine.filter((need) => !isGiven(need));
  if (left.length === 0) throw notNeeded(rollout, `${name} has approved it, and somebody else is waited for`);
  return left;
}

function withoutReason({ id }: Pick<Rollout, "id">): BelayError {
  return new BelayError({
    code: "BELAY_APPROVAL_REASON_NEEDED",
    message: `the error budget is spent, so that whoever lets ${id} go on says why`,
    next: `Run \`belay approve ${id} --reason <words>\`.`,
  });
}

function changed({ id }: Rollout): BelayError {
  return new BelayError({
    code: "BELAY_APPROVAL_CHANGED",
    message: `${id} is another than the one that was looked at`,
    next: `Run \`belay approve ${id}\` to look at it as it is.`,
  });
}

function tooEarly({ id }: Rollout): BelayError {
  return new BelayError({
    code: "BELAY_APPROVAL_TOO_EARLY",
    message: `the release of ${id} is not built yet, so there is nothing to look at`,
    next: "Wait until `belay status` says that it waits for approval.",
  });
}

function notNeeded({ id }: Rollout, why: string): BelayError {
  return new BelayError({
    code: "BELAY_APPROVAL_NOT_NEEDED",
    message: `${id} needs no approval: ${why}`,
    next: "Run `belay status` to see where it stands.",
  });
}

function noHours({ id }: Rollout): BelayError {
  return new BelayError({
    code: "BELAY_OVERRIDE_NO_HOURS",
    message: `${id} keeps to no windows and no freezes`,
    next: "Run `belay status` to see what it waits for; a failed check is passed over by `belay deploy --override <check>`.",
  });
}

function nothingBroken({ id }: Rollout): BelayError {
  return new BelayError({
    code: "BELAY_REVIEW_NOT_NEEDED",
    message: `nobody broke the glass for ${id}`,
    next: "Run `belay status` to see what waits for a review.",
  });
}

function reviewed({ id }: Rollout, by: string): BelayError {
  return new BelayError({
    code: "BELAY_REVIEW_NOT_NEEDED",
    message: `${by} has reviewed ${id}`,
    next: `Run \`belay explain ${id}\` to read it.`,
  });
}
