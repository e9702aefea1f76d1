import { rmSync } from "node:fs";
import net from "node:net";
import { BelayError } from "../errors.ts";
import type { Listen } from "./command.ts";

/** A listening socket that this process owns without ever accepting on it: the descriptor is what it is for. */
export interface Listener {
  readonly name: string;
  /** "127.0.0.1:8080", "[::1]:8080" or a path. */
  readonly address: string;
  readonly fd: number;
  /** Kept because the descriptor is closed when it is collected. Null for a unix socket that was inherited. */
  readonly handle: SocketHandle | null;
}

interface SocketHandle {
  readonly fd: number;
  getsockname?(out: { address?: string; family?: string; port?: number }): number;
  close(): void;
}

/** Node's own way to bind without listening; the public `listen` does both. Returns a negative error number on failure. */
const createHandle = (
  net as unknown as {
    _createServerHandle(
      address: string | null,
      port: number | null,
      kind: 4 | 6 | -1 | null,
      fd: number,
      flags: number,
    ): SocketHandle | number;
  }
)._createServerHandle;

/**
 * Takes the inherited descriptors and binds what is not among them. Binding all or nothing: on a failure what was bound is closed.
 * Throws `BELAY_KEEPER_ADDRESS_TWICE`, `BELAY_KEEPER_PORT_IN_USE`, `BELAY_KEEPER_NO_PERMISSION`, `BELAY_KEEPER_ADDRESS_INVALID`, `BELAY_KEEPER_CANNOT_LISTEN` or
 * `BELAY_DATA_PATH_TOO_LONG`.
 */
export async function openListeners(listen: Listen, inherited: Readonly<Record<string, number>>): Promise<readonly Listener[]> {
  requireDifferentPorts(listen);
  const opened: Listener[] = [];
  try {
    for (const [name, address] of Object.entries(listen)) {
      const fd = inherited[name];
      opened.push(fd === undefined ? await bind(name, address) : takeInherited(name, address, fd));
    }
    return opened;
  } catch (cause) {
    // What was inherited belongs to others too: only this process's own additions are taken back.
    for (const listener of opened) if (inherited[listener.name] === undefined) closeListener(listener);
    throw cause;
  }
}

/** Closes this process's descriptor; a unix socket's file goes too, so nobody may still want to listen on it. */
export function closeListener(listener: Listener): void {
  listener.handle?.close();
  removeSocketFile(listener);
}

/** Nobody finds the socket any more; connections that there are stay. */
export function removeSocketFile({ address }: Listener): void {
  if (isPath(address)) rmSync(address, { force: true });
}

export function isPath(address: string): boolean {
  return address.includes("/");
}

/** True when somebody holds the socket open, whether it answers or not. */
export function isSocketHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: somebody listens and the queue is full.
    socket.once("error", (cause: NodeJS.ErrnoException) => resolve(cause.code === "EAGAIN"));
  });
}

async function bind(name: string, address: string): Promise<Listener> {
  return isPath(address) ? bindUnix(name, address) : bindTcp(name, address);
}

async function bindUnix(name: string, path: string): Promise<Listener> {
  // sockaddr_un holds 108 bytes with the final zero; longer paths are cut off silently.
  if (Buffer.byteLength(path) > 107) {
    throw new BelayError({
      code: "BELAY_DATA_PATH_TOO_LONG",
      message: `${path} is too long for a unix socket (107 bytes at most)`,
      next: "Choose a data folder with a shorter path: --data or BELAY_DATA.",
    });
  }
  if (await isSocketHeld(path)) throw listenError(path, "EADDRINUSE");
  rmSync(path, { force: true });
  const before = process.umask(0o177);
  try {
    const handle = createHandle(path, -1, -1, -1, 0);
    if (typeof handle === "number") throw listenError(path, errorName(handle));
    return { name, address: path, fd: handle.fd, handle };
  } finally {
    process.umask(before);
  }
}

function bindTcp(name: string, address: string): Listener {
  const { host, port } = parseTcpAddress(address);
  const handle = createHandle(host, port, net.isIPv6(host) ? 6 : 4, -1, 0);
  if (typeof handle === "number") throw listenError(address, errorName(handle), name);
  const bound: { address?: string; port?: number } = {};
  // An address in use is not reported by bind itself but by the next call on the socket.
  const failure = handle.getsockname?.(bound) ?? 0;
  if (failure !== 0) {
    handle.close();
    throw listenError(address, errorName(failure), name);
  }
  return { name, address: printTcpAddress(bound, address), fd: handle.fd, handle };
}

