import { join } from "node:path";
import type { StatusView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { readCertificateFacts } from "../ports/certificate-files.ts";
import { runCommand } from "../ports/command.ts";
import { systemPath } from "../ports/environment.ts";
import { probeHttp } from "../ports/http-probe.ts";
import { readMachine } from "../ports/machine.ts";
import { checkCertificates } from "./certificate-checks.ts";
import { type Command, type CommandContext, exitCodes } from "./command.ts";
import { describeFindings, type Finding, fail, pass, warn } from "./findings.ts";
import { checkMachine } from "./machine-checks.ts";
import { checkProcesses } from "./process-words.ts";

/** Fewer requests than this say nothing about what clients do with cookies. */
const requestsForShare = 100;
const usualAddress = { host: "127.0.0.1", port: 8080 };

export const doctor: Command = {
  name: "doctor",
  summary: "Say what is wrong with this machine and with the Belay on it, and how to mend it. Changes nothing.",

  async run(context) {
    const { io, dataFolder, isJson, print, printJson } = context;
    const findings = [
      await checkTool("git", { path: io.env["PATH"] ?? systemPath, isNeeded: true, use: "releases are built from commits" }),
      await checkTool("npm", { path: systemPath, isNeeded: false, use: "builds of Node services call it" }),
      ...checkMachine(readMachine(dataFolder), io.clock.now().epochMilliseconds),
      ...(await checkBelay(context)),
    ];
    const failed = findings.filter(({ level }) => level === "fail").length;
    if (isJson) printJson({ ok: failed === 0, findings });
    else print(`${describeFindings(findings)}\n\n${summaryOf(findings)}`);
    return failed === 0 ? exitCodes.done : exitCodes.error;
  },
};

function summaryOf(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
  return `${count("fail")} wrong, ${count("warn")} to know, ${count("pass")} in order.`;
}

async function checkTool(
  name: string,
  { path, isNeeded, use }: { readonly path: string; readonly isNeeded: boolean; readonly use: string },
): Promise<Finding> {
  const missing = `it was not found, and ${use}`;
  const fix = `Install it (on Debian: apt install ${name}).`;
  try {
    const { exitCode, stdout } = await runCommand({
      argv: [name, "--version"],
      cwd: "/",
      env: { PATH: path, HOME: "/" },
      timeoutMs: 10_000,
    });
    if (exitCode === 0)
      return pass(
        name,
        stdout
          .toString("utf8")
          .trim()
          .replace(/^git version /, ""),
      );
    return warn(name, `\`${name} --version\` ended with exit code ${exitCode}`, fix);
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return isNeeded ? fail(name, missing, fix) : warn(name, missing, fix);
  }
}

async function checkBelay(context: CommandContext): Promise<readonly Finding[]> {
  const { io, client, dataFolder } = context;
  if (!(await io.platform.isRunning({ dataFolder }))) return [pass("belay", `none runs in ${dataFolder}`), await checkPort()];
  try {
    const view = await client.status();
    return [
      ...checkRunning(view),
      checkVersion(view, io.platform.version()),
      ...view.services.map(checkCookies),
      ...view.services.flatMap(checkClients),
      ...view.services.flatMap(checkProcesses),
      ...checkCertificates(
        {
          certificates: readCertificateFacts(join(dataFolder, "certificates")),
          hosts: view.services.flatMap(({ stable }) => stable?.routes.map(({ host }) => host) ?? []),
          isServed: view.addresses["https"] !== undefined,
        },
        io.clock.now().epochMilliseconds,
      ),
    ];
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return [
      fail(
        "belay",
        `it runs, and its control plane does not answer: ${cause.message}`,
        `Read ${dataFolder}/logs/control.log. Visitors are served meanwhile; \`belay rollback --direct\` goes back without it.`,
      ),
    ];
  }
}

/** Nothing that answers, and nothing that hangs: then `belay up` finds the port free. */
async function checkPort(): Promise<Finding> {
  const { host, port } = usualAddress;
  const answer = await probeHttp({ ...usualAddress, path: "/", timeoutMs: 1_000 });
  if ("failure" in answer && answer.failure === "connection refused")
    return pass("port", `${host}:${port} is free for \`belay up\``);
  return warn("port", `something listens on ${host}:${port}`, "Name another address: `belay up --listen 127.0.0.1:8081`.");
}

function checkRunning({ workers, trouble }: StatusView): readonly Finding[] {
  const away = workers.filter(({ isConnected }) => !isConnected);
  return [
    away.length === 0
      ? pass("belay", `it runs, and its ${workers.length} proxy workers are connected`)
      : warn(
          "belay",
          `${away.map(({ worker }) => worker).join(", ")} is not connected to the control plane`,
          "Look again in some seconds; the log of the worker says why.",
        ),
    ...trouble.map((words) => fail("belay", words, "Mend this first: until then no new release gets any traffic.")),
  ];
}

function checkVersion({ program }: StatusView, own: string): Finding {
  if (program === own) return pass("version", `what runs is this program (${own})`);
  return warn(
    "version",
    `${program} runs, and this program is ${own}`,
    "Run `belay up` with the address it listens on to replace it process by process.",
  );
}

/** A client without cookies is a new visitor with each request: it sees both releases, and cannot be told from many. */
function checkCookies({ service, requestsLastMinute, newVisitorsLastMinute }: StatusView["services"][number]): Finding {
  const about = `cookies of ${service}`;
  if (requestsLastMinute < requestsForShare) return pass(about, `${requestsLastMinute} requests in the last minute say nothing`);
  const share = Math.round((100 * Math.min(newVisitorsLastMinute, requestsLastMinute)) / requestsLastMinute);
  const words = `${share}% of the requests of the last minute came without Belay's cookie`;
  if (share < 50) return pass(about, words);
  return warn(
    about,
    words,
    "Clients that keep no cookies see both releases during a rollout, and each of their requests counts as a visitor.",
  );
}

/** Whom a trusted proxy does not name has its address: to a cohort's network all its visitors are one. A control plane from before does not tell. */
function checkClients({ service, withoutClient }: Partial<StatusView["services"][number]>): readonly Finding[] {
  const { requests, of } = withoutClient ?? { requests: 0, of: 0 };
  if (requests === 0) return [];
  const about = `clients of ${service}`;
  const words = `${requests} of ${of} requests came from a trusted proxy without X-Forwarded-For, so it was taken for the client`;
  // A balancer's own health checks come without it, too.
  if (requests < requestsForShare || requests < of / 2) return [pass(about, words)];
  return [
    warn(
      about,
      words,
      "Have the proxy send X-Forwarded-For, or take its address out of trustedProxies in belay.yml. Its own health checks need none.",
    ),
  ];
}
