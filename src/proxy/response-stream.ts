import { Writable } from "node:stream";
import type { ClientResponse } from "./client.ts";

/** An answer's body as a stream, for what is no exchange. `onTaken`: the client has taken what it was sent so far. */
export function streamInto(response: ClientResponse, onTaken: () => void): Writable {
  const body = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const goOn = () => {
        onTaken();
        done();
      };
      if (response.write(chunk)) goOn();
      else response.once("drain", goOn);
    },
    final: (done) => {
      response.end();
      done();
    },
    destroy: (cause, done) => {
      if (cause !== null) response.destroy();
      done(cause);
    },
  });
  // A client that left asks for nothing more: else the file would stay open.
  response.once("close", () => body.destroy());
  return body;
}
