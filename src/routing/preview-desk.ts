import type { PreviewRefusal } from "../rollout/preview.ts";
import { PassReader, type PreviewPass } from "./preview-pass.ts";
import type { Pool, RoutingTable, ServiceRoute } from "./table.ts";

/** A cookie of a request whose name is one of Belay's for previews. */
export interface PreviewCookie {
  readonly name: string;
  readonly value: string;
}

export interface PreviewRefusals {
  readonly service: string;
  readonly environment: string;
  readonly why: PreviewRefusal;
  /** Since the worker's boot. */
  readonly count: number;
}

/** Ends the path of every preview link, behind the path of the service's route. */
export const previewLinkPath = "/.belay/preview";

/** Cookies of one request that are checked: each costs as much as a request, and a browser sends one, or two when somebody planted another. */
const checkedMax = 4;

/**
 * Of its own for each service and environment, since several may share a host. Only `https` has the prefix with which browsers
 * refuse what another host or plain http planted: over plain http they disagree about taking such a cookie at all.
 */
export function previewCookieName(
  { environment, service }: Pick<ServiceRoute, "environment" | "service">,
  isHttps: boolean,
): string {
  return `${isHttps ? "__Host-" : ""}belay_preview.${environment}.${service}`;
}

/** Who may see a release that is not everybody's, and a count of those who may not. Cookies are checked by the worker alone. */
export class PreviewDesk {
  #reader = new PassReader();
  #refusals = new Map<string, { readonly about: Omit<PreviewRefusals, "count">; count: number }>();

  serve(table: RoutingTable): void {
    this.#reader.useKeys(table.previewKeys ?? []);
  }

  /** Instances of the release that the request's cookie lets its sender see; null for everybody else, and once none is left. */
  poolFor(
    service: ServiceRoute,
    request: { readonly cookies: readonly PreviewCookie[]; readonly isHttps: boolean; readonly nowSeconds: number },
  ): Pool | null {
    const name = previewCookieName(service, request.isHttps);
    for (const cookie of request.cookies.filter((each) => each.name === name).slice(0, checkedMax)) {
      const pass = this.#reader.read("cookie", cookie.value);
      const why = whyNot(pass, service, request.nowSeconds);
      if (why === null) return service.previews?.find(({ release }) => release === pass?.release) ?? null;
      this.refused(service, why);
    }
    return null;
  }

  /** Whether a link may be redeemed as far as a worker can tell: whether it was before, the control plane knows. */
  readLink(
    service: ServiceRoute,
    text: string,
    nowSeconds: number,
  ): { readonly kind: "refused"; readonly why: PreviewRefusal } | { readonly kind: "good" } {
    const pass = this.#reader.read("link", text);
    const why = whyNot(pass, service, nowSeconds);
    if (why === null) return { kind: "good" };
    this.refused(service, why);
    return { kind: "refused", why };
  }

  refused({ service, environment }: Pick<ServiceRoute, "service" | "environment">, why: PreviewRefusal): void {
    const about = { service, environment, why };
    this.#refusals.getOrInsertComputed(`${environment}/${service} ${why}`, () => ({ about, count: 0 })).count += 1;
  }

  refusals(): readonly PreviewRefusals[] {
    return Array.from(this.#refusals.values(), ({ about, count }) => ({ ...about, count }));
  }
}

function whyNot(pass: PreviewPass | null, service: ServiceRoute, nowSeconds: number): PreviewRefusal | null {
  if (pass === null) return "forged";
  if (pass.service !== service.service || pass.environment !== service.environment) return "foreign";
  return pass.expires <= nowSeconds ? "expired" : null;
}
