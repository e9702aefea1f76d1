import type { MetricName } from "./metric-name.ts";

export interface MetricAbout {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Every sample has just these. */
  readonly labels: readonly string[];
}

const ofService = ["environment", "service"];
const ofTraffic = [...ofService, "release", "arm", "worker"];

/** Every metric that Belay offers: what is not here cannot be collected, and docs/reference/metrics.md is written from here. */
export const metricCatalogue: Readonly<Record<MetricName, MetricAbout>> = {
  belay_requests_total: {
    type: "counter",
    help: "Requests, by how their release did (ok, failed, excluded) and the class of the status that the user got (none: no answer).",
    labels: [...ofTraffic, "outcome", "status"],
  },
  belay_shielded_requests_total: {
    type: "counter",
    help: "Requests on which the release failed and stable answered the user. They count as failed in belay_requests_total, too.",
    labels: ofTraffic,
  },
  belay_response_seconds: {
    type: "histogram",
    help: "From the last piece of the request to the head of the release's own answer.",
    labels: ofTraffic,
  },
  belay_ejections_total: {
    type: "counter",
    help: "How often an instance was ejected, because it failed while others of its release did not. It is tried last then.",
    labels: ofTraffic,
  },
  belay_requests_in_flight: {
    type: "gauge",
    help: "Requests and tunnels on their way, by the release whose instance works on them.",
    labels: ["release", "worker"],
  },
  belay_shadow_mirrored_total: {
    type: "counter",
    help: "Requests of which a copy went to the release's shadow. They are in no other metric.",
    labels: [...ofService, "release", "worker"],
  },
  belay_shadow_differing_total: {
    type: "counter",
    help: "Answers of the shadow with a difference from stable's that the worker has not seen between two answers of stable.",
    labels: [...ofService, "release", "worker"],
  },
  belay_shadow_dropped_total: {
    type: "counter",
    help: "Copies that were wanted and not made or not compared: too many on their way (full), stable has become slower (slow), enough in this second, which is one copy of a shadow that does not answer (rate), too large, or stable gave no answer to the copy (stable).",
    labels: [...ofService, "release", "worker", "why"],
  },
  belay_new_visitors_total: {
    type: "counter",
    help: "Visitors who came without a cookie of Belay's. One that keeps no cookies is new with each request.",
    labels: [...ofService, "worker"],
  },
  belay_preview_refusals_total: {
    type: "counter",
    help: "Links and cookies of previews that were not taken, by why.",
    labels: [...ofService, "worker", "why"],
  },
  belay_lost_records_total: {
    type: "counter",
    help: "Records of evidence that a worker dropped because the control plane was away too long. Any of them holds a rollout.",
    labels: ["worker"],
  },
  belay_connections: {
    type: "gauge",
    help: "Connections of clients, those in their TLS handshake included.",
    labels: ["worker"],
  },
  belay_turned_away_total: {
    type: "counter",
    help: "Clients that were turned away or let go, by why: too many connections in all or of one address, too many requests in all or on one connection (pipeline), a head (or TLS handshake) that came late, a head that is too large, a body that came too slowly, an answer that nobody took.",
    labels: ["worker", "by"],
  },
  belay_certificate_expiration_timestamp_seconds: {
    type: "gauge",
    help: "When a certificate that the worker serves ends, in seconds since 1970; by the name of its folder, as in belay doctor. None without TLS.",
    labels: ["worker", "certificate"],
  },
  belay_certificates_unusable: {
    type: "gauge",
    help: "Certificates whose files cannot be used. One that was good before is served until the worker is started anew; belay doctor says what is wrong.",
    labels: ["worker"],
  },
  belay_requests_without_client_total: {
    type: "counter",
    help: "Requests of a trusted proxy that did not say for whom, by X-Forwarded-For: the proxy itself is taken for the client.",
    labels: [...ofService, "worker"],
  },
  belay_requests_waiting: {
    type: "gauge",
    help: "Requests that wait now because no instance of the service takes any.",
    labels: [...ofService, "worker"],
  },
  belay_held_requests_total: {
    type: "counter",
    help: "Requests that found no instance: held (they waited), expired (of those, the ones that waited in vain), overflowed (not held, because too many waited).",
    labels: [...ofService, "worker", "what"],
  },
  belay_hedged_requests_total: {
    type: "counter",
    help: "Requests whose first instance was slow: sent to a second one, won by it, withheld because too many were sent.",
    labels: [...ofService, "worker", "what"],
  },
  belay_worker_connected: {
    type: "gauge",
    help: "1 while the worker is linked to the control plane. One that went away is shown for 10 s.",
    labels: ["worker"],
  },
  belay_worker_epoch: {
    type: "gauge",
    help: "Epoch of the routing table that the worker serves.",
    labels: ["worker"],
  },
  belay_routing_epoch: {
    type: "gauge",
    help: "Epoch of the routing table that every worker should serve: the ledger position of the entry that caused it.",
    labels: [],
  },
  belay_ledger_position: {
    type: "gauge",
    help: "Entries in the ledger.",
    labels: [],
  },
  belay_trouble: {
    type: "gauge",
    help: "1 while the ledger, or what has to be kept beside it, cannot be written. Then no canary has traffic.",
    labels: [],
  },
  belay_program_info: {
    type: "gauge",
    help: "Always 1; the label is the version of the control plane.",
    labels: ["version"],
  },
  belay_release_role: {
    type: "gauge",
    help: "1 for what the release is: stable, candidate of the running rollout, warm after a promotion.",
    labels: [...ofService, "release", "role"],
  },
  belay_rollout_phase: {
    type: "gauge",
    help: "1 for the phase of the running rollout, or of the last one. Its release is empty until it is built.",
    labels: [...ofService, "release", "kind", "phase"],
  },
  belay_canary_weight_ratio: {
    type: "gauge",
    help: "Share of visitors that the routing table gives to the canary, 0 to 1.",
    labels: ofService,
  },
  belay_lease_held: {
    type: "gauge",
    help: "While a canary is exposed: 1 as long as its lease lasts on the worker, 0 after it ran out.",
    labels: [...ofService, "worker"],
  },
  belay_brake: {
    type: "gauge",
    help: "While a canary is exposed: 1 when the worker took its traffic back to stable by itself, because its lease ran out, all instances were gone (health), or stable had answered too much for it (budget).",
    labels: [...ofService, "worker", "by"],
  },
  belay_instances: {
    type: "gauge",
    help: "Instances, by release and state.",
    labels: [...ofService, "release", "state"],
  },
  belay_error_budget_burning: {
    type: "gauge",
    help: "1 while the error budget burns too fast over the window and still over a twelfth of it: 14.4 times over 1h, 6 times over 6h, more than allowed over 3d. Then belay status says so, too.",
    labels: [...ofService, "window"],
  },
  belay_maintenance: {
    type: "gauge",
    help: "1 while visitors are told to come back later.",
    labels: ofService,
  },
  belay_error_budget_left_ratio: {
    type: "gauge",
    help: "What is left of the error budget over its window, of the objective that stands worst: 1 is all of it, below 0 the objective is missed.",
    labels: ofService,
  },
  belay_kpi_events_total: {
    type: "counter",
    help: "Events that applications posted for KPIs since the control plane started, by what became of them (accepted, why not, or shadow: posted by one and counted nowhere else).",
    labels: [...ofService, "outcome"],
  },
  belay_kpi_reached: {
    type: "gauge",
    help: "Visitors of the rollout that is watched who set out for what a KPI is about, by the side on which they were met first.",
    labels: [...ofService, "kpi", "arm"],
  },
  belay_kpi_good: {
    type: "gauge",
    help: "Those of belay_kpi_reached who got there.",
    labels: [...ofService, "kpi", "arm"],
  },
};
