import type { Clock } from "../ports/clock.ts";
import type { CopyEnd } from "../routing/compare-answers.ts";
import type { Target } from "../routing/table.ts";
import { readAnswer, readBytesMax } from "./answer-capture.ts";
import type { ExchangeObserver, Upstream, UpstreamEnd, UpstreamExchange, UpstreamRequest } from "./exchange.ts";
import { Pieces } from "./pieces.ts";

interface Asking {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly to: Target;
  readonly request: UpstreamRequest;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Asks an instance for an answer that nobody waits for, and reads it as far as it is compared. Never rejects. */
export async function askForCopy({ upstream, clock, to, request, withinMs, signal }: Asking): Promise<CopyEnd> {
  const answer = new CopyAnswer();
  const ended = new AbortController();
  const exchange = upstream.start(to, request, answer);
  answer.readFrom(exchange);
  const giveUp = () => answer.giveUp("no answer in time");
  clock.sleep(withinMs, AbortSignal.any([ended.signal, signal])).then(giveUp, giveUp);
  const end = await answer.end;
  ended.abort();
  return end === "whole" ? readAnswer(answer) : { missing: end };
}

/** Hears one answer, to its end or as far as it is read. */
class CopyAnswer implements ExchangeObserver {
  status = 0;
  headers: readonly string[] = [];
  readonly #pieces = new Pieces();
  #bytes = 0;
  #exchange: UpstreamExchange | null = null;
  readonly #end = Promise.withResolvers<"whole" | "no answer in time" | "no answer" | "too large">();
  readonly end: Promise<"whole" | "no answer in time" | "no answer" | "too large"> = this.#end.promise;
  #isOver = false;

  get chunks(): readonly Buffer[] {
    return this.#pieces.all;
  }

  readFrom(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    if (this.#isOver) exchange.abort();
  }

  giveUp(why: "no answer in time" | "too large"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange?.abort();
    this.#end.resolve(why);
  }

  mayStart(): boolean {
    return !this.#isOver;
  }

  informationArrived(): void {}

  headArrived({ status, headers }: { readonly status: number; readonly headers: readonly string[] }): void {
    this.status = status;
    this.headers = headers;
  }

  dataArrived(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > readBytesMax) this.giveUp("too large");
    else this.#pieces.add(chunk);
    return true;
  }

  trailersArrived(): void {}

  ended(end: UpstreamEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end.resolve(end === "complete" ? "whole" : "no answer");
  }
}
