/** Writes the frames of HTTP/2 (RFC 9113, section 6), sound ones and any others: nothing is checked here. */

export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const errorNames: readonly string[] = (
  "NO_ERROR|PROTOCOL_ERROR|INTERNAL_ERROR|FLOW_CONTROL_ERROR|SETTINGS_TIMEOUT|STREAM_CLOSED|FRAME_SIZE_ERROR|" +
  "REFUSED_STREAM|CANCEL|COMPRESSION_ERROR|CONNECT_ERROR|ENHANCE_YOUR_CALM|INADEQUATE_SECURITY|HTTP_1_1_REQUIRED"
).split("|");

export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface FrameHead {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  /** What the frame says of its length, when that is not so. */
  readonly length?: number;
}

export function frame({ type, flags = 0, stream = 0, length }: FrameHead, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(length ?? payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream >>> 0, 5);
  bytes.set(payload, 9);
  return bytes;
}

/** Identifier, value, identifier, value. */
export function settings(...numbers: readonly number[]): Buffer {
  const payload = Buffer.alloc(numbers.length * 3);
  for (let index = 0; index < numbers.length; index += 2) {
    payload.writeUInt16BE(numbers[index] ?? 0, index * 3);
    payload.writeUInt32BE((numbers[index + 1] ?? 0) >>> 0, index * 3 + 2);
  }
  return frame({ type: type.settings }, payload);
}

export const settingsAck: Buffer = frame({ type: type.settings, flags: flag.ack });

/** A whole head, and by default the whole request. */
export function headers(stream: number, block: Uint8Array, flags: number = flag.endHeaders | flag.endStream): Buffer {
  return frame({ type: type.headers, flags, stream }, block);
}

export function continuation(stream: number, block: Uint8Array, flags: number = flag.endHeaders): Buffer {
  return frame({ type: type.continuation, flags, stream }, block);
}

export function data(stream: number, text: string, flags: number = flag.endStream): Buffer {
  return frame({ type: type.data, flags, stream }, Buffer.from(text, "latin1"));
}

export function reset(stream: number, code = 8): Buffer {
  return frame({ type: type.reset, stream }, uint32(code));
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame({ type: type.windowUpdate, stream }, uint32(increment));
}

export function ping(flags = 0): Buffer {
  return frame({ type: type.ping, flags }, Buffer.from("conforms"));
}

export function goaway(lastStream: number, code = 0): Buffer {
  return frame({ type: type.goaway }, Buffer.concat([uint32(lastStream), uint32(code)]));
}

export function priority(stream: number, dependsOn: number): Buffer {
  return frame({ type: type.priority, stream }, Buffer.concat([uint32(dependsOn), Buffer.from([15])]));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
