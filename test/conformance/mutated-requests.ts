import { talk } from "./client.ts";
import type { Engine } from "./engine.ts";
import { mutated } from "./mutation.ts";
import { essenceOf } from "./same-request.ts";
import { Seeded } from "./seeded.ts";
import { readRequests, readResponses } from "./strict-reader.ts";
import { echo, openUpstream } from "./upstream.ts";

/** A connection that is silent for so long hangs: every one of them has been ended by its client. */
const hangMs = 15_000;
const atOnce = 64;

export interface MutationResult {
  readonly connections: number;
  /** Requests that reached the upstream. */
  readonly passed: number;
  /** Connections on which something was refused. */
  readonly refused: number;
  /** Empty when all is well. */
  readonly faults: readonly string[];
}

/**
 * Sends mutated requests, each on a connection of its own that the client ends behind them, in random pieces. A fault is a
 * connection that hangs, an answer that no strict reader reads, and a request at the upstream that no strict reader finds in
 * what was sent. Stops at the tenth.
 */
export async function runMutations(
  engine: Engine,
  options: { readonly seed: number; readonly connections: number },
): Promise<MutationResult> {
  const seeded = new Seeded(options.seed);
  const upstream = await openUpstream(echo);
  const running = await engine.start(upstream.port);
  const faults: string[] = [];
  let [passed, refused, done] = [0, 0, 0];
  while (done < options.connections && faults.length < 10) {
    const count = Math.min(atOnce, options.connections - done);
    const sent = Array.from({ length: count }, (_, index) => mutated(seeded, `m${done + index}`));
    const received = await Promise.all(
      sent.map((bytes) =>
        talk({ port: running.port, pieces: seeded.pieces(bytes, seeded.below(3)), isEnding: true, silenceMs: hangMs }),
      ),
    );
    const readable = new Set<string>();
    for (const [index, bytes] of sent.entries()) {
      const { messages, end: readUntil } = readRequests(bytes);
      for (const message of messages) readable.add(essenceOf(message));
      const { bytes: answers, end } = received[index] ?? { bytes: "", end: "open" };
      // An answer to what is no request still has no body when it begins like a HEAD.
      const attempted = /^\s*HEAD\b/.test(bytes.slice(readUntil)) ? "HEAD" : "GET";
      const methods = [...messages.map(({ start }) => start[0]), attempted];
      const reading = readResponses(answers, { methods, isClosed: true });
      const statuses = reading.messages.map(({ start }) => Number(start[1]));
      if (statuses.some((status) => status >= 400)) refused += 1;
      const isFaulty = end === "open" || reading.rest !== "nothing" || statuses.some((status) => status >= 500);
      if (isFaulty)
        faults.push(
          `${end}, ${statuses.join(" ")} ${reading.why}: ${JSON.stringify(bytes)} got ${JSON.stringify(answers.slice(0, 300))}`,
        );
    }
    passed += upstream.seen.length;
    for (const request of upstream.seen.splice(0)) {
      if (readable.has(essenceOf(request))) continue;
      const mark = /m\d+/.exec(request.start[1])?.[0] ?? "";
      const from = sent.filter((bytes) => bytes.includes(mark));
      faults.push(`the upstream sees ${essenceOf(request)}, which nobody sent: ${JSON.stringify(from)}`);
    }
    for (const why of upstream.malformed.splice(0)) faults.push(`the upstream gets ${why}`);
    done += count;
  }
  await running.stop();
  await upstream.close();
  return { connections: done, passed, refused, faults };
}
