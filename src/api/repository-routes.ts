import { createRoute, z } from "@hono/zod-openapi";
import { BelayError } from "../errors.ts";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { commitSchema } from "./schemas.ts";
import { chunksOf } from "./upload.ts";

/** A pack above this is refused while it arrives; what came before is dropped by the receiver. */
export const packBytesMax: number = 512 * 1024 * 1024;

const commits = createRoute({
  method: "get",
  path: "/repository/commits",
  summary: "Commits that a client need not send again.",
  responses: { 200: answers("Object ids of commits.", z.object({ commits: z.array(z.string()) })), ...refusal },
});

const packs = createRoute({
  method: "post",
  path: "/repository/packs",
  summary: "Stores a git pack, sent as application/octet-stream, in which the named commit is complete.",
  request: {
    headers: z.object({
      "belay-commit": commitSchema,
      "belay-shallow": z
        .string()
        .max(100_000)
        .regex(/^([0-9a-f]{40,64}( [0-9a-f]{40,64})*)?$/)
        .optional()
        .openapi({ description: "Commits whose parents are not in the pack, separated by a space." }),
    }),
  },
  responses: { 200: answers("The commit is stored.", z.object({ commit: z.string() })), ...refusal },
});

export function addRepositoryRoutes(app: ApiApp, { releases }: ApiInside, bytesMax: number = packBytesMax): void {
  app.openapi(commits, async (context) => context.json({ commits: [...(await releases.knownCommits())] }, 200));
  app.openapi(packs, async (context) => {
    const { "belay-commit": commit, "belay-shallow": shallow = "" } = context.req.valid("header");
    const chunks = limited(context.req.raw.body, bytesMax);
    // Git has all that it needs with the last byte of the pack; the upload ends after that, and only then has the sender written everything.
    const pack = { [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }) };
    await releases.receivePack({ commit, shallow: shallow.split(" ").filter((id) => id !== ""), pack });
    for await (const _ of chunks);
    return context.json({ commit }, 200);
  });
}

/** Passes the body on as it arrives, and fails as soon as it is too large. */
async function* limited(stream: ReadableStream<Uint8Array> | null, bytesMax: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunksOf(stream)) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      throw new BelayError({
        code: "BELAY_API_PACK_TOO_LARGE",
        message: `the commit needs a pack of more than ${Math.floor(bytesMax / 2 ** 20)} MiB`,
        next: "Take large files out of the repository, or let the build fetch them.",
      });
    }
    yield chunk;
  }
}
