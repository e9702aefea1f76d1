import { BelayError } from "../errors.ts";
import { runCommand } from "../ports/command.ts";
import { systemPath } from "../ports/environment.ts";

const timeoutMs = 30_000;
const bytesMax = 64 * 1024;

/**
 * What a command line writes to standard output, without its last line's end. It inherits nothing, and nothing of what it wrote is
 * told. Throws `BELAY_CONFIG_COMMAND_FAILED`.
 */
export async function runSource(command: string): Promise<string> {
  const end = await runCommand({
    argv: ["/bin/sh", "-c", command],
    cwd: "/",
    env: { PATH: systemPath, LANG: "C.UTF-8" },
    timeoutMs,
    stdoutBytesMax: bytesMax,
  });
  if (end.exitCode === 0 && !end.isCut) return end.stdout.toString("utf8").replace(/\r?\n$/, "");
  const how = end.isTimedOut
    ? `was not done after ${timeoutMs / 1000} s`
    : end.isCut
      ? `wrote more than ${bytesMax} bytes`
      : end.exitCode === null
        ? `was ended by signal ${end.endSignal}`
        : `ended with exit code ${end.exitCode}`;
  throw new BelayError({
    code: "BELAY_CONFIG_COMMAND_FAILED",
    message: `\`${command}\` ${how}`,
    next: "Run the command on the machine of the control plane, as the user who runs Belay, to see what it says.",
  });
}
