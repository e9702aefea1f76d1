import { Readable } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import { type CopyEnd, compareAnswers, type SeenAnswer } from "../routing/compare-answers.ts";
import type { InFlight } from "../routing/in-flight.ts";
import type { WantedCopy } from "../routing/shadow-desk.ts";
import type { Target } from "../routing/table.ts";
import type { WorkerState } from "../routing/worker-state.ts";
import { AnswerCapture, type CapturedAnswer, readAnswer } from "./answer-capture.ts";
import type { BodySource } from "./client.ts";
import { askForCopy } from "./copy-exchange.ts";
import type { ExchangeObserver, Upstream, UpstreamExchange, UpstreamRequest } from "./exchange.ts";
import { KeptBody, KeptBytes } from "./kept-body.ts";

const waitingMax = 64;
const atOnceMax = 16;
/** What is kept of requests and answers until they are compared. */
const bytesMax = 8 * 1024 * 1024;
/** A copy has this long for its whole answer. */
const answerWithinMs = 5_000;

/** By these an answer depends on what the client has already: another copy of it would say nothing. */
const conditional = /^(if-(none-match|match|modified-since|unmodified-since|range)|range)$/i;
const credential = /^(cookie|authorization)$/i;
/** By this name the application posts what a visitor has done. A copy is no visit. */
const visitorName = /^belay-visitor$/i;

/** A request that stable has answered, waiting to be asked again. */
interface Job {
  readonly copy: WantedCopy;
  readonly request: UpstreamRequest;
  /** What the visitor got; null when the copy had to leave credentials out, so that stable is asked without them, too. */
  readonly answer: CapturedAnswer | null;
  readonly bytes: number;
}

/**
 * Copies of requests that stable has answered, for a shadow. They begin when the visitor has the whole answer, have connections
 * of their own, and are bounded in number, bytes and time: what does not fit is left out and counted. No answer of theirs is
 * held by anything that can write to a client.
 */
export class Copies {
  readonly #state: WorkerState;
  readonly #clock: Clock;
  readonly #upstream: Upstream;
  readonly #memory = new KeptBytes(bytesMax);
  readonly #wanted = new WeakMap<InFlight, WantedCopy>();
  readonly #bodies = new WeakMap<InFlight, KeptBody>();
  #waiting: Job[] = [];
  #atWork = 0;
  #closing = new AbortController();

  constructor(options: { readonly state: WorkerState; readonly clock: Clock; readonly upstream: Upstream }) {
    this.#state = options.state;
    this.#clock = options.clock;
    this.#upstream = options.upstream;
  }

  /** As `upstream.start`; of a request that is to be copied, what the visitor gets is kept on its way. */
  start(
    upstream: Pick<Upstream, "start">,
    sent: { readonly to: Target; readonly request: UpstreamRequest; readonly observer: ExchangeObserver; readonly of: InFlight },
  ): UpstreamExchange {
    const copy = this.#wantedFor(sent.of, sent.request);
    if (copy === null) return upstream.start(sent.to, sent.request, sent.observer);
    const capture = new AnswerCapture({
      observer: sent.observer,
      memory: this.#memory,
      onComplete: (answer) => this.#answered(copy, sent, answer),
      onTooLarge: (why) => this.#state.shadows.dropped(copy, why),
    });
    return capture.startOn((observer) => upstream.start(sent.to, sent.request, observer));
  }

