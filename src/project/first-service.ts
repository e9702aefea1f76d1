import { describeProject } from "./describe-project.ts";
import type { ProjectFiles } from "./project-files.ts";

/** A folder in which there is a service, and how well it is suited to be the first that somebody deploys. */
export interface Candidate {
  /** Relative to where the search began; "" is that folder itself. */
  readonly folder: string;
  readonly service: string;
  /** What a bad release of it could do beyond a failed page, in words; the fewer the better. */
  readonly against: readonly string[];
  /** What speaks for it, in words. */
  readonly inFavour: readonly string[];
  readonly fileCount: number;
}

const marks = ["belay.yml", "package.json", "go.mod", "requirements.txt", "pyproject.toml", "Procfile"];
const few = 40;

/** Words of dependencies, and what they mean for a first try. */
const attached: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /\b(pg|mysql2?|mongodb|mongoose|prisma|sequelize|knex|typeorm|psycopg\d?|sqlalchemy|django|pymongo|gorm|pgx)\b/i,
    "it writes to a database",
  ],
  [/\b(ioredis|redis)\b/i, "it keeps state in Redis"],
  [/\b(kafkajs|kafka|amqplib|pika|celery|bullmq?|nats)\b/i, "it sends messages to other services"],
  [/\b(stripe|paypal|braintree|adyen)\b/i, "it handles payments"],
];

/** Services in and below a folder, the one to begin with first: the fewest ways to do lasting harm, and among equals the smallest. */
export function rankServices(files: ProjectFiles): readonly Candidate[] {
  const folders = new Set(files.paths.filter((path) => marks.includes(nameOf(path))).map(folderOf));
  const candidates = [...folders].flatMap((folder) => weigh(folder, below(files, folder)) ?? []);
  return candidates.sort(
    (a, b) => a.against.length - b.against.length || a.fileCount - b.fileCount || (a.folder < b.folder ? -1 : 1),
  );
}

/** Null where nothing says how a service would be started. */
function weigh(folder: string, files: ProjectFiles): Candidate | null {
  const hasManifest = files.paths.includes("belay.yml");
  const { command, service } = describeProject(files);
  if (command === null && !hasManifest) return null;
  const text = ["package.json", "requirements.txt", "pyproject.toml", "go.mod"].map((name) => files.read(name) ?? "").join("\n");
  const against = attached.filter(([pattern]) => pattern.test(text)).map(([, words]) => words);
  if (files.paths.some((path) => /(^|\/)(migrations?|alembic)\//.test(path)))
    against.push("it has migrations, which no rollback takes back");
  if (/^(worker|jobs?|cron)\s*:/m.test(files.read("Procfile") ?? "")) against.push("it has workers beside what answers requests");
  const inFavour = against.length === 0 ? ["nothing in it keeps state that a bad release could damage"] : [];
  if (files.paths.length <= few) inFavour.push(`it is small (${files.paths.length} files)`);
  if (hasManifest) inFavour.push("it has a belay.yml already");
  return { folder, service, against, inFavour, fileCount: files.paths.length };
}

function below(files: ProjectFiles, folder: string): ProjectFiles {
  if (folder === "") return files;
  const inside = `${folder}/`;
  return {
    name: nameOf(folder),
    paths: files.paths.filter((path) => path.startsWith(inside)).map((path) => path.slice(inside.length)),
    isIgnored: (path) => files.isIgnored(`${inside}${path}`),
    read: (path) => files.read(`${inside}${path}`),
  };
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
