/**
 * One client that floods, as a process of its own, so that what another process grows by and works for is the server's. Its arguments are
 * the flood's name and the port; it goes on until it is told to stop, or its connection is ended.
 */
import { RawConnection } from "./connection.ts";
import { floods } from "./floods.ts";

export interface Flooded {
  readonly bytes: number;
  /** The server has ended the connection. */
  readonly isEnded: boolean;
}

const [name = "", port = ""] = process.argv.slice(2);
const flood = floods.find((known) => known.name === name);
if (flood === undefined) throw new Error(`no flood is called ${name}`);
let isStopped = false;
process.on("message", () => {
  isStopped = true;
});
const connection = await RawConnection.open(Number(port));
if (flood.isDeaf === true) connection.stopReading();
let bytes = flood.first?.length ?? 0;
if (flood.first !== undefined) connection.send(flood.first);
let hasBegun = false;
for (let pieces = 0; !connection.isClosed && !isStopped; ) {
  const batch: Uint8Array[] = [];
  for (let size = 0; size < 65_536 && batch.length < 100; ) {
    const piece = flood.next(pieces);
    if (piece === null) break;
    batch.push(piece);
    size += piece.length;
    pieces += 1;
  }
  const said = Buffer.concat(batch);
  bytes += said.length;
  connection.send(said);
  if (!hasBegun) process.send?.("begun");
  hasBegun = true;
  await connection.sent();
  if (flood.isAcknowledged === true)
    await connection.until(() => isStopped || connection.pingAcks + connection.settingsAcks >= pieces, 1_000);
  // What comes in, and the word to stop, are heard between two batches.
  await new Promise((resolve) => (batch.length === 0 ? setTimeout(resolve, 20) : setImmediate(resolve)));
}
process.send?.({ bytes, isEnded: connection.isClosed } satisfies Flooded, () => process.exit());
