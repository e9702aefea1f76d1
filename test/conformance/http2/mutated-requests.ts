import type { Engine } from "../engine.ts";
import { essenceOf } from "../same-request.ts";
import { Seeded } from "../seeded.ts";
import { echo, openUpstream } from "../upstream.ts";
import { RawConnection } from "./connection.ts";
import { headers } from "./frames.ts";
import { block } from "./hpack.ts";
import { mutatedConnection } from "./mutation.ts";
import { readHttp2Requests } from "./strict-reader.ts";

/** A whole request of which nothing is heard for so long, on a connection that stays, hangs. */
const hangMs = 15_000;
const connectionsAtOnce = 16;
const requestsPerConnection = 8;
/** The last of all streams, so that no other is above it. */
const afterwards = 0x7fffffff;
const sound = { ":method": "GET", ":scheme": "https", ":authority": "shop.test", ":path": "/afterwards" };

export interface Http2MutationResult {
  readonly requests: number;
  /** Requests that reached the upstream. */
  readonly passed: number;
  /** Requests that were reset or answered with an error. */
  readonly refused: number;
  /** Connections that the engine has ended. */
  readonly ended: number;
  /** Empty when all is well. */
  readonly faults: readonly string[];
}

/** Bytes of a connection, and the requests in them. */
type Sent = Map<string, ReadonlySet<string>>;

/**
 * Sends mutated requests over HTTP/2, some on each connection, cut at random. A fault is a whole request that is neither answered nor
 * reset on a connection that goes on, an answer of the 5xx, a sound connection on which not everything is answered, and a request at the upstream that is not
 * what a strict reader finds in what was sent. Stops at the tenth.
 */
export async function runHttp2Mutations(
  engine: Engine,
  options: { readonly seed: number; readonly requests: number },
): Promise<Http2MutationResult> {
  const seeded = new Seeded(options.seed);
  const upstream = await openUpstream(echo);
  const running = await engine.start(upstream.port, { withTls: true });
  const faults: string[] = [];
  let session: Buffer | undefined;
  // What was sent, and what it means; of a connection that is closed by now the last requests may come late.
  let [before, now]: [Sent, Sent] = [new Map(), new Map()];
  let [passed, refused, ended, done] = [0, 0, 0, 0];
  const tell = async () => {
    const marks = Array.from({ length: 1 + seeded.below(requestsPerConnection) }, () => `m${done++}`);
    const { bytes, isWhole } = mutatedConnection(seeded, marks);
    const cuts = [seeded.below(bytes.length), seeded.below(bytes.length)].sort((a, b) => a - b);
    const connection = await RawConnection.open(running.tlsPort, { begin: bytes.subarray(0, cuts[0]), session, isSilent: true });
    connection.send(bytes.subarray(cuts[0], cuts[1]));
    connection.send(bytes.subarray(cuts[1]));
    const { requests, early, why } = readHttp2Requests(bytes);
    const streams = [...requests.keys()];
    // Behind sound frames a sound request is heard, and what came before it has been passed on by then or never will be.
    if (why === "") {
      connection.send(headers(afterwards, block(Object.entries(sound))));
      streams.push(afterwards);
    }
    // The window for bodies of answers may have been changed as well.
    const isHeard = (id: number) => connection.stream(id).status > 0 || connection.stream(id).reset !== null;
    const areHeard = await connection.until(() => streams.every(isHeard), hangMs);
    const seen = streams.map((id) => connection.stream(id));
    for (let id = 1; id < 2 * marks.length; id += 2) if (isHeard(id) && connection.stream(id).status !== 200) refused += 1;
    if (connection.isClosed) ended += 1;
    const isHanging = !areHeard && !connection.isClosed;
    const isUnanswered = isWhole && seen.some(({ status }) => status !== 200);
    if (isHanging || isUnanswered || seen.some(({ status }) => status >= 500))
      faults.push(`${JSON.stringify(seen)}, ${connection.isClosed ? "closed" : "open"}: ${bytes.toString("latin1")}`);
    session = connection.session ?? session;
    connection.close();
    now.set(bytes.toString("latin1"), new Set([...requests.values(), ...early.values()].map(essenceOf)));
  };
  while (done < options.requests && faults.length < 10) {
    [before, now] = [now, new Map()];
    await Promise.all(Array.from({ length: connectionsAtOnce }, tell));
    const sent = [...before, ...now];
    const seen = upstream.seen.splice(0).filter(({ start }) => start[1] !== sound[":path"]);
    passed += seen.length;
    for (const essence of seen.map(essenceOf)) {
      if (sent.some(([, meant]) => meant.has(essence))) continue;
      const mark = /m\d+/.exec(essence)?.[0] ?? "";
      const from = sent.map(([bytes]) => bytes).filter((bytes) => bytes.includes(mark));
      faults.push(`the upstream sees ${essence}, which nobody sent: ${JSON.stringify(from)}`);
    }
    for (const why of upstream.malformed.splice(0)) faults.push(`the upstream gets ${why}`);
  }
  await running.stop();
  await upstream.close();
  return { requests: done, passed, refused, ended, faults };
}
