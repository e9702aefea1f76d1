import type { Clock } from "../ports/clock.ts";
import type { FrontCounts } from "../routing/front-counts.ts";
import type { InFlight } from "../routing/in-flight.ts";
import type { VisitorCookies } from "../routing/visitor-cookie.ts";
import type { Redemption } from "../routing/wire.ts";
import type { WorkerState } from "../routing/worker-state.ts";
import type { Copies } from "./copies.ts";
import type { Upstream } from "./exchange.ts";
import type { ProxiesInFront } from "./forwarding.ts";
import type { Hedges } from "./hedges.ts";
import type { HeldRequests } from "./held-requests.ts";
import type { KeptBytes } from "./kept-body.ts";
import type { Limits } from "./limits.ts";
import type { RequestHead } from "./request-head.ts";
import type { UnreadAnswers } from "./unread-answers.ts";

/** What a worker may do with a request on its way, from outside of it. */
export interface Interruptible {
  /** Its deadline is over and no head has come. */
  deadlinePassed(): void;
  /** Ends it for a reason of Belay's own. */
  cut(): void;
  /** Ends it if its client does not keep up. Called every second; one that is open has no pace. */
  checkPace?(nowMs: number): void;
}

/** What everything that handles requests in one worker shares. */
export interface ProxyContext {
  readonly clock: Clock;
  readonly state: WorkerState;
  readonly upstream: Upstream;
  /** Bundles by digest, for the assets of releases that do not serve any more. */
  readonly releasesFolder: string;
  readonly cookies: VisitorCookies;
  readonly proxiesInFront: ProxiesInFront;
  readonly keptBytes: KeptBytes;
  readonly copies: Copies;
  readonly limits: Limits;
  /** What the front counts of its clients; `front` in a report. */
  readonly counts: FrontCounts;
  readonly hedges: Hedges;
  readonly held: HeldRequests;
  readonly unread: UnreadAnswers;
  /** Every request on its way, until it is judged and gone. */
  readonly requests: Map<InFlight, Interruptible>;
  /** Where a request that came without TLS should have gone; null when it may stay. */
  secureLocation(head: RequestHead): string | null;
  /** Unique over all workers and boots. */
  nextRequestId(): string;
  /** Called when something was judged: it may be worth telling at once. */
  judged(): void;
  /** Has the control plane use up a preview link. */
  redeem(link: string): Promise<Redemption>;
  isDraining(): boolean;
}
