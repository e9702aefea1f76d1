import { BelayError } from "../errors.ts";
import { describeInstant } from "../preflight/windows.ts";
import { isWindowPassedOver } from "../rollout/approval.ts";
import { openingAt } from "../rollout/calendar.ts";
import { rollbackTarget } from "../rollout/fold.ts";
import type { Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";

/** More traffic for a canary of which nothing answers would fail for everyone who gets it. */
export function requireAnsweringCandidate(service: Service, rollout: Rollout): void {
  if (Object.values(service.instances).some(({ release, isReady }) => release === rollout.candidate && isReady)) return;
  throw new BelayError({
    code: "BELAY_ROLLOUT_CANDIDATE_DOWN",
    message: `no instance of ${rollout.candidate} answers now, so visitors cannot be sent to it`,
    next: `Run \`belay status\` to see why, and try again when one answers, or run \`belay abort ${service.name}\`.`,
  });
}

/** A person who wants to go on outside of the hours has belay.yml, where a waiver says why; the way back is never closed. */
export function requireOpenWindow(rollout: Rollout, verb: string, now: Temporal.Instant): void {
  const { plan, service } = rollout;
  const { calendar } = plan;
  if (calendar === undefined || isWindowPassedOver(rollout, now)) return;
  const opening = openingAt(calendar, now);
  if (opening.isOpen) return;
  const when = opening.opensAt === null ? "" : ` at ${describeInstant(calendar, opening.opensAt)}, or`;
  throw new BelayError({
    code: "BELAY_WINDOW_CLOSED",
    message: `${verb} brings more visitors to the release, and ${opening.why}`,
    next: `Do it${when} ask somebody else to let it pass with \`belay override ${service} --reason <words>\`; \`belay abort ${service}\` is always allowed.`,
  });
}

export function unknownRelease({ name, environment }: Pick<Service, "name" | "environment">, wanted: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_UNKNOWN",
    message: `${name} has no release ${wanted.slice(0, 100)} in ${environment}`,
    next: `Run \`belay releases ${name}\` to see them.`,
  });
}

export function requireTarget(service: Service, wanted: string | null): Release {
  const id = wanted ?? rollbackTarget(service);
  const release = id === null ? undefined : service.releases[id];
  if (release === undefined) {
    throw new BelayError({
      code: "BELAY_ROLLBACK_NO_TARGET",
      message:
        wanted === null
          ? `${service.name} has no release that was promoted before the present one`
          : `${service.name} has no release ${wanted}`,
      next: `Run \`belay releases ${service.name}\` to see them, then \`belay rollback ${service.name} --to <release>\`.`,
    });
  }
  if (service.goneBackFrom.includes(release.id)) {
    const { id, commit } = release;
    throw new BelayError({
      code: "BELAY_ROLLBACK_GONE_BACK_FROM",
      message: `${service.name} went back from ${id}, so it is a way forward and not a way back`,
      next: `Run \`belay deploy\` from its commit ${commit.slice(0, 12)}${orAWayBack(service)}.`,
    });
  }
  if (!service.promotedBefore.includes(release.id)) {
    throw new BelayError({
      code: "BELAY_ROLLBACK_NEVER_PROMOTED",
      message: `${release.id} was never promoted, so it is not a way back`,
      next: `Run \`belay deploy\` from its commit${orAWayBack(service)}.`,
    });
  }
  if (release.id !== service.stable) return release;
  throw new BelayError({
    code: "BELAY_RELEASE_SERVES_ALREADY",
    message: `${release.id} serves everyone already`,
    next: `Choose another release with \`belay rollback ${service.name} --to <release>\`.`,
  });
}

function orAWayBack({ promotedBefore, stable }: Service): string {
  const ways = promotedBefore.filter((id) => id !== stable);
  return ways.length === 0 ? "" : `, or choose one of ${ways.join(", ")}`;
}
