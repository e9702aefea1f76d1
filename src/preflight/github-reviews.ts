import type { ReviewPlace } from "../manifest/checks.ts";
import { type Approval, numberAt, ReviewApi, type ReviewedRequest, type ReviewHost, textAt } from "./review-host.ts";

interface Pull {
  readonly number: number;
  readonly isMerged: boolean;
  readonly head: string;
  readonly author: string;
}

interface Review {
  readonly by: string;
  readonly isBot: boolean;
  readonly state: string;
  readonly commit: string | null;
}

/** GitHub's REST API of version 2022-11-28: github.com, and GitHub Enterprise Server. */
export function openGithubReviews({ api, path }: ReviewPlace, token: string | null): ReviewHost {
  const own = new ReviewApi({
    base: api,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  const repository = `/repos/${path}`;
  const known = new Map<number, Promise<ReviewedRequest>>();

  const requestOf = async (pull: Pull, signal: AbortSignal): Promise<ReviewedRequest> => {
    const { number, isMerged, head, author } = pull;
    const base = { name: `#${number}`, isMerged };
    if (!isMerged) return { ...base, authors: [author], approvals: [], objections: [] };
    const reviews = (await own.list(`${repository}/pulls/${number}/reviews`, { signal, read: toReview })) ?? [];
    const authors = (await own.list(`${repository}/pulls/${number}/commits`, { signal, read: toAuthors })) ?? [];
    return { ...base, authors: [...new Set([author, ...authors.flat()])], ...standingOf(reviews, head) };
  };

  return {
    noun: "pull request",
    async requestsOf(commit, signal) {
      const pulls = await own.list(`${repository}/commits/${commit}/pulls`, {
        signal,
        read: toPull,
        // "No commit found for SHA": the repository is there, and has no such commit.
        isAbsent: ({ status }) => status === 422,
      });
      if (pulls === null) return null;
      return Promise.all(pulls.map((pull) => known.getOrInsertComputed(pull.number, () => requestOf(pull, signal))));
    },
  };
}

/** The last word of each reviewer counts; a comment is none. */
function standingOf(reviews: readonly Review[], head: string): Pick<ReviewedRequest, "approvals" | "objections"> {
  const last = new Map<string, Review>();
  for (const review of reviews) if (review.state !== "COMMENTED" && review.state !== "PENDING") last.set(review.by, review);
  const standing = [...last.values()].filter(({ isBot }) => !isBot);
  return {
    approvals: standing
      .filter(({ state }) => state === "APPROVED")
      .map(({ by, commit }): Approval => ({ by, isOfLastCommit: commit === head })),
    objections: standing.filter(({ state }) => state === "CHANGES_REQUESTED").map(({ by }) => by),
  };
}

function toPull(item: Readonly<Record<string, unknown>>): Pull | null {
  const number = numberAt(item, "number");
  const head = textAt(item, "head", "sha");
  // Whose account was deleted is "ghost"; the field itself is there.
  const author = textAt(item, "user", "login") ?? (item["user"] === null ? "ghost" : null);
  if (number === null || head === null || author === null || item["merged_at"] === undefined) return null;
  return { number, head, author: author.toLowerCase(), isMerged: typeof item["merged_at"] === "string" };
}

function toReview(item: Readonly<Record<string, unknown>>): Review | null {
  const state = textAt(item, "state");
  const by = textAt(item, "user", "login") ?? (item["user"] === null ? "ghost" : null);
  if (state === null || by === null) return null;
  const isBot = by === "ghost" || textAt(item, "user", "type") === "Bot";
  return { state: state.toUpperCase(), by: by.toLowerCase(), isBot, commit: textAt(item, "commit_id") };
}

/** Those that GitHub knows of a commit; an address of nobody's account is nobody. */
function toAuthors(item: Readonly<Record<string, unknown>>): readonly string[] | null {
  if (textAt(item, "sha") === null) return null;
  return [textAt(item, "author", "login"), textAt(item, "committer", "login")].flatMap((login) =>
    login === null ? [] : [login.toLowerCase()],
  );
}
