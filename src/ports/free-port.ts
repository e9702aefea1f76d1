import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { BelayError } from "../errors.ts";
import type { Random } from "./random.ts";

/**
 * A TCP port on which nothing listens on `host` now, from outside the range that the kernel gives to outgoing connections:
 * a port from that range may be taken by a connection just when the one who listened there is started again, and a
 * connection to it while nobody listens can be connected to itself. Throws `BELAY_RUNTIME_NO_PORT`.
 */
export async function findFreePort(options: {
  readonly host: string;
  readonly taken: ReadonlySet<number>;
  readonly random: Random;
}): Promise<number> {
  const { first, last } = portsOutside(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"));
  const count = last - first + 1;
  const start = Math.floor(options.random.float() * count);
  for (let offset = 0; offset < count; offset += 1) {
    const port = first + ((start + offset) % count);
    if (!options.taken.has(port) && (await isFree(options.host, port))) return port;
  }
  throw new BelayError({
    code: "BELAY_RUNTIME_NO_PORT",
    message: `every port from ${first} to ${last} on ${options.host} is taken`,
    next: "Stop what listens there (`ss -ltnp` shows it), or narrow net.ipv4.ip_local_port_range.",
  });
}

/** The wider side of the kernel's range, above the ports that services are usually given by hand. */
export function portsOutside(range: string): { readonly first: number; readonly last: number } {
  const [low = 32_768, high = 60_999] = range.trim().split(/\s+/).map(Number);
  const below = { first: 20_000, last: low - 1 };
  const above = { first: Math.max(20_000, high + 1), last: 65_535 };
  const size = (ports: { first: number; last: number }) => ports.last - ports.first + 1;
  if (Math.max(size(below), size(above)) < 500) return { first: 20_000, last: 65_535 };
  return size(below) >= size(above) ? below : above;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "EADDRINUSE" || cause.code === "EACCES") resolve(false);
      else reject(cause);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