  /** Keeps a request's body for its copy; null for most. */
  keepBody(request: InFlight, source: BodySource): KeptBody | null {
    const copy = this.#wanted.get(request);
    if (copy === undefined) return null;
    return this.#bodies.getOrInsertComputed(
      request,
      () =>
        new KeptBody({
          source,
          memory: this.#memory,
          onTooLarge: () => {
            this.#wanted.delete(request);
            this.#state.shadows.dropped(copy, "large");
          },
        }),
    );
  }

  close(): void {
    this.#closing.abort();
    for (const { bytes } of this.#waiting.splice(0)) this.#memory.give(bytes);
  }

  #wantedFor(of: InFlight, { method, headers }: UpstreamRequest): WantedCopy | null {
    const known = this.#wanted.get(of);
    if (known !== undefined) return known;
    if (of.choice.service.shadow === undefined || names(headers).some((name) => conditional.test(name))) return null;
    const copy = this.#state.shadows.want({ choice: of.choice, method }, this.#clock.monotonicMs());
    if (copy !== null) this.#wanted.set(of, copy);
    return copy;
  }

  /** Called before the visitor's own end, with which a kept body goes. */
  #answered(
    copy: WantedCopy,
    { request, of }: { readonly request: UpstreamRequest; readonly of: InFlight },
    answer: CapturedAnswer,
  ): void {
    const body = request.openBody === null ? [] : this.#wholeBodyOf(of);
    const bodyBytes = body?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    // Who failed here is stable, which is nothing to measure a release by.
    if (body === null || answer.status >= 500) {
      this.#memory.give(answer.bytes);
      return;
    }
    if (this.#waiting.length >= waitingMax || !this.#memory.take(bodyBytes)) {
      this.#memory.give(answer.bytes);
      this.#state.shadows.dropped(copy, "full");
      return;
    }
    const { headers, isStripped } = headersOfCopy(request.headers, copy.shadow.credentials);
    const openBody = request.openBody === null ? null : () => Readable.from(body);
    const { method, target } = request;
    this.#waiting.push({
      copy,
      request: { method, target, headers, openBody },
      answer: isStripped ? null : answer,
      bytes: answer.bytes + bodyBytes,
    });
    // After what the visitor's end has to do.
    queueMicrotask(() => this.#next());
  }

  #wholeBodyOf(request: InFlight): readonly Buffer[] | null {
    const kept = this.#bodies.get(request);
    return kept?.isWhole === true ? [...kept.chunks] : null;
  }

  #next(): void {
    if (this.#atWork >= atOnceMax || this.#closing.signal.aborted) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#atWork += 1;
    void this.#ask(job).finally(() => {
      this.#atWork -= 1;
      this.#memory.give(job.bytes);
      this.#next();
    });
  }

  async #ask({ copy, request, answer }: Job): Promise<void> {
    const { shadows } = this.#state;
    if (this.#targetOf(copy) === null) return shadows.dropped(copy, "full");
    if (!shadows.mayAsk(copy, this.#clock.monotonicMs())) return shadows.dropped(copy, "rate");
    const isPaired = shadows.isPaired(copy);
    const expected = answer === null ? await this.#askStable(copy, request) : await readAnswer(answer);
    if ("missing" in expected) return shadows.dropped(copy, "stable");
    const to = this.#targetOf(copy);
    if (to === null) return shadows.dropped(copy, "full");
    shadows.mirrored(copy);
    const [seen, again] = await Promise.all([this.#send(to, request), isPaired ? this.#askStable(copy, request) : null]);
    if (this.#closing.signal.aborted) return;
    shadows.ended(copy, !("missing" in seen));
    if (again !== null) shadows.paired(copy, compareAnswers(expected, again));
    shadows.compared(copy, compareAnswers(expected, seen));
  }

  async #askStable({ service }: WantedCopy, request: UpstreamRequest): Promise<CopyEnd> {
    const [to] = this.#state.targets(service.stable, this.#clock.monotonicMs());
    return to === undefined ? { missing: "no answer" } : this.#send(to, request);
  }

  /** The shadow as the present table has it: its instance may have gone while the copy waited. */
  #targetOf({ service, shadow }: WantedCopy): Target | null {
    const present = this.#state.table.services.find(
      (other) => other.service === service.service && other.environment === service.environment,
    )?.shadow;
    return present?.rollout === shadow.rollout ? (present.pool.targets[0] ?? null) : null;
  }

  #send(to: Target, request: UpstreamRequest): Promise<SeenAnswer | Extract<CopyEnd, { missing: string }>> {
    return askForCopy({
      upstream: this.#upstream,
      clock: this.#clock,
      to,
      request,
      withinMs: answerWithinMs,
      signal: this.#closing.signal,
    });
  }
}

/** Both releases are told that nobody waits for the answer, so that they are asked alike. */
function headersOfCopy(
  headers: readonly string[],
  keepsCredentials: boolean,
): { readonly headers: string[]; readonly isStripped: boolean } {
  const without = (from: readonly string[], left: RegExp) =>
    from.filter((_, index) => !left.test(from[index - (index % 2)] ?? ""));
  const ofRequest = without(headers, visitorName);
  const kept = keepsCredentials ? ofRequest : without(ofRequest, credential);
  return { headers: [...kept, "Belay-Shadow", "1"], isStripped: kept.length < ofRequest.length };
}

function names(headers: readonly string[]): readonly string[] {
  return headers.filter((_, index) => index % 2 === 0);
}
