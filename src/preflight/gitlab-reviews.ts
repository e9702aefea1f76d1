import { BelayError } from "../errors.ts";
import type { ReviewPlace } from "../manifest/checks.ts";
import { type Approval, numberAt, ReviewApi, type ReviewedRequest, type ReviewHost, textAt, valueAt } from "./review-host.ts";

interface Merge {
  readonly iid: number;
  readonly isMerged: boolean;
  readonly author: string;
}

interface Approver {
  readonly username: string;
  readonly at: string | null;
}

/** GitLab's REST API of version 4: gitlab.com, and GitLab on a machine of one's own. */
export function openGitlabReviews({ api, path }: ReviewPlace, token: string | null): ReviewHost {
  const own = new ReviewApi({ base: api, headers: token === null ? {} : { "private-token": token } });
  const project = `/projects/${encodeURIComponent(path)}`;
  const known = new Map<number, Promise<ReviewedRequest>>();

  const requestOf = async ({ iid, isMerged, author }: Merge, signal: AbortSignal): Promise<ReviewedRequest> => {
    const base = { name: `!${iid}`, isMerged, objections: [] };
    if (!isMerged) return { ...base, authors: [author], approvals: [] };
    const request = `${project}/merge_requests/${iid}`;
    const approvers = toApprovers(await own.get(`${request}/approvals`, signal), iid);
    if (approvers.length === 0) return { ...base, authors: [author], approvals: [] };
    const pushed = (await own.list(`${request}/versions`, { signal, read: toPushedAt })) ?? [];
    const lastPushMs = Math.max(...pushed);
    // Before GitLab told when somebody approved, its own note beside the request did.
    const notes = approvers.every(({ at }) => at !== null)
      ? []
      : ((await own.list(`${request}/notes`, { signal, read: toNote })) ?? []);
    const approvals = approvers.map(({ username, at }): Approval => {
      const times =
        at === null ? notes.filter((note) => note.by === username && note.isApproval).map(({ atMs }) => atMs) : [Date.parse(at)];
      if (times.length === 0 || times.some(Number.isNaN) || !Number.isFinite(lastPushMs)) throw ageUnknown(iid);
      return { by: username, isOfLastCommit: Math.max(...times) >= lastPushMs };
    });
    return { ...base, authors: [author], approvals };
  };

  return {
    noun: "merge request",
    async requestsOf(commit, signal) {
      const merges = await own.list(`${project}/repository/commits/${commit}/merge_requests`, {
        signal,
        read: toMerge,
        isAbsent: ({ status, body }) => status === 404 && /commit/i.test(textAt(body, "message") ?? ""),
      });
      if (merges === null) return null;
      return Promise.all(merges.map((merge) => known.getOrInsertComputed(merge.iid, () => requestOf(merge, signal))));
    },
  };
}

function toMerge(item: Readonly<Record<string, unknown>>): Merge | null {
  const iid = numberAt(item, "iid");
  const state = textAt(item, "state");
  const author = textAt(item, "author", "username");
  return iid === null || state === null || author === null
    ? null
    : { iid, isMerged: state === "merged", author: author.toLowerCase() };
}

function toApprovers(body: unknown, iid: number): readonly Approver[] {
  const list = valueAt(body, "approved_by");
  const approvers = Array.isArray(list)
    ? list.map((item): Approver | null => {
        const username = textAt(item, "user", "username");
        return username === null ? null : { username: username.toLowerCase(), at: textAt(item, "approved_at") };
      })
    : [null];
  if (approvers.every((approver) => approver !== null)) return approvers;
  throw new BelayError({
    code: "BELAY_REVIEW_UNREADABLE",
    message: `the approvals of !${iid} are not of this API`,
    next: "See that checks.review.api is the address of the API, and that checks.review.provider names it.",
  });
}

/** Each push makes a version of the request. */
function toPushedAt(item: Readonly<Record<string, unknown>>): number | null {
  const atMs = Date.parse(textAt(item, "created_at") ?? "");
  return textAt(item, "head_commit_sha") === null || Number.isNaN(atMs) ? null : atMs;
}

function toNote(
  item: Readonly<Record<string, unknown>>,
): { readonly by: string; readonly isApproval: boolean; readonly atMs: number } | null {
  const by = textAt(item, "author", "username");
  const atMs = Date.parse(textAt(item, "created_at") ?? "");
  if (by === null || Number.isNaN(atMs)) return null;
  const isApproval = item["system"] === true && textAt(item, "body") === "approved this merge request";
  return { by: by.toLowerCase(), isApproval, atMs };
}

function ageUnknown(iid: number): BelayError {
  return new BelayError({
    code: "BELAY_REVIEW_AGE_UNKNOWN",
    message: `GitLab does not tell whether !${iid} was approved before or after its last commit`,
    next: "Use a token that may read the notes of merge requests, or accept by a waiver.",
  });
}
