import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { userEnvironment } from "../ports/environment.ts";
import { removeFolder } from "./folders.ts";

/** Only for tests: a real repository in a temporary folder, with neither the machine's nor a user's git settings. */
export class TestRepository {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.git("init", "--quiet", "--initial-branch=main");
  }

  git(...args: readonly string[]): string {
    return this.gitWith({}, ...args);
  }

  gitWith(
    options: { readonly input?: string | Buffer; readonly env?: Readonly<Record<string, string>> },
    ...args: readonly string[]
  ): string {
    const person = Object.fromEntries(
      ["AUTHOR", "COMMITTER"].flatMap((role) => [
        [`GIT_${role}_NAME`, "Ada"],
        [`GIT_${role}_EMAIL`, "ada@example.com"],
      ]),
    );
    const env = { PATH: userEnvironment()["PATH"] ?? "", HOME: this.folder, GIT_CONFIG_NOSYSTEM: "1", ...person, ...options.env };
    return execFileSync("git", args, {
      cwd: this.folder,
      env,
      encoding: "utf8",
      input: options.input ?? "",
      stdio: ["pipe", "pipe", "pipe"],
    }).trim();
  }

  write(files: Readonly<Record<string, string | Buffer>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), content);
    }
  }

  /** Commits all files and returns the commit's name. */
  commit(files: Readonly<Record<string, string | Buffer>> = {}, message = "A change"): string {
    this.write(files);
    this.git("add", "--all", "--force");
    this.git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.git("rev-parse", "HEAD");
  }
}

/** A temporary folder that is gone when the test file ends. */
export function createTestFolder(after: (remove: () => Promise<void>) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "belay-release-"));
  after(() => removeFolder(folder));
  return folder;
}
