import type { MachineFacts, ModeFacts } from "../ports/machine.ts";
import { type Finding, fail, pass, warn } from "./findings.ts";

const mega = 1e6;
const giga = 1e9;
/** File systems by the number that the kernel gives them: on these, what was written may not be there afterwards. */
const unsafeFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS, on which SQLite's locks cannot be relied on"],
  [0xff534d42, "CIFS, on which SQLite's locks cannot be relied on"],
  [0xfe534d42, "SMB, on which SQLite's locks cannot be relied on"],
  [0x01021994, "a memory file system, which is empty after a restart of the machine"],
]);

/** Pure: what is wrong with a machine, and how to mend it. */
export function checkMachine(facts: MachineFacts, nowMs: number): readonly Finding[] {
  return [
    checkSystem(facts),
    ...checkDisk(facts),
    checkMemory(facts),
    checkDescriptors(facts),
    checkProcesses(facts),
    ...checkKernel(facts),
    checkClock(facts, nowMs),
    checkDataFolder(facts),
    checkKeys(facts),
    warn(
      "isolation",
      "none: builds, services and Belay run as one user",
      "A service or build that is not to be trusted can read Belay's keys; run only your own here.",
    ),
  ];
}

function checkSystem({ system, node }: MachineFacts): Finding {
  if (system !== "linux")
    return fail("system", `${system}, and Belay needs Linux`, "Run it on Linux, or in a virtual machine with it.");
  return pass("system", `linux, with Belay's own Node ${node}`);
}

function checkDisk({ disk }: MachineFacts): readonly Finding[] {
  const about = "disk";
  if (disk === null) return [warn(about, "its free space cannot be read", "Make the data folder's parents readable.")];
  const { freeBytes, totalBytes, freeFiles, totalFiles, type } = disk;
  const words = `${(freeBytes / giga).toFixed(1)} of ${(totalBytes / giga).toFixed(1)} GB are free`;
  const fix =
    "Free space where the data folder lies, or choose another one with --data; a full disk takes every new release to weight 0.";
  const space =
    freeBytes < 500 * mega ? fail(about, words, fix) : freeBytes < 3 * giga ? warn(about, words, fix) : pass(about, words);
  const findings = [space];
  if (totalFiles > 0 && freeFiles < 50_000)
    findings.push(
      warn(
        about,
        `only ${freeFiles} more files fit on it`,
        "Remove what holds very many small files; each release of a Node service has thousands.",
      ),
    );
  const unsafe = unsafeFileSystems.get(type);
  if (unsafe !== undefined)
    findings.push(warn(about, `the data folder lies on ${unsafe}`, "Choose a folder on a disk of this machine with --data."));
  return findings;
}

function checkMemory({ memory }: MachineFacts): Finding {
  const about = "memory";
  if (memory === null) return warn(about, "cannot be read", "Make /proc/meminfo readable.");
  const words = `${Math.round(memory.availableBytes / mega)} of ${Math.round(memory.totalBytes / mega)} MB are available`;
  const fix =
    "Belay itself takes about 400 MB; in a rollout your service runs twice. Free memory, or set run.memory and fewer instances.";
  if (memory.availableBytes < 300 * mega) return fail(about, words, fix);
  return memory.availableBytes < 1_000 * mega ? warn(about, words, fix) : pass(about, words);
}

function checkDescriptors({ descriptorsMax }: MachineFacts): Finding {
  const about = "descriptors";
  if (descriptorsMax === null) return warn(about, "their limit cannot be read", "Make /proc/self/limits readable.");
  if (descriptorsMax >= 65_536) return pass(about, `a process may have ${countOrAll(descriptorsMax)}`);
  const words = `a process may have ${descriptorsMax}; each visitor's connection takes two in a proxy worker`;
  const fix =
    "Raise the hard limit (`ulimit -Hn`, nofile in /etc/security/limits.conf, or LimitNOFILE= of the unit) to 65536, then `belay down` and `belay up`.";
  return descriptorsMax < 4_096 ? fail(about, words, fix) : warn(about, words, fix);
}

