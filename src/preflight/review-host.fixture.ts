import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Answers in the formats of the real ones, cut down to the fields that matter and a few beside: GitHub's of octokit/webhooks
 * (payload-examples/api.github.com/pull_request_review/submitted.payload.json), GitLab's of its own documentation
 * (doc/api/merge_request_approvals.md and merge_requests.md in gitlabhq/gitlabhq).
 */
const user = (login: string, type = "User"): object => ({
  login,
  id: 21031067,
  node_id: "MDQ6VXNlcjIxMDMxMDY3",
  type,
  site_admin: false,
});

export const github = {
  pull: (number: number, author: string, head: string, mergedAt: string | null = "2026-05-15T15:30:00Z"): object => ({
    url: `https://api.github.com/repos/acme/shop/pulls/${number}`,
    id: 279147437,
    number,
    state: mergedAt === null ? "open" : "closed",
    title: "Update the README with new information.",
    user: user(author),
    merged_at: mergedAt,
    merge_commit_sha: "c4295bd74fb0f4fda03689c3df3f2803b658fd85",
    head: { label: "acme:changes", ref: "changes", sha: head },
  }),
  review: (by: string, state: string, commit: string, type?: string): object => ({
    id: 237895671,
    user: user(by, type),
    body: "",
    state,
    commit_id: commit,
    submitted_at: "2026-05-15T15:20:38Z",
    author_association: "OWNER",
  }),
  commit: (sha: string, author: string | null, committer: string | null = "web-flow"): object => ({
    sha,
    commit: { author: { name: "Somebody", email: "somebody@example.com", date: "2026-05-15T15:00:00Z" } },
    author: author === null ? null : user(author),
    committer: committer === null ? null : user(committer),
  }),
};

export const gitlab = {
  merge: (iid: number, author: string, state = "merged"): object => ({
    id: 1,
    iid,
    project_id: 3,
    title: "test1",
    state,
    merged_at: "2026-09-07T11:16:17.520Z",
    author: { id: 1, name: "Administrator", username: author, state: "active" },
    sha: "8888888888888888888888888888888888888888",
    merge_commit_sha: null,
  }),
  approvals: (iid: number, approvers: readonly { readonly by: string; readonly at?: string }[]): object => ({
    id: 5,
    iid,
    project_id: 1,
    title: "Approvals API",
    state: "merged",
    approvals_required: 2,
    approvals_left: 1,
    approved_by: approvers.map(({ by, at }): object => ({
      user: { name: by, username: by, id: 1, state: "active" },
      ...(at === undefined ? {} : { approved_at: at }),
    })),
  }),
  version: (createdAt: string): object => ({
    id: 110,
    head_commit_sha: "33e2ee8579fda5bc36accc9c6fbd0b4fefda9e30",
    base_commit_sha: "eeb57dffe83deb686a60a71c16c32f71046868fd",
    created_at: createdAt,
    merge_request_id: 105,
    state: "collected",
    real_size: "1",
  }),
  note: (by: string, body: string, createdAt: string, isSystem = true): object => ({
    id: 302,
    body,
    author: { id: 1, username: by, name: by, state: "active" },
    created_at: createdAt,
    system: isSystem,
    noteable_type: "MergeRequest",
  }),
};

export type Answering = (path: string, request: IncomingMessage, response: ServerResponse) => unknown;

/** A server that answers what `answer` returns, as JSON; nothing when it returns undefined and has answered by itself. */
export async function openReviewServer(
  t: { after(work: () => Promise<void>): void },
  answer: Answering,
): Promise<{ readonly url: string; readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    const body = answer(request.url ?? "", request, response);
    if (body !== undefined) response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
