/** What a shell line starts, as far as it can be told without running it. */
export interface StartCommand {
  /** The first program of the line, without assignments and `exec` before it; null where only a shell can tell. */
  readonly program: string | null;
  /** Words that look like a file of the service: `server.js`, `bin/start`. */
  readonly files: readonly string[];
}

const shellSyntax = /[;&|<>(){}`*?\n]|\$\(/;
const builtIns = new Set(["cd", "if", "for", "while", "set", ".", "source", "eval", "trap", "ulimit", "export", "test", "["]);

/** Pure. */
export function readStartCommand(line: string): StartCommand {
  const words = line.trim().split(/\s+/);
  while (/^[A-Za-z_]\w*=/.test(words[0] ?? "") || ["exec", "env", "nohup"].includes(words[0] ?? "")) words.shift();
  const [program = ""] = words;
  if (program === "" || builtIns.has(program) || /["'$]/.test(program) || shellSyntax.test(program))
    return { program: null, files: [] };
  // What stands behind a && or a pipe is another command's, perhaps in another folder.
  const end = words.findIndex((word) => shellSyntax.test(word));
  const own = (end === -1 ? words : words.slice(0, end)).slice(1);
  return {
    program,
    files: own.filter((word) => /^(?:\.\/)?[\w][\w./-]*\.(?:[cm]?[jt]s|py|rb|php|jar|sh)$/.test(word)).map(withoutDot),
  };
}

export function withoutDot(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}
