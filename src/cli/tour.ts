import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ServiceView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { runCommand } from "../ports/command.ts";
import { userEnvironment } from "../ports/environment.ts";
import { type Candidate, rankServices } from "../project/first-service.ts";
import { openProjectFiles } from "../project/project-files.ts";
import { readWorkTree } from "../release/work-tree.ts";
import { type CommandContext, exitCodes } from "./command.ts";
import { manifestFile, requireManifest } from "./own-manifest.ts";
import { harmless } from "./show-table.ts";

/** One thing on the way to a first deployment. */
interface Stop {
  readonly title: string;
  /** Two sentences: what it does, and why it is done. */
  readonly why: string;
  /** As a person would type it. */
  readonly command: string;
  /** It lies behind whoever takes the tour. Looked at anew each time, so that nothing has to be remembered between two. */
  isDone(): Promise<boolean>;
  /** Returns an exit code. */
  go(): Promise<number>;
}

type Answer = "yes" | "skip" | "leave" | "nobody";
const wrongMax = 3;

/** A guided first deployment. It asks before each step, can be left at any of them, and goes on where things stand. */
export async function takeTour(context: CommandContext): Promise<number> {
  const { print } = context;
  print(
    "A first deployment, step by step. Nothing runs before you say so; leave whenever you like, and `belay init --tour` goes on.",
  );
  const chosen = await choose(context);
  if (typeof chosen === "number") return chosen;
  const stops = stopsOf(context, join(context.io.cwd, chosen.folder), chosen);
  for (const [at, stop] of stops.entries()) {
    const head = `\n${at + 1} of ${stops.length}: ${stop.title}`;
    if (await stop.isDone()) {
      print(`${head}: done already.`);
      continue;
    }
    print(`${head}\n  ${stop.why}\n  Command: ${stop.command}`);
    const answer = await ask(context, "  Run it now? [y]es, [s]kip, [q]uit: ");
    if (answer === "nobody") return tellTheRest(context, chosen, stops.slice(at));
    if (answer === "leave") return leave(context);
    if (answer === "skip") continue;
    const code = await stop.go();
    if (code !== exitCodes.done) {
      print(`That did not work, and nothing after it was tried. Mend what is named above; \`belay init --tour\` goes on here.`);
      return code;
    }
  }
  print(
    "\nThat was it. From now on: change something, commit, `belay deploy`, and look at it with `belay status` and `belay explain`.",
  );
  return exitCodes.done;
}

async function choose(context: CommandContext): Promise<Candidate | number> {
  const { io, print } = context;
  const candidates = rankServices(await openProjectFiles(io.cwd));
  const [best, ...others] = candidates;
  if (best === undefined) throw noService(io.cwd);
  print("\nWhich service to begin with: a small one that little hangs on, so that the first try can go wrong cheaply.");
  print(`  Recommended: ${describe(best)}`);
  if (best.against.length > 0)
    print("  Nothing smaller is here. Deploy it to an environment that nobody depends on first, and practise the way back.");
  if (others.length === 0) return best;
  for (const [at, other] of others.slice(0, 9).entries()) print(`  ${at + 2}: ${describe(other)}`);
  for (let wrong = 0; wrong < wrongMax; wrong += 1) {
    const line = await io.ask("  Enter takes the recommended one, a number another, q leaves: ");
    if (line === undefined || line.trim() === "") return best;
    if (isLeaving(line)) return leave(context);
    const picked = /^\d{1,2}$/.test(line.trim()) ? candidates[Number(line.trim()) - 1] : undefined;
    if (picked !== undefined) return picked;
    print(`  There is no ${harmless(line.trim().slice(0, 40))}: the numbers go from 1 to ${Math.min(candidates.length, 10)}.`);
  }
  return leave(context);
}

function describe({ folder, service, against, inFavour }: Candidate): string {
  const place = folder === "" ? "this folder" : harmless(folder);
  return `${service} in ${place}: ${[...inFavour, ...against.map((words) => `but ${words}`)].map(harmless).join("; ")}`;
}

