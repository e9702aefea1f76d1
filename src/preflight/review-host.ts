import { BelayError } from "../errors.ts";
import { getJson, type JsonAnswer } from "../ports/http-json.ts";

/** A pull or merge request that a commit came by. */
export interface ReviewedRequest {
  /** As people call it: `#12`, `!12`. */
  readonly name: string;
  readonly isMerged: boolean;
  /** Who opened it or wrote commits of it, by the name or number that the place knows them under. */
  readonly authors: readonly string[];
  /** Approvals that hold, of whomever. */
  readonly approvals: readonly Approval[];
  /** Who has asked for changes and not approved since. */
  readonly objections: readonly string[];
}

export interface Approval {
  readonly by: string;
  /** It was given for the last commit, not for one before. */
  readonly isOfLastCommit: boolean;
}

/** Where commits are reviewed. Both reject with a BelayError when they cannot tell: silence is never a review. */
export interface ReviewHost {
  /** What people call a request here. */
  readonly noun: "pull request" | "merge request";
  /** Null when the place does not know the commit. */
  requestsOf(commit: string, signal: AbortSignal): Promise<readonly ReviewedRequest[] | null>;
}

const requestTimeoutMs = 10_000;
const pagesMax = 20;

/** What the API of a place answers, page after page. */
export class ReviewApi {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ base, headers }: { readonly base: string; readonly headers: Readonly<Record<string, string>> }) {
    this.#base = base.replace(/\/$/, "");
    this.#headers = { ...headers, "user-agent": "belay" };
  }

  /** Null for what `isAbsent` takes for an answer that there is no such thing. Throws `BELAY_REVIEW_...`. */
  async get(path: string, signal: AbortSignal, isAbsent: (answer: JsonAnswer) => boolean = () => false): Promise<unknown> {
    const answer = await this.#ask(path, signal);
    if (isAbsent(answer)) return null;
    return this.#bodyOf(path, answer);
  }

  /** All pages of a list. As `get`. */
  async list<Item>(path: string, { signal, read, isAbsent }: ListOptions<Item>): Promise<readonly Item[] | null> {
    const items: Item[] = [];
    for (let page = 1; page <= pagesMax; page += 1) {
      const pagePath = `${path}${path.includes("?") ? "&" : "?"}per_page=100&page=${page}`;
      const answer = await this.#ask(pagePath, signal);
      if (page === 1 && isAbsent?.(answer) === true) return null;
      const body = this.#bodyOf(path, answer);
      if (!Array.isArray(body)) throw this.#unreadable(path);
      for (const item of body) items.push(this.#read(path, item, read));
      // The address of the next page is the answer's own and is not followed; that there is one, is believed.
      if (!/rel="?next"?/.test(answer.headers.get("link") ?? "")) return items;
    }
    throw new BelayError({
      code: "BELAY_REVIEW_TOO_LONG",
      message: `${this.#where(path)} goes on after ${pagesMax} pages`,
      next: "Release more often, or accept by a waiver of the check review that this release is not looked at whole.",
    });
  }

  #read<Item>(path: string, item: unknown, read: (item: Readonly<Record<string, unknown>>) => Item | null): Item {
    const found = typeof item === "object" && item !== null ? read(item as Readonly<Record<string, unknown>>) : null;
    if (found === null) throw this.#unreadable(path);
    return found;
  }

  #ask(path: string, signal: AbortSignal): Promise<JsonAnswer> {
    return getJson({ url: new URL(`${this.#base}${path}`), headers: this.#headers, timeoutMs: requestTimeoutMs, signal });
  }

  #bodyOf(path: string, { status, headers, body }: JsonAnswer): unknown {
    const isLimited =
      status === 429 || (status === 403 && (headers.get("x-ratelimit-remaining") === "0" || headers.get("retry-after") !== null));
    if (isLimited)
      throw new BelayError({
        code: "BELAY_REVIEW_RATE_LIMIT",
        message: `${this.#where(path)} was asked too often${againAt(headers)}`,
        next: "Wait and deploy again, or give the check a token (checks.review.token), which has a limit of its own.",
      });
    if (status === 401 || status === 403 || status === 404)
      throw new BelayError({
        code: "BELAY_REVIEW_REFUSED",
        message: `${this.#where(path)} answered ${status}`,
        next: "See that checks.review.repository is right, and that its token may read the repository and its requests.",
      });
    if (status !== 200)
      throw new BelayError({
        code: "BELAY_REVIEW_UNREADABLE",
        message: `${this.#where(path)} answered ${status}`,
        next: "See that checks.review.api is the address of the API, then try again.",
      });
    if (body === undefined) throw this.#unreadable(path);
    return body;
  }

  #unreadable(path: string): BelayError {
    return new BelayError({
      code: "BELAY_REVIEW_UNREADABLE",
      message: `${this.#where(path)} answered something that is not of this API`,
      next: "See that checks.review.api is the address of the API, and that checks.review.provider names it.",
    });
  }

  #where(path: string): string {
    return `${new URL(this.#base).host}${path.replace(/\?.*$/, "")}`;
  }
}

export interface ListOptions<Item> {
  readonly signal: AbortSignal;
  /** Null for what is not of the kind: then nothing of the list counts. */
  readonly read: (item: Readonly<Record<string, unknown>>) => Item | null;
  readonly isAbsent?: (answer: JsonAnswer) => boolean;
}

function againAt(headers: Pick<Headers, "get">): string {
  const reset = Number(headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset") ?? Number.NaN);
  if (Number.isSafeInteger(reset) && reset > 0 && reset < 1e11)
    return `; it answers again at ${Temporal.Instant.fromEpochMilliseconds(reset * 1000).toString()}`;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isSafeInteger(seconds) ? `; it answers again in ${seconds} s` : "";
}

/** A field's text; null when it has none. */
export function textAt(item: unknown, ...path: readonly string[]): string | null {
  const value = valueAt(item, ...path);
  return typeof value === "string" && value !== "" ? value : null;
}

export function valueAt(item: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined,
    item,
  );
}

/** The number of a request, which becomes a part of an address. */
export function numberAt(item: unknown, key: string): number | null {
  const value = valueAt(item, key);
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}
