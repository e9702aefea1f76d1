import type { MiddlewareHandler } from "hono";
import type { ControlPlane } from "../control/control-plane.ts";
import { BelayError } from "../errors.ts";
import { hasRole, isWithinScope, type Role, type Scope } from "../rollout/principal.ts";
import type { Actor } from "../rollout/rollout.ts";

/**
 * What the scope of a token has to hold for a route.
 *
 * - `open`: nobody is asked who they are.
 * - `anywhere`: it is about no service, or shows each what is theirs; every token will do.
 * - `everywhere`: it is about all services, so that a token for some of them will not do.
 * - `service`: environment and service are in the path. `rollout`: those of the rollout that the path names.
 * - `asked`: those of the rollout that the query names; without one, everywhere.
 * - `commit`: which service it is stands in the commit, so that the route itself asks `requirePlace`.
 */
export type Reach = "open" | "anywhere" | "everywhere" | "service" | "rollout" | "asked" | "commit";

export interface Access {
  readonly role: Role;
  readonly reach: Reach;
}

const ofService = (role: Role): Access => ({ role, reach: "service" });

/** Every route, with the least that somebody has to be. A route that is not here is answered as if it were not there. */
export const access: Readonly<Record<string, Access>> = {
  "GET /health": { role: "viewer", reach: "open" },
  "GET /openapi.json": { role: "viewer", reach: "anywhere" },
  "GET /status": { role: "viewer", reach: "anywhere" },
  "GET /metrics": { role: "viewer", reach: "everywhere" },
  "GET /targets": { role: "viewer", reach: "everywhere" },
  "GET /entries": { role: "viewer", reach: "asked" },
  "GET /checkpoint": { role: "viewer", reach: "anywhere" },
  "GET /rollouts/{id}": { role: "viewer", reach: "rollout" },
  "GET /rollouts/{id}/approval": { role: "viewer", reach: "rollout" },
  "GET /policy": { role: "viewer", reach: "anywhere" },
  "GET /services/{environment}/{service}/policy": ofService("viewer"),
  "GET /services/{environment}/{service}/slo": ofService("viewer"),
  "GET /services/{environment}/{service}/paths": ofService("viewer"),
  // Changes nothing, in spite of its method.
  "POST /services/{environment}/{service}/plan": ofService("viewer"),
  "GET /services/{environment}/{service}/logs": ofService("viewer"),
  "GET /services/{environment}/{service}/config": ofService("viewer"),
  "GET /services/{environment}/{service}/secrets": ofService("viewer"),
  "GET /services/{environment}/{service}/runs/{run}": ofService("viewer"),

  "GET /repository/commits": { role: "deployer", reach: "anywhere" },
  "POST /repository/packs": { role: "deployer", reach: "anywhere" },
  "POST /bundles": { role: "deployer", reach: "anywhere" },
  "POST /deployments": { role: "deployer", reach: "commit" },
  "POST /deployments/plan": { role: "deployer", reach: "commit" },
  "POST /services/{environment}/{service}/promote": ofService("deployer"),
  "POST /services/{environment}/{service}/abort": ofService("deployer"),
  "POST /services/{environment}/{service}/pause": ofService("deployer"),
  "POST /services/{environment}/{service}/resume": ofService("deployer"),
  "POST /services/{environment}/{service}/rollback": ofService("deployer"),
  "POST /services/{environment}/{service}/override": ofService("deployer"),
  "POST /services/{environment}/{service}/maintenance": ofService("deployer"),
  "POST /services/{environment}/{service}/previews": ofService("deployer"),
  "POST /services/{environment}/{service}/secrets": ofService("deployer"),
  "POST /services/{environment}/{service}/secrets/unset": ofService("deployer"),
  "POST /services/{environment}/{service}/config": ofService("deployer"),
  "POST /services/{environment}/{service}/runs/{run}/stop": ofService("deployer"),

  "POST /rollouts/{id}/approvals": { role: "approver", reach: "rollout" },
  "POST /rollouts/{id}/review": { role: "approver", reach: "rollout" },

  // Any command, with what the environment holds, past every check.
  "POST /services/{environment}/{service}/runs": ofService("admin"),
  "POST /preview-keys": { role: "admin", reach: "everywhere" },
  "POST /policy": { role: "admin", reach: "everywhere" },
  "POST /policy/clear": { role: "admin", reach: "everywhere" },
  "GET /tokens": { role: "admin", reach: "everywhere" },
  "POST /tokens": { role: "admin", reach: "everywhere" },
  "POST /tokens/revoke": { role: "admin", reach: "everywhere" },
  "POST /tokens/map": { role: "admin", reach: "everywhere" },
};

