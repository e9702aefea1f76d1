/** What is asked before a risky change, and kept with its rollout. */
export const briefQuestions = [
  { key: "problem", heading: "What problem does it solve?", hint: "Whose problem it is, and how you know." },
  {
    key: "evidence",
    heading: "Which event shows that it works?",
    hint: "What you will look at after the rollout: a KPI, a line of a log, an answer.",
  },
  { key: "failure", heading: "What if it fails?", hint: "What a user meets then, and how you notice." },
  { key: "growth", heading: "What if it grows?", hint: "What gives way first with ten times the traffic or the data." },
  { key: "owner", heading: "Who looks after it?", hint: "A person or a team, also next month and at night." },
  {
    key: "wayBack",
    heading: "How do we go back?",
    hint: "What a rollback does not undo: data, messages, mails, other services.",
  },
] as const;

export type BriefKey = (typeof briefQuestions)[number]["key"];

/** The answers, each in its author's words. */
export type Brief = Readonly<Record<BriefKey, string>>;

/** Of one answer. Entries are kept for good, and a brief is meant to be brief. */
export const answerCharactersMax = 2_000;

export type ParsedBrief =
  | { readonly ok: true; readonly brief: Brief }
  /** Each in words, without a full stop. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads Markdown with the six questions as headings. What stands between `<!--` and `-->`, and before the first of them, is not read. */
export function parseBrief(markdown: string): ParsedBrief {
  const answers = new Map<BriefKey, string[]>();
  let current: string[] | null = null;
  for (const line of markdown.replaceAll(/<!--[\s\S]*?-->/g, "").split(/\r?\n/)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    const question = heading === undefined ? undefined : briefQuestions.find((each) => plain(each.heading) === plain(heading));
    if (question !== undefined) {
      current = answers.getOrInsertComputed(question.key, () => []);
      continue;
    }
    current?.push(line);
  }
  return toBrief((key) => answers.get(key)?.join("\n") ?? "");
}

/** From the answer to each question. */
export function toBrief(answerTo: (key: BriefKey) => string): ParsedBrief {
  const given = briefQuestions.map(({ key, heading }) => ({ key, heading, answer: answerTo(key).trim() }));
  const problems = given.flatMap(({ heading, answer }) => {
    if (answer === "") return [`"${heading}" has no answer`];
    return answer.length > answerCharactersMax
      ? [`the answer to "${heading}" is longer than ${answerCharactersMax} characters`]
      : [];
  });
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, brief: Object.fromEntries(given.map(({ key, answer }) => [key, answer])) as Record<BriefKey, string> };
}

/** What is known already stands with its question, in a comment, for whoever answers. */
export function briefTemplate(title: string, known: Partial<Readonly<Record<BriefKey, readonly string[]>>>): string {
  const parts = briefQuestions.map(({ key, heading, hint }) => {
    const lines = [hint, ...(known[key] ?? [])].map((line) => line.replaceAll("-->", "-- >"));
    return `## ${heading}\n\n<!-- ${lines.join("\n     ")} -->\n\n`;
  });
  return `# ${title}\n\n${parts.join("\n")}`;
}

function plain(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^a-z]/g, "");
}
