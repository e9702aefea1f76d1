import { findFreePort } from "../../ports/free-port.ts";
import type { Random } from "../../ports/random.ts";
import { instanceHost } from "./instance-spec.ts";
import type { ProcessKeeper } from "./process-keeper.ts";

/** Ports for processes that are about to start: nobody listens there yet, so that they are kept in mind until somebody does. */
export class FreePorts {
  readonly #keeper: Pick<ProcessKeeper, "list">;
  readonly #random: Random;
  readonly #inHand = new Set<number>();

  constructor({ keeper, random }: { readonly keeper: Pick<ProcessKeeper, "list">; readonly random: Random }) {
    this.#keeper = keeper;
    this.#random = random;
  }

  /** One that no process of the keeper was given, and nobody else has in hand. Throws `BELAY_RUNTIME_NO_PORT`. */
  async take(): Promise<number> {
    const given = (await this.#keeper.list()).flatMap(({ env }) => (env["PORT"] === undefined ? [] : [Number(env["PORT"])]));
    let port = 0;
    do port = await findFreePort({ host: instanceHost, taken: new Set([...this.#inHand, ...given]), random: this.#random });
    while (this.#inHand.has(port));
    this.#inHand.add(port);
    return port;
  }

  giveBack(port: number): void {
    this.#inHand.delete(port);
  }
}
