import * as z from "zod";
import { type Kpi, type KpiGood, type KpiRoute, kpisMax } from "../rollout/kpi.ts";
import type { OnFail } from "../rollout/rollout.ts";
import { percent, text } from "./leaves.ts";

/** What belay.yml says of outcomes. */
const routePattern = /^(GET|HEAD|POST|PUT|PATCH|DELETE) \/[!$%&'()*+,\-./:;=@A-Z_a-z0-9~]{0,1023}$/;
const statusPattern = /^[1-4](xx|\d\d)$/;
const kpiName = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;
const eventName = /^[a-z][\w.:-]{0,63}$/i;
const fieldName = /^[a-z]\w{0,63}$/i;
const sentence = /^(?=.*\S.*\s.*\S)[^\p{Cc}]{3,200}$/u;

const route = (description: string) => text(routePattern, "a method and a path", { description, examples: ["POST /orders"] });

const good = z.strictObject({
  route: route("Requests that get the visitor there; `*` stands for one segment of the path.").optional(),
  status: z
    .union([z.string().regex(statusPattern), z.int().min(100).max(499)])
    .meta({ title: "a status or a class of them", description: "Answers of the route that count.", examples: ["2xx"] })
    .optional(),
  event: text(eventName, "the name of an event", {
    description: "In place of a route: an event that the application posts.",
    examples: ["order-paid"],
  }).optional(),
});

const of = z.strictObject({
  route: route("Who asked for this has set out; everybody has when left out.").optional(),
  per: z.enum(["visitor"]).meta({ title: "visitor", description: "Each counts once.", examples: ["visitor"] }),
});

const kpi = z.strictObject({
  user: text(sentence, "a few words", {
    description: "Who wants to get something done.",
    examples: ["a shopper with a full basket"],
  }),
  outcome: text(sentence, "a few words", {
    description: "What they get done, said of them.",
    examples: ["gets the order confirmed"],
  }),
  good: good.meta({
    title: "a map of keys",
    description: "What shows that they did.",
    examples: ["{ route: POST /orders, status: 2xx }"],
  }),
  of: of
    .meta({ title: "a map of keys", description: "Out of whom.", examples: ["{ route: GET /basket, per: visitor }"] })
    .optional(),
  value: text(fieldName, "the name of a field", {
    description: "A number in the event, such as what an order is worth: then its mean is judged, and not how many got there.",
    examples: ["total"],
  }).optional(),
  direction: z
    .enum(["up", "down"])
    .prefault("up")
    .meta({ title: "up or down", description: "Where better is.", examples: ["up"] }),
  tolerance: percent(
    { description: "Worsening that nobody minds, relative to the release that serves.", examples: ["2%"] },
    (share) => share <= 0.5,
    "is outside of 0% to 50%",
  ).prefault("0%"),
  onFail: z
    .enum(["rollback", "hold", "notify"])
    .prefault("rollback")
    .meta({
      title: "rollback, hold or notify",
      description: "What follows when it is worse. With hold or notify a team learns first whether to trust it.",
      examples: ["notify"],
    }),
});

export interface WrittenKpi {
  readonly user: string;
  readonly outcome: string;
  readonly good: {
    readonly route?: string | undefined;
    readonly status?: string | number | undefined;
    readonly event?: string | undefined;
  };
  readonly of?: { readonly route?: string | undefined; readonly per: "visitor" } | undefined;
  readonly value?: string | undefined;
  readonly direction: Kpi["direction"];
  readonly tolerance: number;
  readonly onFail: OnFail;
}

export const kpisSchema: z.ZodType<Readonly<Record<string, WrittenKpi>>, Readonly<Record<string, unknown>>> = z
  .record(
    z.string().regex(kpiName),
    kpi.meta({
      title: "a map of keys",
      examples: ["{ user: a shopper, outcome: gets the order confirmed, good: { route: POST /orders }, of: { per: visitor } }"],
    }),
  )
  .refine((all) => Object.keys(all).length <= kpisMax, `has more than ${kpisMax} KPIs: name the outcomes that matter most`)
  .meta({
    title: "a map of KPIs",
    description: "Outcomes of users, by name, that a release is judged by beside errors and latency.",
    examples: ["{ checkout: { user: a shopper with a basket, outcome: gets the order confirmed } }"],
  });

/** In the plan's form. `checkMeaning` has seen to what one value alone cannot say. */
export function toKpis(written: Readonly<Record<string, WrittenKpi>>): {
  readonly kpis?: readonly Kpi[];
  readonly onFail: { readonly [name: `kpi:${string}`]: OnFail };
} {
  const kpis = Object.entries(written).map(([name, each]): Kpi => {
    const { user, outcome, direction, tolerance, value, of: base } = each;
    const setOut = base?.route === undefined ? null : toRoute(base.route);
    return { name, user, outcome, good: toGood(each.good), of: setOut, valueField: value ?? null, direction, tolerance };
  });
  const onFail: Record<`kpi:${string}`, OnFail> = {};
  for (const [name, each] of Object.entries(written)) if (each.onFail !== "rollback") onFail[`kpi:${name}`] = each.onFail;
  return kpis.length === 0 ? { onFail } : { kpis, onFail };
}

function toGood({ route: written, status = "2xx", event }: WrittenKpi["good"]): KpiGood {
  if (written === undefined) return { kind: "event", event: event ?? "" };
  const [from, to] = [String(status).replaceAll("x", "0"), String(status).replaceAll("x", "9")];
  return { kind: "route", route: toRoute(written), statusFrom: Number(from), statusTo: Number(to) };
}

function toRoute(written: string): KpiRoute {
  const space = written.indexOf(" ");
  return { method: written.slice(0, space), path: written.slice(space + 1) };
}
