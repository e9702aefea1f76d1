import { createHash, timingSafeEqual } from "node:crypto";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import {
  isExpired,
  machineName,
  outside,
  type PrincipalFact,
  type Principals,
  type Role,
  type Scope,
  type Token,
} from "../rollout/principal.ts";
import type { Actor } from "../rollout/rollout.ts";
import type { ControlLoop } from "./control-loop.ts";

/** Where hashes of tokens outlive the control plane. Both throw `BELAY_TOKENS_UNUSABLE`. */
export interface TokenHashes {
  /** By the token's id: sha256, in hex. A token is 256 random bits, so that a plain hash is enough. */
  load(): Readonly<Record<string, string>>;
  save(hashes: Readonly<Record<string, string>>): void;
}

export interface TokenRequest {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
  /** Null: it ends when it is revoked. */
  readonly lastsMs: number | null;
  readonly gitEmails: readonly string[];
}

/** A token as it may be shown; no part of its secret. */
export interface TokenView extends Token {
  readonly isExpired: boolean;
  readonly gitEmails: readonly string[];
}

/** What is found for a token that was sent. */
export type Found =
  | { readonly kind: "token"; readonly token: Token }
  | { readonly kind: "expired"; readonly token: Token }
  | { readonly kind: "unknown" };

/** Names that say who or what acts where no token does. */
const taken: ReadonlySet<string> = new Set([machineName, "belay", "unknown", "control loop", outside]);

/** Tokens: what they may do is in the ledger, and a hash of each in a file beside it. Only what is in both counts. */
export class PrincipalDesk {
  readonly #loop: Pick<ControlLoop, "journal" | "submit">;
  readonly #hashes: TokenHashes;
  readonly #clock: Pick<Clock, "now">;
  readonly #random: Random;
  #known: readonly { readonly id: string; readonly hash: Buffer }[];

  constructor(options: {
    readonly loop: Pick<ControlLoop, "journal" | "submit">;
    readonly hashes: TokenHashes;
    readonly clock: Pick<Clock, "now">;
    readonly random: Random;
  }) {
    this.#loop = options.loop;
    this.#hashes = options.hashes;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#known = toKnown(this.#hashes.load());
  }

  /** The token is in the answer, and nowhere else. Throws `BELAY_TOKEN_NAME_TAKEN`. */
  create(request: TokenRequest, actor: Actor): { readonly token: string; readonly view: TokenView } {
    const { name, role, scope, lastsMs, gitEmails } = request;
    if (taken.has(name)) throw nameTaken(name);
    const token = `belay_${Buffer.from(this.#random.bytes(32)).toString("base64url")}`;
    const id = Buffer.from(this.#random.bytes(5)).toString("hex");
    const until = lastsMs === null ? null : this.#clock.now().add({ milliseconds: lastsMs }).toString();
    // First the hash, which by itself opens nothing: what the ledger does not know of counts for nothing.
    this.#save({ ...this.#hashes.load(), [id]: hashOf(token).toString("hex") });
    const mapping = gitEmails.length === 0 ? [] : [mapped(name, gitEmails)];
    this.#record(actor, { kind: "token-created", id, name, role, scope, until }, ...mapping);
    return { token, view: this.#require(id) };
  }

  /** By its id, or all of a name. Throws `BELAY_TOKEN_UNKNOWN`. */
  revoke(idOrName: string, actor: Actor): readonly string[] {
    const found = this.#principals.tokens.filter(({ id, name }) => id === idOrName || name === idOrName);
    if (found.length === 0) throw unknown(idOrName);
    this.#record(actor, ...found.map(({ id, name }) => ({ kind: "token-revoked", id, name }) as const));
    const gone = new Set(found.map(({ id }) => id));
    this.#save(Object.fromEntries(Object.entries(this.#hashes.load()).filter(([id]) => !gone.has(id))));
    return [...gone];
  }

  /** These addresses and no others are the principal's, or of nobody who approves here (`outside`), from here on. Throws `BELAY_TOKEN_UNKNOWN`. */
  map(name: string, gitEmails: readonly string[], actor: Actor): void {
    if (name !== outside && this.#principals.tokens.every((token) => token.name !== name)) throw unknown(name);
    this.#record(actor, mapped(name, gitEmails));
  }

  list(): readonly TokenView[] {
    return this.#principals.tokens.map((token) => this.#view(token));
  }

  /** Looks at every hash, however early one fits, so that the time it takes says nothing. */
  find(candidate: string): Found {
    const hash = hashOf(candidate);
    let id: string | null = null;
    for (const known of this.#known) if (timingSafeEqual(hash, known.hash)) id = known.id;
    const token = this.#principals.tokens.find((each) => each.id === id);
    if (token === undefined) return { kind: "unknown" };
    return { kind: isExpired(token, this.#clock.now()) ? "expired" : "token", token };
  }

  get #principals(): Principals {
    return this.#loop.journal.deployments.principals;
  }

  #record(actor: Actor, ...facts: readonly PrincipalFact[]): void {
    this.#loop.submit(facts.map((fact) => ({ environment: "", service: "", rollout: "", actor, fact })));
  }

  #save(hashes: Readonly<Record<string, string>>): void {
    this.#hashes.save(hashes);
    this.#known = toKnown(hashes);
  }

  #require(id: string): TokenView {
    const token = this.#principals.tokens.find((each) => each.id === id);
    if (token === undefined) throw unknown(id);
    return this.#view(token);
  }

  #view(token: Token): TokenView {
    const { gitEmails: known } = this.#principals;
    const gitEmails = (Object.hasOwn(known, token.name) ? known[token.name] : undefined) ?? [];
    return { ...token, isExpired: isExpired(token, this.#clock.now()), gitEmails };
  }
}

/** Hashes that nothing outlives: for the simulator and tests. */
export function createMemoryHashes(): TokenHashes {
  let kept: Readonly<Record<string, string>> = {};
  return {
    load: () => kept,
    save: (hashes) => {
      kept = hashes;
    },
  };
}

function mapped(name: string, gitEmails: readonly string[]): PrincipalFact {
  return { kind: "principal-mapped", name, gitEmails: [...new Set(gitEmails.map((address) => address.toLowerCase()))] };
}

function toKnown(hashes: Readonly<Record<string, string>>): readonly { readonly id: string; readonly hash: Buffer }[] {
  return Object.entries(hashes).map(([id, hash]) => ({ id, hash: Buffer.from(hash, "hex") }));
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function nameTaken(name: string): BelayError {
  return new BelayError({
    code: "BELAY_TOKEN_NAME_TAKEN",
    message: `${name} stands for who or what acts without a token of a person's own`,
    next: "Choose the name of a person, or of the job that uses it, such as ci.",
  });
}

function unknown(idOrName: string): BelayError {
  return new BelayError({
    code: "BELAY_TOKEN_UNKNOWN",
    message: `there is no token ${idOrName.slice(0, 100)}`,
    next: "Run `belay token list` to see them.",
  });
}
