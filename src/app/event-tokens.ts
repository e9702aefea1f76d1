import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";
import type { Release } from "../rollout/rollout.ts";
import type { ReleaseVariables } from "../runtimes/process/release-environment.ts";

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

  isTokenOf(place: Place, token: string): boolean {
    const [own, sent] = [Buffer.from(this.#tokenOf(place)), Buffer.from(token)];
    return own.length === sent.length && timingSafeEqual(own, sent);
  }

  /** The variables of a release, and where and as whom it may post if it declares a KPI by events. */
  withEvents(variables: ReleaseVariables, release: Release, address: string | undefined): ReleaseVariables {
    if (release.events === undefined || address === undefined) return variables;
    const { environment, service } = release;
    return {
      plain: { ...variables.plain, BELAY_EVENTS_URL: `http://${address}/events/${environment}/${service}` },
      secret: { ...variables.secret, BELAY_EVENTS_TOKEN: this.#tokenOf(release) },
    };
  }

  #tokenOf({ environment, service }: Place): string {
    return createHmac("sha256", this.#key).update(`events\n${environment}\n${service}`).digest("base64url");
  }
}
