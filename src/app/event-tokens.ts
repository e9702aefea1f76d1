import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EventSender } from "../control/kpi-events.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";
import type { Release } from "../rollout/rollout.ts";
import { isShadow } from "../rollout/shadow.ts";
import type { ReleaseVariables } from "../runtimes/process/release-environment.ts";

const senders: readonly EventSender[] = ["service", "shadow"];

type Place = Pick<Release, "environment" | "service">;

/** What lets a service, and no other, post the outcomes of its visitors. One key makes all tokens, so that none has to be kept. */
export class EventTokens {
  readonly #key: Uint8Array;

  private constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Made at the first use. */
  static open(keysFolder: string, random: Random): EventTokens {
    const file = join(keysFolder, "events.key");
    if (!existsSync(file)) writeFileDurably(file, random.bytes(32));
    return new EventTokens(readFileSync(file));
  }

  /** Null for a token that is nobody's of this place. */
  senderOf(place: Place, token: string): EventSender | null {
    return senders.find((sender) => isSame(this.#tokenOf(place, sender), token)) ?? null;
  }

  /**
   * The variables of a release, and where and as whom it may post if it declares a KPI by events. A shadow has the variables, too, because a
   * service may not start without them, and a token of its own, because it is no visitor's.
   */
  withEvents(variables: ReleaseVariables, release: Release, address: string | undefined): ReleaseVariables {
    if (release.events === undefined || address === undefined) return variables;
    const { environment, service } = release;
    return {
      plain: { ...variables.plain, BELAY_EVENTS_URL: `http://${address}/events/${environment}/${service}` },
      secret: { ...variables.secret, BELAY_EVENTS_TOKEN: this.#tokenOf(release, isShadow(release.id) ? "shadow" : "service") },
    };
  }

  #tokenOf({ environment, service }: Place, sender: EventSender): string {
    const purpose = sender === "service" ? "events" : "events of a shadow";
    return createHmac("sha256", this.#key).update(`${purpose}\n${environment}\n${service}`).digest("base64url");
  }
}

function isSame(one: string, other: string): boolean {
  const [own, sent] = [Buffer.from(one), Buffer.from(other)];
  return own.length === sent.length && timingSafeEqual(own, sent);
}
