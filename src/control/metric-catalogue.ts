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
};