function checkProcesses({ processesMax }: MachineFacts): Finding {
  const about = "processes";
  if (processesMax === null || processesMax >= 4_096)
    return pass(about, `this user may have ${countOrAll(processesMax ?? Number.POSITIVE_INFINITY)}`);
  return warn(
    about,
    `this user may have ${processesMax} processes and threads`,
    "Raise nproc in /etc/security/limits.conf, or TasksMax= of the unit.",
  );
}

function checkKernel({ kernel }: MachineFacts): readonly Finding[] {
  const backlog = Number(kernel["net.core.somaxconn"] ?? Number.NaN);
  const [low = Number.NaN, high = Number.NaN] = (kernel["net.ipv4.ip_local_port_range"] ?? "").split(/\s+/).map(Number);
  const ports = high - low + 1;
  return [
    backlog < 1_024
      ? warn(
          "kernel",
          `net.core.somaxconn is ${backlog}: bursts of connections are refused`,
          "`sysctl -w net.core.somaxconn=4096`, and the same in /etc/sysctl.d.",
        )
      : pass("kernel", `net.core.somaxconn is ${kernel["net.core.somaxconn"] ?? "not known"}`),
    ports < 16_000
      ? warn(
          "kernel",
          `net.ipv4.ip_local_port_range leaves ${ports} ports for connections to instances`,
          "`sysctl -w net.ipv4.ip_local_port_range='32768 60999'`, and the same in /etc/sysctl.d.",
        )
      : pass("kernel", "enough ports for connections to instances"),
  ];
}

/** Holds and leases are counted on a clock that no step changes; the wall clock is in entries and cookies. */
function checkClock({ isClockKept, ledger }: MachineFacts, nowMs: number): Finding {
  const about = "clock";
  if (ledger !== null && ledger.changedAtMs > nowMs + 60_000) {
    const behind = Math.round((ledger.changedAtMs - nowMs) / 1000);
    return fail(
      about,
      `the ledger was written ${behind} s in the future: the clock was set back`,
      "Set the clock, and let a time service keep it.",
    );
  }
  if (isClockKept === true) return pass(about, "kept by a time service");
  const words = isClockKept === false ? "the time service has not set it yet" : "no time service was found";
  return warn(about, words, "Install one (on Debian: apt install systemd-timesyncd), so that the ledger's times can be trusted.");
}

function checkDataFolder({ dataFolder }: MachineFacts): Finding {
  const about = "data folder";
  if (dataFolder === null) return pass(about, "there is none yet; `belay up` makes it");
  const { path, mode, isWritable, isOwn } = dataFolder;
  if (!isWritable)
    return fail(about, `${path} is not writable for this user`, "Run Belay as its owner, or choose another folder with --data.");
  if (!isOwn) return warn(about, `${path} belongs to another user`, "Run Belay as its owner, always.");
  if ((mode & 0o077) !== 0)
    return fail(about, `others may look into ${path} (mode ${mode.toString(8)})`, `Run \`chmod 700 ${path}\`.`);
  return pass(about, `${path}, for its owner alone`);
}

function checkKeys({ keys, missingKey, dataFolder }: MachineFacts): Finding {
  const about = "keys";
  if (missingKey !== null)
    return fail(about, `${missingKey} is missing: no instance with secrets can be started`, "Put it back from your copy of it.");
  if (dataFolder === null || keys.length === 0) return pass(about, "there are none yet");
  const open = keys.filter(({ mode }) => (mode & 0o077) !== 0);
  if (open.length > 0) return fail(about, `others may read ${namesOf(open)}`, `Run \`chmod 600 ${namesOf(open)}\`.`);
  const closed = keys.filter(({ isReadable }) => !isReadable);
  if (closed.length > 0) return fail(about, `this user may not read ${namesOf(closed)}`, "Run Belay as their owner.");
  return pass(about, `${keys.length} files, readable for their owner alone`);
}

function namesOf(files: readonly ModeFacts[]): string {
  return files.map(({ path }) => path).join(" ");
}

function countOrAll(count: number): string {
  return count === Number.POSITIVE_INFINITY ? "as many as it wants" : String(count);
}
