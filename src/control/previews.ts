import { BelayError } from "../errors.ts";
import { previewable } from "../rollout/desired.ts";
import type { NewEntry } from "../rollout/entry.ts";
import { type Actor, isEnded, type ReleaseId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { previewLinkPath } from "../routing/preview-desk.ts";
import { PassReader, type PreviewPass, writePass } from "../routing/preview-pass.ts";
import type { Redemption } from "../routing/wire.ts";
import type { ControlLoop } from "./control-loop.ts";
import type { PreviewLink } from "./control-plane.ts";
import { systemEntry } from "./journal.ts";
import type { PreviewKeys } from "./preview-keys.ts";
import type { World } from "./world.ts";

/** How long a link waits for somebody to open it. */
const linkSeconds = 3_600;

/** Links to releases that not everybody sees: made here, checked by every worker, and redeemed here, once. */
export class Previews {
  readonly #world: Pick<World, "clock" | "random" | "log">;
  readonly #loop: ControlLoop;
  readonly #keys: PreviewKeys;

  constructor(options: {
    readonly world: Pick<World, "clock" | "random" | "log">;
    readonly loop: ControlLoop;
    readonly keys: PreviewKeys;
  }) {
    this.#world = options.world;
    this.#loop = options.loop;
    this.#keys = options.keys;
  }

  make(
    service: Service,
    request: { readonly release: ReleaseId | null; readonly lastsSeconds: number },
    actor: Actor,
  ): PreviewLink {
    const release = chooseRelease(service, request.release);
    const key = this.#keys.signer("link");
    const nonce = Buffer.from(this.#world.random.bytes(12)).toString("base64url");
    const now = this.#world.clock.now();
    const redeemBefore = now.add({ seconds: linkSeconds });
    const { lastsSeconds } = request;
    const { environment, name } = service;
    const fact = {
      kind: "preview-link-made",
      nonce,
      release,
      redeemBefore: redeemBefore.toString(),
      lastsSeconds,
      key: key.id,
    } as const;
    this.#loop.submit([...this.#keysEntry(actor), { environment, service: name, rollout: "", actor, fact }]);
    const link = writePass({ environment, service: name, release, nonce, expires: secondsOf(redeemBefore) }, key);
    const route = (service.releases[service.stable ?? ""]?.routes ?? [])[0] ?? { host: "*", path: "/" };
    const target = `${route.path === "/" ? "" : route.path}${previewLinkPath}?link=${link}`;
    const position = this.#loop.table.epoch;
    return { release, host: route.host, target, redeemBefore: redeemBefore.toString(), lastsSeconds, position };
  }

  /**
   * The one place where a link is used up: the fact is in the ledger before the cookie is signed, so that of two workers one is
   * told that it was used. An answer that is lost on its way leaves a link that is used and a person who asks for another.
   */
  redeem(link: string): Redemption {
    const reader = new PassReader();
    reader.useKeys(this.#loop.journal.deployments.previewKeys);
    const pass = reader.read("link", link);
    if (pass === null) return { kind: "refused", why: "forged" };
    const now = this.#world.clock.now();
    if (pass.expires <= secondsOf(now)) return { kind: "refused", why: "expired" };
    const { environment, service: name, nonce, release } = pass;
    const service = this.#loop.journal.deployments.find(environment, name);
    const made = service?.previews.find((preview) => preview.nonce === nonce);
    if (service === undefined || made === undefined || made.redeemedAt !== null) return { kind: "refused", why: "replayed" };
    if (!leadsTo(release, service)) return { kind: "refused", why: "expired" };
    const key = this.#keys.signer("cookie");
    try {
      const actor: Actor = { kind: "person", name: made.by, via: "token" };
      const fact = { kind: "preview-link-redeemed", nonce, key: key.id } as const;
      this.#loop.submit([{ environment, service: name, rollout: "", actor, fact }]);
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      this.#world.log.warn("a preview link was not redeemed, because that could not be written down", { cause: cause.message });
      return { kind: "unavailable" };
    }
    const { lastsSeconds } = made;
    const seen: PreviewPass = { environment, service: name, release, nonce, expires: secondsOf(now) + lastsSeconds };
    return { kind: "accepted", cookie: writePass(seen, key), lastsSeconds };
  }

  rotate({ isRevoking }: { readonly isRevoking: boolean }, actor: Actor): readonly string[] {
    this.#keys.rotate({ isRevoking });
    this.#loop.submit(this.#keysEntry(actor));
    return this.#keys.known().map(({ id }) => id);
  }

  /** The workers check by what the ledger says, so that the table stays a function of it. */
  #keysEntry(actor: Actor): readonly NewEntry[] {
    this.#keys.signer("cookie");
    this.#keys.signer("link");
    const keys = this.#keys.known();
    const isSame = JSON.stringify(keys) === JSON.stringify(this.#loop.journal.deployments.previewKeys);
    return isSame ? [] : [{ ...systemEntry({ kind: "preview-keys-changed", keys }), actor }];
  }
}

/** Whether a link's holder would see the release: because of the cookie, or because everyone does by now. */
function leadsTo(release: ReleaseId, service: Service): boolean {
  const { stable, rollout } = service;
  const isForEveryone = release === stable || (rollout?.phase.name === "promoting" && rollout.candidate === release);
  return isForEveryone || previewable(service).includes(release);
}

function chooseRelease(service: Service, wanted: ReleaseId | null): ReleaseId {
  const { rollout, name } = service;
  const running = rollout !== null && !isEnded(rollout) ? rollout : null;
  const release = wanted ?? running?.candidate ?? null;
  const isBuilding = running !== null && running.candidate === release;
  if (service.stable === null)
    throw unavailable(
      `${name} serves nobody yet, so there is nothing beside which a release could be shown`,
      `Wait until \`belay status\` shows that its first release serves.`,
    );
  if (release === null && running !== null)
    throw unavailable(
      `the release of ${running.id} is still being built`,
      "Wait until `belay status` shows its instances, then ask again.",
    );
  if (release === null)
    throw unavailable(
      `no rollout of ${name} is running`,
      "Run `belay deploy`, or name a release that `belay releases` shows as warm.",
    );
  if (release === service.stable) throw unavailable(`${release} serves everyone already`, "Open the service itself.");
  if (service.releases[release] === undefined)
    throw new BelayError({
      code: "BELAY_RELEASE_UNKNOWN",
      message: `${name} has no release ${release}`,
      next: `Run \`belay releases ${name}\` to see them.`,
    });
  const isShown = previewable(service).includes(release);
  const isReady = Object.values(service.instances).some((instance) => instance.release === release && instance.isReady);
  if (isShown && isReady) return release;
  if (isBuilding && isShown)
    throw unavailable(`no instance of ${release} is ready yet`, "Wait until `belay status` shows one, then ask again.");
  throw unavailable(
    `no instance of ${release} runs: only a release that rolls out, or one that is kept warm, can be shown`,
    `Run \`belay deploy\` from its commit; it can be previewed as soon as an instance is ready, and \`belay pause ${name}\` keeps others away from it.`,
  );
}

function unavailable(message: string, next: string): BelayError {
  return new BelayError({ code: "BELAY_PREVIEW_NOT_RUNNING", message, next });
}

function secondsOf(instant: Temporal.Instant): number {
  return Math.floor(instant.epochMilliseconds / 1000);
}
