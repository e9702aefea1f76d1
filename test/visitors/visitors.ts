import { Tally, type VisitorReport } from "./tally.ts";
import { Visitor } from "./visitor.ts";

export interface CrowdOptions {
  /** Where the proxy (or the shop itself) listens, as in `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** The host that visitors ask for. */
  readonly hostHeader: string;
  readonly seed: number;
  readonly visitorsPerSecond?: number;
  readonly requestsPerVisitor?: number;
  /** A visitor thinks for up to this long before each further page. */
  readonly thinkMsMax?: number;
  /** People who log in at the start and stay until the end: they would notice a lost session, and live through changes of weight. */
  readonly members?: number;
  readonly assetShare?: number;
}

/** Visitors of a shop: real HTTP clients, each with a cookie jar and a connection of its own. */
export interface Crowd {
  /** Counts since the last lap began. */
  report(): VisitorReport;
  /**
   * Ends the lap and starts the next at once, and resolves with the counts of the ended one when all that was asked in it has been
   * answered: of what is asked later, nothing is in them. Side changes are counted per lap.
   */
  lap(): Promise<VisitorReport>;
  /** No new visitors; those inside get the answer that they wait for and leave. Returns the last lap's counts. */
  stop(): Promise<VisitorReport>;
}

/** Opens the doors. By default 40 new visitors a second with 3 pages each: 120 pages a second. */
export function openVisitors(options: CrowdOptions): Crowd {
  const { visitorsPerSecond = 40, requestsPerVisitor = 3, thinkMsMax = 1000, members = 0, assetShare = 0.25, ...site } = options;
  const closing = new AbortController();
  const inside = new Set<Promise<void>>();
  let tally = new Tally();
  let visitorCount = 0;

  const enter = (visit: (visitor: Visitor) => Promise<void>) => {
    visitorCount += 1;
    tally.countVisitor();
    const visitor = new Visitor({
      ...site,
      assetShare,
      number: visitorCount,
      tally: () => tally,
      think: (share) => sleep(share * thinkMsMax, closing.signal),
      isOver: () => closing.signal.aborted,
    });
    const visiting = visit(visitor).finally(() => inside.delete(visiting));
    inside.add(visiting);
  };

  for (let member = 0; member < members; member += 1) enter((visitor) => visitor.stayAsMember());
  const openedAtMs = performance.now();
  let arrived = 0;
  const door = setInterval(() => {
    const due = ((performance.now() - openedAtMs) / 1000) * visitorsPerSecond;
    for (; arrived < due; arrived += 1) enter((visitor) => visitor.shop(requestsPerVisitor));
  }, 1000 / visitorsPerSecond);

  return {
    report: () => tally.report(),
    async lap() {
      const ended = tally;
      tally = new Tally();
      await ended.settled();
      return ended.report();
    },
    async stop() {
      clearInterval(door);
      closing.abort();
      await Promise.all(inside);
      return tally.report();
    },
  };
}

function sleep(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const leave = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const timer = setTimeout(leave, signal.aborted ? 0 : durationMs);
    signal.addEventListener("abort", leave, { once: true });
  });
}
