import http from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../../src/proxy/loopback-world.ts";
import type { Pool, RoutingTable } from "../../src/routing/table.ts";
import { ShiftingLoad } from "./shifting-load.ts";
import { WorkerFleet } from "./worker-fleet.ts";

export interface ReplacementsResult {
  readonly replaced: number;
  readonly tables: number;
  readonly answered: ShiftingLoad["answered"];
  readonly failed: readonly string[];
  readonly sentAgain: number;
  /** As the clients saw them. */
  readonly tunnels: ShiftingLoad["tunnels"];
  /** As the workers counted them. */
  readonly handshakes: number;
  readonly crashes: readonly string[];
}

const names = ["proxy-1", "proxy-2"];

/** Replaces workers and changes the canary's weight while clients of every kind ask; nobody should notice. */
export async function runReplacements(options: {
  readonly replacements: number;
  readonly weightChanges: number;
}): Promise<ReplacementsResult> {
  const releases = [await startRelease(), await startRelease()] as const;
  const [stable, canary] = releases.map(({ port }, at) => poolAt(at === 0 ? "old" : "new", port)) as [Pool, Pool];
  const fleet = new WorkerFleet();
  await fleet.open(names, tableOf({ epoch: 1, weight: 0, stable, canary }));
  const load = new ShiftingLoad(fleet);
  load.start();
  try {
    await changeAll(fleet, { ...options, stable, canary });
  } finally {
    await load.stop();
  }
  try {
    await until(() => fleet.inFlight === 0 && fleet.handshakes >= load.tunnels.opened);
  } finally {
    await fleet.close();
    for (const { close } of releases) close();
  }
  const { replaced, handshakes, crashes } = fleet;
  const { answered, failed, sentAgain, tunnels } = load;
  return { replaced, tables: options.weightChanges, answered, failed, sentAgain, tunnels, handshakes, crashes };
}

async function changeAll(
  fleet: WorkerFleet,
  options: { readonly replacements: number; readonly weightChanges: number; readonly stable: Pool; readonly canary: Pool },
): Promise<void> {
  const { stable, canary } = options;
  const changesPerReplacement = Math.ceil(options.weightChanges / options.replacements);
  for (let change = 0; change < options.weightChanges; change += 1) {
    const weight = [0, 500, 5_000, 10_000][change % 4] ?? 0;
    await fleet.serve(tableOf({ epoch: change + 2, weight, stable, canary }));
    const replacement = Math.floor(change / changesPerReplacement);
    if (change % changesPerReplacement === 0) await fleet.replace(names[replacement % names.length] ?? "");
  }
  // With what drains, so that a tunnel that lasts has met its end.
  await fleet.drained();
}

/** Says what it was asked, and echoes what comes through a tunnel. */
async function startRelease(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = http.createServer(async (incoming, response) => {
    const body = (await incoming.setEncoding("latin1").toArray()).join("");
    response.end(`${incoming.method} ${incoming.url} ${body}`);
  });
  server.on("upgrade", (_incoming, socket) => {
    socket.on("error", () => socket.destroy());
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

function poolAt(release: string, port: number): Pool {
  return { release, targets: [{ instance: release, host: "127.0.0.1", port }] };
}

function tableOf(of: {
  readonly epoch: number;
  readonly weight: number;
  readonly stable: Pool;
  readonly canary: Pool;
}): RoutingTable {
  const { epoch, weight, stable, canary } = of;
  const exposure = { rollout: "r", epoch, canary, weight, salt: "salt", leaseTtlMs: 600_000 };
  const about = {
    environment: "production",
    stable,
    exposure,
    watch: null,
    responseDeadlineMs: 30_000,
    expose: "previews",
  } as const;
  const routed = (service: string, host: string) => ({ ...about, service, routes: [{ host, path: "/" }] });
  // A host with a certificate is sent to TLS, so that the clients without it have one of their own.
  return { epoch, services: [routed("shop", "shop.test"), routed("secure", "secure.test")] };
}
