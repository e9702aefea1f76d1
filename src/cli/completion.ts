import { BelayError } from "../errors.ts";
import type { Command, CommandOption } from "./command.ts";

/** What the completion scripts are made of: the commands themselves, so that no list can grow old. */
export interface CompletionSource {
  readonly commands: readonly Command[];
  readonly globalOptions: readonly CommandOption[];
}

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof shells;

/** The source is asked for late, because this command is one of the commands. */
export function createCompletion(source: () => CompletionSource): Command {
  return {
    name: "completion",
    summary: "Print a completion script for a shell; installs nothing.",
    arguments: [{ name: "<bash|zsh|fish>", summary: "The shell." }],

    async run({ io, positionals }) {
      const [shell] = positionals;
      if (shell === undefined || !isShell(shell)) throw unknownShell(shell);
      io.stdout.write(shells[shell](source()));
      return undefined;
    },
  };
}

function isShell(name: string): name is Shell {
  return Object.hasOwn(shells, name);
}

/** The words behind a command: its options, and the values of an argument that names them all (`<on|off>`). */
function wordsOf(command: Command): readonly string[] {
  return [...(command.options ?? []).flatMap(flagsOf), ...choicesOf(command)];
}

function choicesOf({ arguments: named = [] }: Command): readonly string[] {
  return named.flatMap(({ name }) => (name.includes("|") ? name.slice(1, -1).split("|") : []));
}

function flagsOf({ flags }: CommandOption): readonly string[] {
  return flags.match(/--?[\w-]+/g) ?? [];
}

function bashScript({ commands, globalOptions }: CompletionSource): string {
  const globals = globalOptions.flatMap(flagsOf).join(" ");
  return `# Load with: source <(belay completion bash)
_belay() {
  local word command="" skip="" words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=""; continue; fi
    case $word in
      --data | --server) skip=1 ;;
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  case $command in
    "") words="${commands.map(({ name }) => name).join(" ")} help ${globals}" ;;
${commands.map((command) => `    ${command.name}) words="${[...wordsOf(command), globals].join(" ")}" ;;`).join("\n")}
    help) words="${commands.map(({ name }) => name).join(" ")}" ;;
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _belay belay
`;
}

function zshScript({ commands, globalOptions }: CompletionSource): string {
  const described = (word: string, summary: string) => `'${quoteZsh(word)}:${quoteZsh(summary)}'`;
  const options = (list: readonly CommandOption[]) =>
    list.flatMap((option) => flagsOf(option).map((flag) => described(flag, option.summary)));
  const globals = options(globalOptions);
  const cases = commands.map((command) => {
    const words = [...options(command.options ?? []), ...choicesOf(command).map((choice) => `'${choice}'`), ...globals];
    return `    ${command.name}) candidates=(${words.join(" ")}) ;;`;
  });
  return `#compdef belay
# Load with: source <(belay completion zsh), after compinit
_belay() {
  local word command="" skip=""
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $skip ]]; then skip=""; continue; fi
    case $word in
      --data|--server) skip=1 ;;
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  case $command in
    "") candidates=(${[...commands.map(({ name, summary }) => described(name, summary)), ...globals].join(" ")}) ;;
${cases.join("\n")}
    *) candidates=() ;;
  esac
  _describe belay candidates || _files
}
compdef _belay belay
`;
}

function quoteZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
}

function fishScript({ commands, globalOptions }: CompletionSource): string {
  const lines = ["# Load with: belay completion fish | source"];
  for (const { name, summary } of commands)
    lines.push(`complete -c belay -n __fish_use_subcommand -f -a ${name} -d ${quoteFish(summary)}`);
  for (const option of globalOptions) lines.push(`complete -c belay ${fishFlags(option)} -d ${quoteFish(option.summary)}`);
  for (const command of commands) {
    const when = `complete -c belay -n '__fish_seen_subcommand_from ${command.name}'`;
    for (const option of command.options ?? []) lines.push(`${when} ${fishFlags(option)} -d ${quoteFish(option.summary)}`);
    for (const choice of choicesOf(command)) lines.push(`${when} -f -a ${choice}`);
  }
  return `${lines.join("\n")}\n`;
}

function fishFlags(option: CommandOption): string {
  const flags = flagsOf(option).map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return `${flags.join(" ")}${option.flags.includes("<") ? " -r" : ""}`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function unknownShell(shell: string | undefined): BelayError {
  return new BelayError({
    code: "BELAY_CLI_SHELL_UNKNOWN",
    message: `there is no completion for ${String(shell)}`,
    next: `Write \`belay completion ${Object.keys(shells).join("`, `belay completion ")}\`.`,
  });
}
