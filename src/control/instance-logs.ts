import { BelayError } from "../errors.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { workerId } from "../runtimes/worker-runner.ts";
import type { ControlLoop } from "./control-loop.ts";
import type { ControlPlane, InstanceLog } from "./control-plane.ts";
import { jobRunId } from "./job-runs.ts";
import { unknownRelease } from "./required.ts";
import { oneOffName } from "./task-keeper.ts";

type LogsRequest = Parameters<ControlPlane["logFiles"]>[0];

/** Where logs lie. */
export interface LogPlaces {
  readonly loop: Pick<ControlLoop, "instances">;
  /** The log file of an instance. */
  logFileOf(instance: string): string;
  /** Instances of the releases that have left a log, whether or not they run. */
  loggedInstances(releases: readonly Release[]): readonly { readonly instance: string; readonly release: string }[];
}

/** As `ControlPlane.logFiles` says. Throws `BELAY_RELEASE_UNKNOWN`, `BELAY_PROCESS_UNKNOWN` and `BELAY_TASK_UNKNOWN`. */
export function listLogs(service: Service, request: LogsRequest, places: LogPlaces): readonly InstanceLog[] {
  return ofRelease(service, request.release, listAll(service, request, places));
}

function listAll(service: Service, { process, task }: LogsRequest, places: LogPlaces): readonly InstanceLog[] {
  if (process !== undefined) return listProcessLogs(service, process, places);
  return task === undefined ? listInstanceLogs(service, places) : listTaskLogs(service, task, places);
}

/** A shadow has a name of its own, which only its logs know. */
function ofRelease(service: Service, release: string | undefined, logs: readonly InstanceLog[]): readonly InstanceLog[] {
  if (release === undefined) return logs;
  const own = logs.filter((log) => log.release === release);
  if (own.length === 0 && service.releases[release] === undefined) throw unknownRelease(service, release);
  return own;
}

/** Present instances first, then what older ones left. */
function listInstanceLogs(service: Service, { loop, logFileOf, loggedInstances }: LogPlaces): readonly InstanceLog[] {
  const present = loop.instances.all
    .filter((instance) => instance.service === service.name && instance.environment === service.environment)
    .map(({ id, release }) => ({ instance: id, release, file: logFileOf(id), isPresent: true }))
    .reverse();
  const known = new Set(present.map(({ instance }) => instance));
  const gone = loggedInstances(Object.values(service.releases).reverse())
    .filter(({ instance }) => !known.has(instance))
    .map((log) => ({ ...log, file: logFileOf(log.instance), isPresent: false }));
  return [...present, ...gone];
}

/** One for each release that had it, the newest first. */
function listProcessLogs(service: Service, name: string, { logFileOf }: LogPlaces): readonly InstanceLog[] {
  const { name: of, environment, processOwner } = service;
  requireProcess(service, name);
  return Object.values(service.releases)
    .reverse()
    .flatMap(({ id: release, processes = [] }) =>
      processes
        .filter((process_) => process_.name === name)
        .map(({ kind }) => {
          const place = { service: of, environment, id: release };
          const instance = kind === "worker" ? workerId(place, name) : jobRunId(place, name);
          return { instance, release, file: logFileOf(instance), isPresent: release === processOwner };
        }),
    );
}

/** The newest attempt first, as with instances. */
function listTaskLogs(service: Service, task: string, { logFileOf }: LogPlaces): readonly InstanceLog[] {
  requireTask(service, task);
  const attempts = service.tasks.attempts
    .filter((attempt) => attempt.task === task)
    .map(({ run, release, state }) => ({ instance: run, release, file: logFileOf(run), isPresent: state === "running" }));
  const runs = (task === oneOffName ? service.oneOffs.runs : []).map(({ run, release, end }) => {
    return { instance: run, release, file: logFileOf(run), isPresent: end === null };
  });
  return [...attempts, ...runs].reverse();
}

function requireProcess(service: Service, wanted: string): void {
  const names = namesOf(Object.values(service.releases).flatMap(({ processes = [] }) => processes));
  if (names.includes(wanted)) return;
  throw new BelayError({
    code: "BELAY_PROCESS_UNKNOWN",
    message: `${service.name} has no process ${wanted.slice(0, 100)} in ${service.environment}`,
    next:
      names.length === 0
        ? "Declare one in belay.yml and deploy: it has no workers and jobs."
        : `Write one of its workers and jobs: ${names.join(", ")}.`,
  });
}

function requireTask(service: Service, wanted: string): void {
  const attempted = service.tasks.attempts.map(({ task }) => ({ name: task }));
  const names = namesOf([...Object.values(service.releases).flatMap(({ tasks = [] }) => tasks), ...attempted]);
  if (wanted === oneOffName || names.includes(wanted)) return;
  const own = names.length === 0 ? `Write ${oneOffName}` : `Write one of its tasks: ${names.join(", ")}; or ${oneOffName}`;
  throw new BelayError({
    code: "BELAY_TASK_UNKNOWN",
    message: `${service.name} has no task ${wanted.slice(0, 100)} in ${service.environment}`,
    next: `${own}, for what people ran with \`belay run\`.`,
  });
}

function namesOf(named: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(named.map(({ name }) => name))].sort();
}
