import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import { Browser, type Exchange } from "./browser.ts";
import { isFailed, type Tally } from "./tally.ts";

const itemCount = 8;

/** What a visitor needs of the crowd that it is part of. */
export interface VisitorOptions {
  readonly baseUrl: string;
  readonly hostHeader: string;
  readonly number: number;
  readonly seed: number;
  /** Share of visitors whose browser has not yet cached style and script. */
  readonly assetShare: number;
  /** The lap's tally, asked for at every count because laps change. */
  readonly tally: () => Tally;
  /** Resolves after a while, or at once when the crowd is sent home. */
  readonly think: (shareOfMax: number) => Promise<void>;
  readonly isOver: () => boolean;
}

/** One person in the shop. Everything that it does is drawn from its seed. */
export class Visitor {
  readonly #options: VisitorOptions;
  readonly #browser: Browser;
  readonly #random: Random;
  #side = "";

  constructor(options: VisitorOptions) {
    this.#options = options;
    this.#browser = new Browser(options.baseUrl, options.hostHeader);
    this.#random = createSeededRandom(options.seed * 1_000_003 + options.number);
  }

  /** Landing, an item, then basket, purchase and more items in turn, until `requests` pages were asked for. */
  async shop(requests: number): Promise<void> {
    const item = String(1 + Math.floor(this.#random.float() * itemCount));
    const pages = [
      () => this.#land(),
      () => this.#page("GET", `/item/${item}`),
      () => (this.#random.float() < 0.5 ? this.#page("POST", "/basket", { item }) : this.#page("POST", "/checkout", { item })),
    ];
    for (let asked = 0; asked < requests && !this.#options.isOver(); asked += 1) {
      if (asked > 0) await this.#options.think(this.#random.float());
      await pages[asked % pages.length]?.();
    }
    this.#browser.close();
  }

  /** Logs in, then comes back to the account and the catalogue again and again, as long as the shop is visited. */
  async stayAsMember(): Promise<void> {
    let isLoggedIn = false;
    while (!this.#options.isOver()) {
      if (!isLoggedIn) {
        await this.#land();
        isLoggedIn = (await this.#page("POST", "/login", { name: `member ${this.#options.number}` })).status === 200;
      } else {
        const account = await this.#send("GET", "/account");
        if (account.status === 401) {
          this.#options.tally().countSurprise("loggedOut");
          isLoggedIn = false;
        } else this.#expectPage(account);
      }
      await this.#options.think(1 + this.#random.float());
    }
    this.#browser.close();
  }

  async #land(): Promise<void> {
    const landing = await this.#page("GET", "/");
    if (landing.status !== 200 || this.#random.float() >= this.#options.assetShare) return;
    for (const [, path = ""] of landing.body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
      const asset = await this.#send("GET", path);
      if (asset.status !== 200 && !isFailed(asset)) this.#options.tally().countSurprise("missedAssets");
    }
  }

  async #page(method: "GET" | "POST", path: string, form?: Readonly<Record<string, string>>): Promise<Exchange> {
    const exchange = await this.#send(method, path, form);
    this.#expectPage(exchange);
    return exchange;
  }

  #expectPage(exchange: Exchange): void {
    if (exchange.status !== 200 && !isFailed(exchange)) this.#options.tally().countSurprise("unexpected");
  }

  async #send(method: "GET" | "POST", path: string, form?: Readonly<Record<string, string>>): Promise<Exchange> {
    const tally = this.#options.tally();
    tally.begin();
    const exchange = await this.#browser.send(method, path, form);
    tally.countExchange(this.#options.number, exchange);
    this.#noteSide(exchange, tally);
    return exchange;
  }

  /** The answer that sets `belay_uid` is the first that has a side. */
  #noteSide({ release }: Exchange, tally: Tally): void {
    if (release === "" || !this.#browser.hasCookie("belay_uid")) return;
    if (this.#side !== "" && this.#side !== release) tally.countSideChange(this.#options.number);
    this.#side = release;
  }
}
