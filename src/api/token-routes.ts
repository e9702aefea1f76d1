import { createRoute, z } from "@hono/zod-openapi";
import { roles } from "../rollout/principal.ts";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { nameSchema } from "./schemas.ts";
import type { TokenView } from "./views.ts";

/** As an entry of the ledger names whoever acts. */
const principal = z
  .string()
  .regex(/^[A-Za-z0-9][\w.@+-]{0,99}$/, "a name begins with a letter or digit and has letters, digits and . _ @ + - alone");
const gitEmails = z
  .array(
    z
      .string()
      .min(1)
      .max(254)
      .regex(/^[^\s<>\p{Cc}]+$/u),
  )
  .max(50);
const yearMs = 366 * 86_400_000;

const token: z.ZodType<TokenView> = z
  .object({
    id: z.string(),
    name: z.string(),
    role: z.enum(roles),
    scope: z.object({ service: z.string().nullable(), environment: z.string().nullable() }),
    by: z.string(),
    madeAt: z.string(),
    until: z.string().nullable(),
    isExpired: z.boolean(),
    gitEmails: z.array(z.string()),
  })
  .openapi("Token");

const list = createRoute({
  method: "get",
  path: "/tokens",
  summary: "Who has a token, and what it is good for; no secret is among it.",
  responses: { 200: answers("The tokens that were not revoked.", z.object({ tokens: z.array(token) })), ...refusal },
});

const create = createRoute({
  method: "post",
  path: "/tokens",
  summary: "Makes a token for somebody.",
  request: body(
    z.strictObject({
      name: principal,
      role: z.enum(roles),
      service: nameSchema.nullable().default(null),
      environment: nameSchema.nullable().default(null),
      lastsMs: z.int().min(1_000).max(yearMs).nullable().default(null),
      gitEmails: gitEmails.default([]),
    }),
  ),
  responses: {
    201: answers("The token; it is not shown again.", z.object({ secret: z.string(), token })),
    ...refusal,
  },
});

const revoke = createRoute({
  method: "post",
  path: "/tokens/revoke",
  summary: "Ends a token by its id, or all of a name.",
  request: body(z.strictObject({ token: z.string().min(1).max(100) })),
  responses: { 200: answers("Ids of those that were ended.", z.object({ revoked: z.array(z.string()) })), ...refusal },
});

const map = createRoute({
  method: "post",
  path: "/tokens/map",
  summary: "Says which addresses in commits are somebody's, in place of those said before.",
  request: body(z.strictObject({ name: principal, gitEmails })),
  responses: { 200: answers("As it is now.", z.object({ tokens: z.array(token) })), ...refusal },
});

export function addTokenRoutes(app: ApiApp, { principals }: ApiInside): void {
  app.openapi(list, (context) => context.json({ tokens: [...principals.list()] }, 200));
  app.openapi(create, (context) => {
    const { name, role, service, environment, lastsMs, gitEmails: addresses } = context.req.valid("json");
    const request = { name, role, scope: { service, environment }, lastsMs, gitEmails: addresses };
    const made = principals.create(request, context.var.actor);
    return context.json({ secret: made.token, token: made.view }, 201);
  });
  app.openapi(revoke, (context) =>
    context.json({ revoked: [...principals.revoke(context.req.valid("json").token, context.var.actor)] }, 200),
  );
  app.openapi(map, (context) => {
    const { name, gitEmails: addresses } = context.req.valid("json");
    principals.map(name, addresses, context.var.actor);
    return context.json({ tokens: principals.list().filter((each) => each.name === name) }, 200);
  });
}
