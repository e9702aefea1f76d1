import { chmodSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import type { ApiApp } from "./api-app.ts";
import { passOverRest } from "./upload.ts";

/** Where the control plane of a data folder listens. Unix socket paths end at 107 bytes, so this one is short. */
export function apiSocketPath(dataFolder: string): string {
  return join(dataFolder, "run", "api.sock");
}

/** Where the hash of the API token is kept. */
export function apiTokenFile(dataFolder: string): string {
  return join(dataFolder, "keys", "api-token.json");
}

/** A descriptor that is already listening, or a path or port to listen on. */
export type ApiListener =
  | { readonly kind: "descriptor"; readonly fd: number }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "port"; readonly host: string; readonly port: number };

export interface ServedApi {
  /** A path, or host:port. */
  readonly address: string;
  /** Takes no new requests and cuts the connections; whoever asked asks again at the next control plane. */
  close(): Promise<void>;
}

/** For listeners that anybody on the machine may connect to. What is beyond them is cut, so that it takes nothing from the others. */
export interface ListenerBounds {
  readonly connectionsMax: number;
  /** How long a request may take to arrive, its body included. */
  readonly requestWithinMs: number;
}

/** Serves the app. Resolves once it listens; rejects with what the system says when it cannot. */
export async function serveApi({
  app,
  listener,
  bounds,
}: {
  readonly app: Pick<ApiApp, "fetch">;
  readonly listener: ApiListener;
  readonly bounds?: ListenerBounds;
}): Promise<ServedApi> {
  // The adapter closes the connection half a second after an answer that comes before the end of an upload. Right for the events that anybody
  // may send; whoever sends a bundle reads why it was refused.
  const keepsUploads = bounds === undefined;
  const serverOptions = optionsFor(bounds);
  const adapted = createAdaptorServer({ fetch: app.fetch, serverOptions, autoCleanupIncoming: !keepsUploads });
  const server = adapted as Server & { closeAllConnections(): void };
  if (keepsUploads)
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) =>
      outgoing.once("finish", () => passOverRest(incoming)),
    );
  if (bounds !== undefined) server.maxConnections = bounds.connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listen(server, listener);
  });
  if (listener.kind === "path") chmodSync(listener.path, 0o600);
  return {
    address: describeAddress(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function optionsFor(bounds: ListenerBounds | undefined) {
  const headersTimeout = 10_000;
  // A client that is slow may not have looked for the answer to its upload yet, and would lose it if the connection was closed under what it
  // writes: EPIPE in place of what was refused.
  const keepAliveTimeout = 60_000;
  if (bounds === undefined) return { requestTimeout: 600_000, headersTimeout, keepAliveTimeout, maxHeaderSize: 128 * 1024 };
  const { requestWithinMs: requestTimeout } = bounds;
  // Node looks for late ones every 30 s when it is not told otherwise.
  return {
    requestTimeout,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    connectionsCheckingInterval: Math.min(1_000, requestTimeout),
  };
}

function listen(server: Server, listener: ApiListener): void {
  switch (listener.kind) {
    case "descriptor":
      server.listen({ fd: listener.fd });
      break;
    case "path":
      server.listen(listener.path);
      break;
    case "port":
      server.listen(listener.port, listener.host);
      break;
  }
}

function describeAddress(address: AddressInfo | string | null): string {
  if (address === null || typeof address === "string") return address ?? "";
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
