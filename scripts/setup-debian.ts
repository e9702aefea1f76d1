/**
 * `npm test` runs this first: as root on Debian it installs what the tests need beside npm packages. Elsewhere it says what is
 * missing; the tests that need it are then reported as skipped, with the same words (`test/` asks `missing`).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

interface Need {
  readonly command: string;
  readonly debianPackage: string;
  readonly why: string;
}

const needs: readonly Need[] = [
  { command: "git", debianPackage: "git", why: "releases are built from commits" },
  { command: "bandit", debianPackage: "bandit", why: "its reports are read by preflight" },
  { command: "sshd", debianPackage: "openssh-server", why: "remote servers are tried through a real ssh server" },
  { command: "openssl", debianPackage: "openssl", why: "certificates are made for the tests of TLS" },
  { command: "nginx", debianPackage: "nginx-light", why: "the conformance suite is run through another engine" },
  { command: "prometheus", debianPackage: "prometheus", why: "it scrapes Belay, and checks the rules of alerts" },
  { command: "haproxy", debianPackage: "haproxy", why: "the conformance suite is run through another engine" },
];

/** Where Debian keeps programs of the administrator, which are not on everybody's PATH. */
const administratorPath = "/usr/local/sbin:/usr/sbin:/sbin";

/** Why a test that needs `command` cannot run here, with the remedy; false when it can. Fits node:test's `skip` option. */
export function missing(command: string): string | false {
  const need = needs.find((known) => known.command === command);
  if (need === undefined || isInstalled(need)) return false;
  return `${need.command} is not installed (${need.why}): install the package ${need.debianPackage}, or run the tests as root on Debian`;
}

function isInstalled({ command }: Need): boolean {
  const env = { ...process.env, PATH: `${process.env["PATH"]}:${administratorPath}` };
  return spawnSync(command, ["--version"], { stdio: "ignore", env }).error === undefined;
}

function installs(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version");
}

if (import.meta.main) {
  const packages = needs.filter((need) => !isInstalled(need)).map((need) => need.debianPackage);
  if (packages.length > 0 && installs()) {
    console.log(`setup-debian: installing ${packages.join(", ")}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["update", "--quiet"], { stdio: "inherit", env });
    execFileSync("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...packages], { stdio: "inherit", env });
  }
  for (const need of needs) {
    const reason = missing(need.command);
    if (reason !== false) console.log(`setup-debian: ${reason}; tests that need it are skipped`);
  }
}
