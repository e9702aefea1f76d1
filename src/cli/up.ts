import { join } from "node:path";
import type { StartStage } from "../app/start-platform.ts";
import { BelayError } from "../errors.ts";
import { readCertificateFacts } from "../ports/certificate-files.ts";
import { checkCertificates } from "./certificate-checks.ts";
import { type Client, isPassing } from "./client.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { describeFindings } from "./findings.ts";
import { describeProgress } from "./rollout-words.ts";

const lookEveryMs = 1_000;

export const up: Command = {
  name: "up",
  isLocal: true,
  summary: "Start Belay on this machine: keeper, proxy workers and control plane. Stays until Ctrl-C, which stops everything.",
  options: [
    {
      flags: "--listen <host:port>",
      summary: "Where visitors come in; port 0 picks one. By default 127.0.0.1:8080, or where it listens already.",
    },
    {
      flags: "--tls <host:port>",
      summary: "Let visitors come in by TLS there, too: HTTP/2 and HTTP/1.1, with the certificates in the data folder.",
    },
    { flags: "--api <host:port>", summary: "Offer the API on TCP, too; its token is made anew and shown once." },
    { flags: "--metrics <host:port>", summary: "Offer metrics there for Prometheus, as /metrics without a token." },
    { flags: "--workers <count>", summary: "Proxy workers, 1 to 64.", fallback: "2" },
    { flags: "--detach", summary: "Return when it is ready, and leave it running." },
  ],

  async run(context) {
    const { io, dataFolder, values, print, printJson, isJson } = context;
    const apiListen = textOf(values["api"]) ?? null;
    const tlsListen = textOf(values["tls"]) ?? null;
    const metricsListen = textOf(values["metrics"]) ?? null;
    const wasRunning = await io.platform.isRunning({ dataFolder });
    // Port 0 is content with whatever a Belay that runs already has.
    const listen = textOf(values["listen"]) ?? (wasRunning ? "127.0.0.1:0" : "127.0.0.1:8080");
    const options = { dataFolder, listen, apiListen, tlsListen, metricsListen, workers: workersOf(values["workers"]) };
    // On standard error, so that what is up stands alone on standard output.
    const tell = (stage: StartStage) => io.stderr.write(`${describeStage(stage)}\n`);
    const { addresses, version, replaced, token } = await io.platform.start(options, tell);
    const how = replaced !== null ? `has replaced ${replaced}` : wasRunning ? "runs already" : "is up";
    print(`Belay ${version} ${how}: visitors at http://${addresses["http"]}; data in ${dataFolder}`);
    if (addresses["https"] !== undefined) {
      const folder = join(dataFolder, "certificates");
      print(`By TLS at https://${addresses["https"]}, with the certificates in ${folder}.`);
      const question = { certificates: readCertificateFacts(folder), hosts: [], isServed: true };
      const wrong = checkCertificates(question, io.clock.now().epochMilliseconds).filter(({ level }) => level !== "pass");
      if (wrong.length > 0) print(describeFindings(wrong));
    }
    if (token !== null) {
      print(`API at http://${addresses["api-tcp"]}. Its token, which is shown this once and kept as a hash only:\n    ${token}`);
    }
    if (addresses["metrics"] !== undefined) print(`Metrics at http://${addresses["metrics"]}/metrics, for whoever reaches it.`);
    if (isJson) printJson({ addresses, version, replaced, dataFolder, token });
    // A Belay that was brought up elsewhere is not this command's to stop.
    if (values["detach"] === true || wasRunning) return undefined;
    print("Ctrl-C stops everything, the services too.");
    await watch(context);
    return undefined;
  },
};

function describeStage(stage: StartStage): string {
  switch (stage.kind) {
    case "copying":
      return `Copying Belay to ${stage.folder} (${Math.ceil(stage.bytes / 1e6)} MB, once for each version) ...`;
    case "replacing":
      return `Replacing ${stage.from} by ${stage.to}: workers new one first, so that no visitor notices ...`;
    case "waiting":
      return "Waiting for the control plane to answer ...";
  }
}

/** Shows what changes, until it is interrupted or stopped from elsewhere. */
async function watch({ io, client, dataFolder, print }: CommandContext): Promise<void> {
  const shown = new Map<string, string>();
  while (!io.interrupted.aborted) {
    try {
      await showChanges(client, shown, print);
      await io.clock.sleep(lookEveryMs, io.interrupted);
    } catch (error) {
      if (io.interrupted.aborted) break;
      if (!isPassing(error)) throw error;
      if (!(await io.platform.isRunning({ dataFolder }))) {
        print("Belay was stopped.");
        return;
      }
      await io.clock.sleep(lookEveryMs).then(() => undefined);
    }
  }
  print("Stopping.");
  await io.platform.stop({ dataFolder });
  print("Stopped.");
}

async function showChanges(client: Client, shown: Map<string, string>, print: (line: string) => void): Promise<void> {
  const { services, trouble } = await client.status();
  const now = new Map(trouble.map((words) => [`trouble ${words}`, `trouble: ${words}`]));
  for (const { service, environment, rollout } of services) {
    if (rollout === null) continue;
    // Counts change with every look; what is worth a line is the stage and the weight.
    const key = `${service}/${environment} ${rollout.rollout} ${JSON.stringify(rollout.phase)} ${rollout.weight}`;
    now.set(key, `${service}/${environment}: ${describeProgress(rollout)}`);
  }
  for (const [key, line] of now) if (!shown.has(key)) print(line);
  shown.clear();
  for (const [key, line] of now) shown.set(key, line);
}

function workersOf(value: string | boolean | undefined): number {
  const workers = Number(value);
  if (Number.isInteger(workers) && workers >= 1 && workers <= 64) return workers;
  throw new BelayError({
    code: "BELAY_CLI_WORKERS_INVALID",
    message: `${String(value)} is not a number of workers`,
    next: "Write a whole number of 1 to 64, such as --workers 2.",
  });
}
