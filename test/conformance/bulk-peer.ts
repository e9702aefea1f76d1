/**
 * One end of a large transfer, as a process of its own that is told by its arguments what it is: the service that takes a body, counts
 * it and sends one of as many bytes, or a client of it.
 */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { Readable, Writable } from "node:stream";

const piece = Buffer.alloc(65_536, "belay");
const [role = "", total = "", port = ""] = process.argv.slice(2);
const bytes = Number(total);

switch (role) {
  case "service": {
    const server = http.createServer(async (incoming, response) => {
      if (incoming.method !== "POST") return send(response.writeHead(200, { "content-length": bytes }));
      // Reads nothing at first, for the same reason as the client over HTTP/1.1.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      response.end(String(await count(incoming)));
    });
    server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
    break;
  }
  case "http1": {
    const options = { port: Number(port), host: "127.0.0.1", headers: { host: "shop.test" }, agent: false } as const;
    const down = once(http.get(options), "response").then(async ([answer]) => {
      // Takes nothing at first, so that a proxy that went on reading would have to keep what comes.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return count(answer as Readable);
    });
    const upload = http.request({ ...options, method: "POST", headers: { ...options.headers, "content-length": bytes } });
    const answered = once(upload, "response");
    await send(upload);
    const [answer] = (await answered) as [http.IncomingMessage];
    process.send?.({ up: (await answer.toArray()).join(""), down: await down });
    break;
  }
  case "http2": {
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, servername: "shop.test" });
    const down = count(session.request({ ":authority": "shop.test" }).setEncoding("latin1"));
    const upload = session.request({ ":authority": "shop.test", ":method": "POST" });
    await send(upload);
    process.send?.({ up: (await upload.toArray()).join(""), down: await down });
    session.close();
    break;
  }
}

async function send(stream: Writable): Promise<void> {
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!stream.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(stream, "drain");
  }
  stream.end();
}

async function count(stream: Readable): Promise<number> {
  let sum = 0;
  for await (const chunk of stream) sum += (chunk as Buffer | string).length;
  return sum;
}
