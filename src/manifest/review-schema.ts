import * as z from "zod";
import type { ChecksSpec, ReviewPlace } from "./checks.ts";
import { variableName } from "./config-contract.ts";
import { text } from "./leaves.ts";

/** `https`, because a token goes there; `http` only to this machine. No user, no query. */
const address = /^(?:https:\/\/[A-Za-z0-9.-]{1,253}|http:\/\/(?:127\.0\.0\.1|localhost))(?::\d{1,5})?/;
const repositoryUrl = new RegExp(`${address.source}\\/[\\w.-]{1,100}(?:\\/[\\w.-]{1,100}){1,20}$`);
const apiUrl = new RegExp(`${address.source}(?:\\/[\\w.-]{1,100}){0,10}$`);

/** Where commits of a release are reviewed, and by how many. */
export const review: z.ZodType<ChecksSpec["review"], Readonly<Record<string, unknown>>> = z
  .strictObject({
    approvals: z
      .int()
      .min(1, "is too few: at least 1")
      .max(10, "is too many: at most 10")
      .prefault(1)
      .meta({ title: "a whole number", description: "How many others must have reviewed each commit.", examples: [1] }),
    repository: text(repositoryUrl, "the https address of a repository", {
      description: "Where the commits are reviewed, as a browser shows it; without it, only `Reviewed-by` lines are read.",
      examples: ["https://github.com/acme/shop"],
    }).optional(),
    provider: z
      .enum(["github", "gitlab"])
      .meta({
        title: "github or gitlab",
        description:
          "What runs there; known by itself of github.com, gitlab.com, and hosts that are called github.… or gitlab.….",
        examples: ["gitlab"],
      })
      .optional(),
    api: text(apiUrl, "the https address of an API", {
      description: "Address of its API; by default the usual one of the provider on that host.",
      examples: ["https://git.example.com/api/v4"],
    }).optional(),
    token: text(variableName, "the name of a secret", {
      description: "A secret of this environment with a token that may read the repository and its requests.",
      examples: ["REVIEW_TOKEN"],
    }).optional(),
  })
  .transform(({ approvals, repository, provider, api, token }, context) => {
    if (repository === undefined) {
      const spare = Object.entries({ provider, api, token }).find(([, value]) => value !== undefined);
      if (spare !== undefined)
        context.addIssue({ code: "custom", path: [spare[0]], message: "means nothing without checks.review.repository" });
      return { approvals, place: null };
    }
    const place = placeOf(new URL(repository), { provider, api, token });
    if (place !== null) return { approvals, place };
    context.addIssue({
      code: "custom",
      path: ["repository"],
      message: "is on a host that can be either: add provider: github or gitlab",
    });
    return { approvals, place: null };
  })
  .meta({
    title: "a map of keys",
    description: "Asks who reviewed each commit since the last release.",
    examples: ["{ approvals: 1, repository: https://github.com/acme/shop, token: REVIEW_TOKEN }"],
  });

function placeOf(
  url: URL,
  given: {
    readonly provider: ReviewPlace["provider"] | undefined;
    readonly api: string | undefined;
    readonly token: string | undefined;
  },
): ReviewPlace | null {
  const [, named] = /^(github|gitlab)\./.exec(url.hostname) ?? [];
  const provider = given.provider ?? (named as ReviewPlace["provider"] | undefined);
  if (provider === undefined) return null;
  const usual =
    provider === "gitlab"
      ? `${url.origin}/api/v4`
      : url.host === "github.com"
        ? "https://api.github.com"
        : `${url.origin}/api/v3`;
  const path = url.pathname.slice(1).replace(/\.git$/, "");
  return { provider, api: given.api ?? usual, path, token: given.token ?? null };
}
