import { isDeepStrictEqual } from "node:util";
import type { CheckFinding } from "../rollout/check-result.ts";
import type { Kpi, KpiRoute } from "../rollout/kpi.ts";
import { type Check, type Outcome, quick, type SeenKpi, type Subject, skipped } from "./check.ts";
import { hashOf } from "./file-tree.ts";

export const kpis: Check = {
  name: "kpis",
  finds:
    "A service in production of which nothing says what its users get done; a KPI whose route no visitor of the service can ask for; and one that the last rollout has counted nothing for: nobody set out, no such answer, or its event was never posted. Raw counts are no KPIs and are refused with the manifest.",
  runs: "In production, and wherever KPIs are declared.",
  timeoutMs: quick,

  async run({ manifest, environment, previous }: Subject): Promise<Outcome> {
    const declared = manifest.plan.kpis ?? [];
    if (declared.length === 0) {
      if (environment !== "production") return skipped("no KPIs are declared, and this is not production");
      return {
        kind: "inspected",
        inspected: 1,
        noun: "manifest without KPIs",
        findings: [none],
        inputsSha256: hashOf(manifest.service),
      };
    }
    const routes = manifest.environments[environment]?.routes ?? [];
    const seen = previous?.kpis ?? null;
    const figures = declared.map((kpi) => ({ kpi, seen: seen?.find((each) => isDeepStrictEqual(each.kpi, kpi)) ?? null }));
    const unseen = figures.filter((each) => each.seen === null).length;
    return {
      kind: "inspected",
      inspected: declared.length,
      noun: "KPIs",
      ...(unseen === 0 ? {} : { note: `of ${unseen} there are no figures yet` }),
      findings: [
        ...declared.flatMap((kpi) => routesOf(kpi).flatMap((route) => outside(kpi, route, routes))),
        ...figures.flatMap(({ kpi, seen: counted }) => (counted === null ? [] : uncounted(kpi, counted, previous?.id ?? ""))),
      ],
      inputsSha256: hashOf(JSON.stringify({ declared, routes, seen })),
    };
  },
};

const none: CheckFinding = {
  rule: "none",
  level: "warn",
  message: "nothing says what users get done here: a release that answers well and lets nobody finish is not seen",
  fix: "Declare one under kpis: who (user), what they get done (outcome), what shows it (good) and out of whom (of). docs/kpis.md has examples.",
};

function routesOf({ good, of }: Kpi): readonly KpiRoute[] {
  return [...(good.kind === "route" ? [good.route] : []), ...(of === null ? [] : [of])];
}

/** Whether any request of it can reach the service, by the paths that its environment routes to it. */
function outside(
  { name }: Kpi,
  { method, path }: KpiRoute,
  routes: readonly { readonly path: string }[],
): readonly CheckFinding[] {
  const isServed = routes.some((route) =>
    isWithin(
      path.split("/"),
      route.path.split("/").filter((part) => part !== ""),
    ),
  );
  if (isServed || routes.length === 0) return [];
  return [
    {
      rule: "no-route",
      level: "warn",
      message: `the KPI ${name} counts ${method} ${path}, which no route of this environment brings here (${routes.map((route) => route.path).join(", ")})`,
      fix: "Write the path as visitors ask for it, with the prefix of the route.",
    },
  ];
}

/** `*` stands for one segment of the KPI's path, and may be any. */
function isWithin([, ...path]: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((part, index) => path[index] === part || path[index] === "*");
}

function uncounted(kpi: Kpi, { setOut, good }: SeenKpi, release: string): readonly CheckFinding[] {
  const { name, of } = kpi;
  const about = `in the rollout of ${release}, which serves now,`;
  if (setOut === 0)
    return [
      {
        rule: "nobody",
        level: "warn",
        message: `the KPI ${name} has counted nobody: ${about} ${of === null ? "no visitor was compared" : `nobody asked for ${of.method} ${of.path}`}`,
        fix: "See whether the path is the one that visitors ask for, and whether anybody does.",
      },
    ];
  if (good > 0) return [];
  const { message, fix } =
    kpi.good.kind === "event"
      ? {
          message: `its event ${kpi.good.event} was not posted for any of them`,
          fix: "Post it from the service (BELAY_EVENTS_URL) with the value of the header Belay-Visitor.",
        }
      : {
          message: `none of them got an answer of ${kpi.good.route.method} ${kpi.good.route.path} that counts`,
          fix: "See whether method, path and status are those of the answer that shows the outcome.",
        };
  return [{ rule: "never-good", level: "warn", message: `the KPI ${name}: ${about} ${setOut} set out, and ${message}`, fix }];
}
