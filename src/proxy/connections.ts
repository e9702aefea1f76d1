import type { Socket } from "node:net";

interface Use {
  /** Requests and tunnels under way. */
  busy: number;
  idleSinceMs: number;
}

/** The client connections of a worker, and which of them are idle. */
export class Connections {
  #uses = new Map<Socket, Use>();

  opened(socket: Socket, nowMs: number): void {
    this.#uses.set(socket, { busy: 0, idleSinceMs: nowMs });
    socket.once("close", () => this.#uses.delete(socket));
  }

  /** Returns how many are under way with this one. */
  began(socket: Socket): number {
    const use = this.#uses.get(socket);
    if (use === undefined) return 1;
    use.busy += 1;
    return use.busy;
  }

  ended(socket: Socket, nowMs: number): void {
    const use = this.#uses.get(socket);
    if (use === undefined) return;
    use.busy -= 1;
    use.idleSinceMs = nowMs;
  }

  /** Its client was told something just now, and may have sent something before it hears that. */
  used(socket: Socket, nowMs: number): void {
    const use = this.#uses.get(socket);
    if (use !== undefined) use.idleSinceMs = nowMs;
  }

  isIdle(socket: Socket, sinceMs: number): boolean {
    const use = this.#uses.get(socket);
    return use !== undefined && use.busy === 0 && use.idleSinceMs < sinceMs;
  }

  get size(): number {
    return this.#uses.size;
  }

  /** Closes what has been idle since before `sinceMs`. A connection that was just opened may have a request on its way and is not among them. */
  closeIdle(sinceMs: number): void {
    for (const [socket, { busy, idleSinceMs }] of this.#uses) if (busy === 0 && idleSinceMs < sinceMs) socket.destroySoon();
  }

  destroyAll(): void {
    for (const socket of this.#uses.keys()) socket.destroy();
  }
}
