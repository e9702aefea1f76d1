import { talk } from "./client.ts";
import type { RunningEngine } from "./engine.ts";
import type { HostileUpstream } from "./hostile-upstreams.ts";
import { readResponses } from "./strict-reader.ts";

export interface SeenAnswer {
  readonly did: string;
  readonly isAllowed: boolean;
}

/** What a client of an engine sees of a hostile upstream, and whether that is one of the things it may see. */
export async function seeAnswer(
  { port }: RunningEngine,
  { method, allowed }: HostileUpstream,
  { path, silenceMs }: { readonly path: string; readonly silenceMs: number },
): Promise<SeenAnswer> {
  const request = `${method} ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`;
  const { bytes, end } = await talk({ port, pieces: [request], silenceMs });
  const { messages, rest } = readResponses(bytes, { methods: [method], isClosed: end === "closed" });
  const final = messages.find(({ start }) => Number(start[1]) >= 200);
  if (end === "open") return { did: "waits", isAllowed: false };
  if (final === undefined || rest !== "nothing") return { did: "breaks off", isAllowed: allowed.includes("broken") };
  const status = Number(final.start[1]);
  const isWhole = allowed.some((one) => typeof one !== "string" && one[0] === status && one[1] === final.body);
  const did = status === 502 || status === 503 || status === 504 ? String(status) : `${status}, ${final.body.length} bytes`;
  return { did, isAllowed: isWhole || (allowed.includes("gateway error") && [502, 503, 504].includes(status)) };
}
