import type { ApprovalView, RolloutView, ServiceView } from "../api/views.ts";
import { describeResults } from "../preflight/describe.ts";
import { describeForecast } from "./forecast-words.ts";
import { describeBrief, describeJudgement } from "./judgement-words.ts";
import { countOf, harmless, indent } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

const shownCommits = 20;
const shownFiles = 15;

/** Everything that somebody looks at before they give their word. */
export function describeApproval(view: ApprovalView): string {
  const { rollout, service, environment, requestedBy, requestedAt, stable, digest, plan, excluded } = view;
  const parts = [
    `${rollout}: ${service} to ${environment}, asked for by ${harmless(requestedBy)} at ${describeTime(requestedAt)}`,
    `bundle ${digest.slice(0, 12)}, plan ${plan.slice(0, 12)}; in place of ${stable ?? "nothing: it is the first release"}`,
    ...section("Waits for", needsOf(view)),
    ...section(...commitsOf(view)),
    ...section(...filesOf(view)),
    ...section("Configuration", configOf(view)),
    ...section(
      "Tasks that run before it",
      view.tasks.map(({ name, command }) => `${name}: ${harmless(command)}`),
    ),
    ...section(
      "Rules and how it is run",
      view.changes.map(({ what, from, to }) => `${what}: ${harmless(from)} -> ${harmless(to)}`),
    ),
    ...section("How it stands to the rules", describeJudgement(view.judgement)),
    ...section("Release brief", describeBrief(view)),
    ...section("Preflight found", view.checks.length === 0 ? [] : [describeResults(view.checks, harmless)]),
    describeForecast(view.forecast),
    `Not for ${excluded.map(harmless).join(", ")} to approve: they asked for it, or had a part in it.`,
    ...(view.unknown.length === 0
      ? []
      : [
          `Nobody approves it yet: nobody knows whose these addresses are: ${view.unknown.map(harmless).join(", ")}. Whoever makes tokens runs \`belay token map <name> --email <addresses>\`, with \`outside\` as the name of those who approve nothing here.`,
        ]),
  ];
  return parts.join("\n");
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return [`${title}:`, ...(lines.length === 0 ? ["nothing"] : lines).map((line) => indent(line))];
}

function needsOf({ supervision }: Pick<ApprovalView, "supervision">): readonly string[] {
  return supervision.needs.map(({ id, why, people, from, approvedBy, isMet }) => {
    const who = from.length === 0 ? "" : ` by ${from.map(harmless).join(" or ")}`;
    const words = approvedBy.length === 0 ? "" : `; approved by ${approvedBy.map(harmless).join(", ")}`;
    return `${isMet ? "done" : "open"}  ${id}: ${harmless(why)} (${countOf(people, "approval")}${who}${words})`;
  });
}

function commitsOf({ commits }: ApprovalView): readonly [string, readonly string[]] {
  if (commits === null)
    return ["Commits", ["not known here: its history was not sent, so who wrote it cannot be told from who approves it"]];
  const lines = commits.slice(0, shownCommits).map(({ id, subject, people }) => {
    const by = people.map(({ address, principals }) =>
      principals.length === 0
        ? `${harmless(address)} (nobody's here)`
        : `${harmless(address)} (${principals.map(harmless).join(", ")})`,
    );
    return `${id.slice(0, 12)} ${harmless(subject.slice(0, 80))}  ${by.join(", ")}`;
  });
  const rest = commits.length - lines.length;
  return [countOf(commits.length, "commit"), rest > 0 ? [...lines, `and ${rest} more`] : lines];
}

function filesOf({ files }: ApprovalView): readonly [string, readonly string[]] {
  if (files === null) return ["Files", ["not known here"]];
  const sum = (of: "added" | "removed") => files.reduce((total, file) => total + (file[of] ?? 0), 0);
  const lines = files
    .slice(0, shownFiles)
    .map(({ path, added, removed }) =>
      added === null ? `${harmless(path)} (binary)` : `${harmless(path)} +${added} -${removed}`,
    );
  const rest = files.length - lines.length;
  return [
    `${countOf(files.length, "file")}, +${sum("added")} -${sum("removed")}`,
    rest > 0 ? [...lines, `and ${rest} more`] : lines,
  ];
}

function configOf({ config }: ApprovalView): readonly string[] {
  return config.map(({ name, change, isSecret, from, to }) => {
    const values = isSecret ? "(secret)" : change === "changed" ? `${from} -> ${to}` : (to ?? from ?? "");
    return `${harmless(name)} ${change} ${harmless(values)}`.trimEnd();
  });
}

/** What somebody has to look at after the fact, and what was never asked of anybody: loud until it is done. */
export function describeBreakGlasses({ breakGlasses = [] }: Partial<Pick<ServiceView, "breakGlasses">>): readonly string[] {
  return breakGlasses.filter(({ review }) => review === null).map(describeBroken);
}

/** Of one rollout, also when it was reviewed. */
export function describeBreakGlass({ supervision }: Pick<RolloutView, "supervision">): readonly string[] {
  const broken = supervision?.breakGlass ?? null;
  return broken === null ? [] : [describeBroken(broken)];
}

function describeBroken({
  rollout,
  by,
  at,
  reason,
  isOverdue,
  reviewBefore,
  review,
}: ServiceView["breakGlasses"][number]): string {
  const what = `${harmless(by)} broke the glass for ${rollout} at ${describeTime(at)} (${harmless(reason)})`;
  if (review !== null)
    return `${what}; reviewed by ${harmless(review.by)} at ${describeTime(review.at)}: ${harmless(review.words)}`;
  const due = isOverdue ? `OVERDUE since ${describeTime(reviewBefore)}` : `due before ${describeTime(reviewBefore)}`;
  return `UNREVIEWED, ${due}: ${what}. Next: somebody else runs \`belay review ${rollout} --reason <words>\`.`;
}
