import { Networks } from "../ports/networks.ts";
import type { Cohort, CohortRule } from "../rollout/cohort.ts";
import { covers } from "./find-route.ts";
import type { RoutingTable, ServiceRoute } from "./table.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

/** What a rule may ask of a request. */
export interface RequestTraits {
  /** Of the connection. */
  readonly peerAddress: string;
  /** As they came: name, value, name, value. */
  readonly headers: readonly string[];
  /** Path and query. */
  readonly target: string;
}

interface Looked extends RequestTraits {
  readonly path: string;
  readonly isVouchedFor: boolean;
  readonly clientAddress: string;
}

interface CompiledRule {
  readonly rule: CohortRule;
  readonly networks: Networks | null;
}

/** The cohorts that are on a service's canary now, compiled once for each table. */
export class Cohorts {
  readonly #proxies: TrustedProxies;
  readonly #cohorts: readonly { readonly name: string; readonly rules: readonly CompiledRule[] }[];

  constructor(options: { readonly cohorts: readonly Cohort[]; readonly trustedProxies: readonly string[] }) {
    this.#proxies = new TrustedProxies(options.trustedProxies);
    this.#cohorts = options.cohorts.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({ rule, networks: rule.network === undefined ? null : new Networks([rule.network]) })),
    }));
  }

  /** The first cohort of which the sender is a member, or null. */
  find(traits: RequestTraits): string | null {
    const forwardedFor = valuesOf(traits.headers, "x-forwarded-for");
    const looked: Looked = {
      ...traits,
      path: traits.target.split("?", 1)[0] ?? "",
      isVouchedFor: this.#proxies.trusts(traits.peerAddress),
      clientAddress: this.#proxies.clientAddress(traits.peerAddress, forwardedFor),
    };
    const found = this.#cohorts.find(({ rules }) => rules.find((rule) => matches(rule, looked))?.rule.isMember ?? false);
    return found?.name ?? null;
  }
}

function matches({ rule, networks }: CompiledRule, request: Looked): boolean {
  if (networks?.has(request.clientAddress) === false) return false;
  if (rule.path !== undefined && !covers(rule.path, request.path)) return false;
  if (rule.headers !== undefined && !(rule.isOpen || request.isVouchedFor)) return false;
  return (
    // Two headers of one name are one that the client sent and one that the proxy added: neither counts.
    all(rule.headers, (name, wanted) => isExactly(valuesOf(request.headers, name), wanted)) &&
    all(rule.cookies, (name, wanted) => cookiesOf(request.headers, name).includes(wanted)) &&
    all(rule.query, (name, wanted) => queryOf(request.target).getAll(name).includes(wanted))
  );
}

function all(wanted: Readonly<Record<string, string>> | undefined, holds: (name: string, value: string) => boolean): boolean {
  return wanted === undefined || Object.entries(wanted).every(([name, value]) => holds(name, value));
}

function isExactly(values: readonly string[], wanted: string): boolean {
  return values.length === 1 && values[0] === wanted;
}

function valuesOf(headers: readonly string[], name: string): readonly string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name);
}

function cookiesOf(headers: readonly string[], name: string): readonly string[] {
  return valuesOf(headers, "cookie")
    .flatMap((header) => header.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

function queryOf(target: string): URLSearchParams {
  const at = target.indexOf("?");
  return new URLSearchParams(at === -1 ? "" : target.slice(at + 1));
}

/** Of the services with a cohort on their canary. */
export function cohortsByService({ services }: RoutingTable): ReadonlyMap<ServiceRoute, Cohorts> {
  const withCohorts = services.flatMap((service): readonly (readonly [ServiceRoute, Cohorts])[] => {
    const { cohorts = [] } = service.exposure ?? {};
    return cohorts.length === 0 ? [] : [[service, new Cohorts({ cohorts, trustedProxies: service.trustedProxies ?? [] })]];
  });
  return new Map(withCohorts);
}
