import type { IncomingMessage } from "node:http";

/** The body of a request as it arrives. Whoever leaves it early gets no more of it; the connection stays, for the answer. */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body !== null) yield* body.values({ preventCancel: true });
}

/** Reads what is left of a body whose request has its answer, and keeps none of it, so that the connection can be used again. */
export function passOverRest(incoming: IncomingMessage): void {
  if (incoming.readableEnded || incoming.destroyed) return;
  // The application's reader stops the stream when it has enough.
  incoming.removeAllListeners("data");
  incoming.on("data", () => {});
  incoming.resume();
}