/** Who asks, and what they may. */
export interface Grant {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
}

/** What is known of a question by the time a route answers it. */
export interface ApiEnv {
  Variables: { actor: Actor; grant: Grant };
}

export const everywhere: Scope = { service: null, environment: null };

interface Rule extends Access {
  readonly method: string;
  readonly pattern: RegExp;
}

const prefix = "/api/v1";

const rules: readonly Rule[] = Object.entries(access).map(([route, rule]) => {
  const [method = "", path = ""] = route.split(" ");
  const pattern = new RegExp(`^${prefix}${path.replaceAll(".", "\\.").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
  return { ...rule, method, pattern };
});

/** Asks whether whoever asks may. Runs after it is known who that is, and before any body is read. */
export function authorize(
  { controlPlane }: { readonly controlPlane: Pick<ControlPlane, "rollout"> },
  notFound: (method: string, path: string) => Error,
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { path } = context.req;
    const method = context.req.method === "HEAD" ? "GET" : context.req.method;
    const rule = rules.find((each) => each.method === method && each.pattern.test(path));
    if (rule === undefined) throw notFound(context.req.method, path);
    if (rule.reach === "open") return next();
    const { grant } = context.var;
    requireRole(grant, rule.role);
    const { environment = "", service = "", id } = rule.pattern.exec(path)?.groups ?? {};
    const isLimited = grant.scope.environment !== null || grant.scope.service !== null;
    const rollout = rule.reach === "asked" ? context.req.query("rollout") : id;
    if (rule.reach === "service") requirePlace(grant, { environment: decode(environment), service: decode(service) });
    else if (rule.reach === "everywhere" || (rule.reach === "asked" && rollout === undefined)) requirePlace(grant, everywhere);
    else if (isLimited && (rule.reach === "rollout" || rule.reach === "asked"))
      requirePlace(grant, await controlPlane.rollout(decode(rollout ?? "")));
    return next();
  };
}

/** Throws `BELAY_API_FORBIDDEN` unless the grant counts in the place. */
export function requirePlace(grant: Grant, { environment, service }: Scope): void {
  if (isWithinScope(grant.scope, { environment, service })) return;
  const asked = environment === null ? "this is about everything" : `this is about ${service} in ${environment}`;
  throw forbidden(`${grant.name} may act ${scopeWords(grant.scope)}, and ${asked}`);
}

function requireRole(grant: Grant, role: Role): void {
  if (!hasRole(grant.role, role))
    throw forbidden(`${grant.name} is ${withArticle(grant.role)}, and this takes ${withArticle(role)}`);
}

function forbidden(message: string): BelayError {
  return new BelayError({
    code: "BELAY_API_FORBIDDEN",
    message,
    next: "Ask somebody who may, or whoever runs this Belay for another token (`belay token create`).",
  });
}

/** What is no path does not name a service either. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function withArticle(role: Role): string {
  return `${role === "approver" || role === "admin" ? "an" : "a"} ${role}`;
}

function scopeWords({ service, environment }: Scope): string {
  return `${service === null ? "on every service" : `on ${service}`} ${environment === null ? "in every environment" : `in ${environment}`} only`;
}
