import { describeRequest } from "../ask.ts";
import type { RunningEngine } from "../engine.ts";
import { valuesOf } from "../strict-reader.ts";
import type { Upstream } from "../upstream.ts";
import { RawConnection, type SeenStream } from "./connection.ts";
import { errorNames, headers, preface, settings } from "./frames.ts";
import { block } from "./hpack.ts";
import type { RawCase } from "./raw-case.ts";

export interface Http2Verdict {
  /** In a few words, such as `400` or `GOAWAY PROTOCOL_ERROR`. */
  readonly did: string;
  readonly isAsExpected: boolean;
}

/** Above all that the cases use. */
const afterwards = 201;

/** One case on a connection of its own; behind it a sound request asks whether the connection goes on. */
export async function askHttp2(
  { tlsPort }: RunningEngine,
  upstream: Upstream,
  { asked, silenceMs }: { readonly asked: RawCase; readonly silenceMs: number },
): Promise<Http2Verdict> {
  upstream.seen.length = 0;
  upstream.malformed.length = 0;
  const connection = await RawConnection.open(tlsPort, { begin: asked.begin ?? Buffer.concat([preface, settings()]) });
  const areDone = () => asked.streams.every((stream) => connection.isDone(stream));
  for (const step of asked.steps) {
    if (typeof step === "number") await connection.until(() => connection.isDone(step), silenceMs);
    else connection.send(step);
  }
  connection.send(
    headers(
      afterwards,
      block([
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "shop.test"],
        [":path", "/afterwards"],
      ]),
    ),
  );
  await connection.until(() => connection.isDone(afterwards) && areDone(), silenceMs);
  // What is still said on a connection that is being ended.
  if (connection.goaway !== null) await connection.until(() => false, silenceMs);
  connection.close();
  return judge(asked, connection, upstream);
}

function judge(asked: RawCase, connection: RawConnection, upstream: Upstream): Http2Verdict {
  const streams = asked.streams.map((id) => connection.stream(id));
  const seen = upstream.seen.filter(({ start }) => start[1] !== "/afterwards");
  const requests = seen.map(describeRequest);
  const goesOn = connection.stream(afterwards).status === 200;
  const did = [
    ...streams.map(describeStream),
    ...(goesOn ? [] : [describeEnd(connection)]),
    ...requests.map((what) => `upstream sees ${what.trim()}`),
    ...upstream.malformed.map((why) => `upstream gets ${why}`),
  ].join("; ");
  const isSeen = JSON.stringify(requests) === JSON.stringify(asked.seen) && upstream.malformed.length === 0;
  const isUnseen = requests.length === 0 && upstream.malformed.length === 0;
  const hasFields = Object.entries(asked.fields ?? {}).every(
    ([name, values]) => JSON.stringify(seen.map((message) => valuesOf(message, name).join("|"))) === JSON.stringify(values),
  );
  const isAnswered = goesOn && isSeen && hasFields && streams.every(({ status, isEnded }) => status === 200 && isEnded);
  // An answer of the proxy's own, or a reset instead of one, is a refusal; of what came before, the upstream may have seen something.
  const isRefusal = (stream: SeenStream) => stream.status >= 400 || (stream.status < 200 && stream.reset !== null);
  const isSeenSoFar = isSeen || (asked.maySeeNothing === true && isUnseen);
  const isRefused = goesOn && isSeenSoFar && streams.some(isRefusal);
  const isReset = goesOn && isSeenSoFar && streams.some(({ reset }) => reset !== null);
  const isEnded = !goesOn && connection.isClosed && isSeenSoFar;
  const outcomes = { answered: isAnswered, refused: isRefused, reset: isReset, ended: isEnded };
  // Whoever refuses may do it before the upstream has seen what is sound.
  return { did: did === "" ? "goes on" : did, isAsExpected: asked.allowed.some((outcome) => outcomes[outcome]) };
}

function describeStream({ status, early, reset, isEnded }: SeenStream): string {
  const answers = [...early, ...(status === 0 ? [] : [status])].join(", ");
  const end = reset === null ? (isEnded ? "" : "unended") : `reset ${errorNames[reset] ?? reset}`;
  return [answers, end].filter((text) => text !== "").join(", ");
}

function describeEnd({ goaway, isClosed }: RawConnection): string {
  if (goaway === null) return isClosed ? "closes" : "goes silent";
  return `GOAWAY ${errorNames[goaway] ?? goaway}${isClosed ? "" : ", stays open"}`;
}