/** Two binds of one address succeed as long as nobody listens: it would be the workers that could not start, again and again. */
function requireDifferentPorts(listen: Listen): void {
  const wanted = Object.entries(listen)
    .filter(([, address]) => !isPath(address))
    .map(([name, address]) => ({ name, address, ...parseTcpAddress(address) }));
  for (const [index, one] of wanted.entries()) {
    const other = wanted.slice(index + 1).find(({ port, host }) => port !== 0 && port === one.port && overlap(host, one.host));
    if (other === undefined) continue;
    throw new BelayError({
      code: "BELAY_KEEPER_ADDRESS_TWICE",
      message: `${optionOf(one.name)} ${one.address} and ${optionOf(other.name)} ${other.address} ask for the same port`,
      next: `Give ${optionOf(other.name)} a port of its own.`,
    });
  }
}

function overlap(one: string, other: string): boolean {
  return one === other || [one, other].some((host) => host === "0.0.0.0" || host === "::");
}

/** The option of `belay up` that asks for a listener. */
function optionOf(name: string): string {
  const options: Readonly<Record<string, string>> = {
    http: "--listen",
    https: "--tls",
    "api-tcp": "--api",
    metrics: "--metrics",
  };
  return options[name] ?? name;
}

/** Whether both are written for the same address. */
export function isSameAddress(one: string, other: string): boolean {
  const [left, right] = [parseTcpAddress(one), parseTcpAddress(other)];
  return left.host === right.host && left.port === right.port;
}

function takeInherited(name: string, address: string, fd: number): Listener {
  if (isPath(address)) return { name, address, fd, handle: null };
  const handle = createHandle(null, null, null, fd, 0);
  if (typeof handle === "number") throw listenError(address, errorName(handle));
  const bound: { address?: string; port?: number } = {};
  handle.getsockname?.(bound);
  return { name, address: printTcpAddress(bound, address), fd, handle };
}

/** "host:port" with an IP address, `localhost`, or nothing or `*` for all of IPv4; IPv6 in brackets. */
export function parseTcpAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]*)):(?<port>\d{1,5})$/.exec(address);
  const name = match?.groups?.["six"] ?? match?.groups?.["four"] ?? "?";
  const host = name === "" || name === "*" ? "0.0.0.0" : name === "localhost" ? "127.0.0.1" : name;
  const port = Number(match?.groups?.["port"]);
  if (net.isIP(host) !== 0 && port <= 65_535) return { host, port };
  throw new BelayError({
    code: "BELAY_KEEPER_ADDRESS_INVALID",
    message: `${address} is not an address to listen on`,
    next: "Write an IP address and a port, for example 127.0.0.1:8080, 0.0.0.0:80 or [::]:80.",
  });
}

function printTcpAddress({ address, port }: { address?: string; port?: number }, otherwise: string): string {
  if (address === undefined || port === undefined) return otherwise;
  return net.isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

function errorName(errorNumber: number): string {
  return systemErrors.get(errorNumber) ?? `error ${errorNumber}`;
}

/** Linux's numbers, negated as libuv returns them. */
const systemErrors: ReadonlyMap<number, string> = new Map([
  [-1, "EPERM"],
  [-13, "EACCES"],
  [-98, "EADDRINUSE"],
  [-99, "EADDRNOTAVAIL"],
]);

function listenError(address: string, error: string, listener = "http"): BelayError {
  const option = optionOf(listener);
  if (error === "EADDRINUSE") {
    return new BelayError({
      code: "BELAY_KEEPER_PORT_IN_USE",
      message: `another program listens on ${address} already`,
      next: isPath(address)
        ? "Run `belay status`: Belay seems to be running on this data folder; or choose another folder with --data."
        : `Choose another address with ${option}, or stop that program (\`ss -ltnp\` shows it).`,
    });
  }
  if (error === "EACCES" || error === "EPERM") {
    return new BelayError({
      code: "BELAY_KEEPER_NO_PERMISSION",
      message: `no permission to listen on ${address}`,
      next: isPath(address)
        ? "Choose a data folder that belongs to you, with --data or BELAY_DATA."
        : `Choose a port from 1024 on with ${option}, or run as a user who may use lower ones.`,
    });
  }
  return new BelayError({
    code: "BELAY_KEEPER_CANNOT_LISTEN",
    message: `cannot listen on ${address} (${error})`,
    next: `Choose an address of this machine with ${option} (\`ip address\` shows them).`,
  });
}