function stopsOf(context: CommandContext, folder: string, { folder: name }: Candidate): readonly Stop[] {
  const { io, dataFolder, runOther } = context;
  const own = () => ownService(context, folder);
  const where = name === "" ? "" : ` (in ${harmless(name)})`;
  return [
    {
      title: "Start Belay on this machine",
      why: "Belay stands in front of your service and hands it the requests, so that it can send some of them to a new release. It runs as your user and keeps everything in one folder.",
      command: "belay up --detach",
      isDone: () => io.platform.isRunning({ dataFolder }),
      go: () => runOther(["up", "--detach"], folder),
    },
    {
      title: "Describe the service",
      why: "belay.yml says how it starts, where it answers and which visitors it is for. It lies in your repository and is versioned with the code.",
      command: `belay init${where}`,
      isDone: async () => existsSync(join(folder, manifestFile)),
      go: () => runOther(["init"], folder),
    },
    {
      title: "Commit it",
      why: "A release is built from a commit, never from files that happen to lie around. What serves can so always be told, and built again.",
      command: `git add ${manifestFile} && git commit -m "Add ${manifestFile}" -- ${manifestFile}${where}`,
      isDone: () => isCommitted(folder),
      go: () => commitManifest(context, folder),
    },
    {
      title: "Check it",
      why: "Preflight looks for what can be known to go wrong: secrets in files, a missing variable, a port that is never opened. A deploy runs the same checks, and stops at what fails.",
      command: `belay check${where}`,
      // It costs nothing, and what it says may have changed.
      isDone: async () => (await own()) !== undefined,
      go: () => runOther(["check"], folder),
    },
    {
      title: "See what a deploy would do",
      why: "The whole plan in words: what happens, what would stop it, what is not covered, how to go back. It changes nothing.",
      command: `belay deploy --dry-run${where}`,
      isDone: async () => (await own()) !== undefined,
      go: () => runOther(["deploy", "--dry-run"], folder),
    },
    {
      title: "Deploy it",
      why: "The commit is built, checked and started, and gets visitors when it answers. A first release has nothing to be compared with; from the second one on, a few visitors get it first.",
      command: `belay deploy${where}`,
      isDone: async () => (await own()) !== undefined,
      go: () => runOther(["deploy"], folder),
    },
    {
      title: "Look at it",
      why: "A deploy is done when somebody has looked at what it does. This shows what serves, how many requests came and how many failed.",
      command: "belay status",
      isDone: async () => false,
      go: () => runOther(["status"], folder),
    },
    {
      title: "Go back once, while nothing depends on it",
      why: "The way back is the one command to know by heart. It puts everybody on the release before, which is still there.",
      command: `belay rollback${where}`,
      isDone: async () => false,
      go: async () => {
        if ((await own())?.warm != null) return runOther(["rollback"], folder);
        context.print(
          "There is one release so far, and so nothing to go back to. Change something, commit, `belay deploy`, and come back here.",
        );
        return exitCodes.done;
      },
    },
  ];
}

/** The service of the folder as the control plane has it; undefined where it serves nobody yet, or nobody can be asked. */
async function ownService({ client, io, dataFolder }: CommandContext, folder: string): Promise<ServiceView | undefined> {
  if (!existsSync(join(folder, manifestFile)) || !(await io.platform.isRunning({ dataFolder }))) return undefined;
  const { service } = requireManifest(folder);
  const { services } = await client.status();
  return services.find((view) => view.service === service && view.stable !== null);
}

async function isCommitted(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, manifestFile))) return false;
  try {
    const { isDirty } = await readWorkTree(folder);
    return !isDirty;
  } catch (cause) {
    // No repository, or no commit in it: that is what the step is for.
    if (cause instanceof BelayError) return false;
    throw cause;
  }
}

async function commitManifest({ print, io }: CommandContext, folder: string): Promise<number> {
  for (const words of [
    ["add", "--", manifestFile],
    ["commit", "-m", `Add ${manifestFile}`, "--", manifestFile],
  ]) {
    const { exitCode, stdout, stderr } = await runCommand({
      argv: ["git", ...words],
      cwd: folder,
      env: userEnvironment(),
      timeoutMs: 30_000,
      signal: io.interrupted,
    });
    if (exitCode === 0) continue;
    print(harmless(`${stdout}${stderr}`).trim());
    print("git did not take it. In a folder without a repository, begin with `git init`, then commit your files.");
    return exitCodes.error;
  }
  if (await isCommitted(folder)) return exitCodes.done;
  print("Other files are changed and not committed. Commit them, or have git ignore them: a deploy takes commits alone.");
  return exitCodes.error;
}

async function ask({ io, print }: CommandContext, question: string): Promise<Answer> {
  for (let wrong = 0; wrong < wrongMax; wrong += 1) {
    const line = await io.ask(question);
    if (line === undefined) return "nobody";
    const word = line.trim().toLowerCase();
    if (word === "y" || word === "yes") return "yes";
    if (word === "s" || word === "skip") return "skip";
    if (isLeaving(word)) return "leave";
    print(
      `  ${word === "" ? "An empty line" : `"${harmless(word.slice(0, 40))}"`} is none of them: y runs it, s goes past it, q leaves.`,
    );
  }
  return "leave";
}

function isLeaving(line: string): boolean {
  return /^(q|quit|n|no|exit)$/i.test(line.trim());
}

function leave({ print }: CommandContext): number {
  print("Left here. `belay init --tour` goes on where things stand then.");
  return exitCodes.done;
}

/** Where nobody answers, everything that is left is said at once. */
async function tellTheRest({ print }: CommandContext, { folder }: Candidate, left: readonly Stop[]): Promise<number> {
  print("\nNobody can be asked here, so nothing was run. What is left to do:");
  if (folder !== "") print(`  cd ${harmless(folder)}`);
  for (const { title, command, isDone } of left)
    if (!(await isDone())) print(`  ${command.replace(/ \(in .*\)$/, "")}    # ${title}`);
  print("In a terminal, `belay init --tour` explains each of them and runs it after asking.");
  return exitCodes.done;
}

function noService(folder: string): BelayError {
  return new BelayError({
    code: "BELAY_TOUR_NO_SERVICE",
    message: `nothing in ${folder} and below says how a service is started`,
    next: "Change to the folder of a service, or write its command down: `belay init --command <line>`.",
  });
}
