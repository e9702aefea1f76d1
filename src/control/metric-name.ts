export type MetricName =
  | "belay_requests_total"
  | "belay_shielded_requests_total"
  | "belay_ejections_total"
  | "belay_response_seconds"
  | "belay_requests_in_flight"
  | "belay_shadow_mirrored_total"
  | "belay_shadow_differing_total"
  | "belay_shadow_dropped_total"
  | "belay_new_visitors_total"
  | "belay_preview_refusals_total"
  | "belay_lost_records_total"
  | "belay_connections"
  | "belay_turned_away_total"
  | "belay_certificate_expiration_timestamp_seconds"
  | "belay_certificates_unusable"
  | "belay_requests_without_client_total"
  | "belay_requests_waiting"
  | "belay_held_requests_total"
  | "belay_hedged_requests_total"
  | "belay_worker_connected"
  | "belay_worker_epoch"
  | "belay_routing_epoch"
  | "belay_ledger_position"
  | "belay_trouble"
  | "belay_program_info"
  | "belay_release_role"
  | "belay_rollout_phase"
  | "belay_canary_weight_ratio"
  | "belay_lease_held"
  | "belay_brake"
  | "belay_error_budget_burning"
  | "belay_instances"
  | "belay_maintenance"
  | "belay_error_budget_left_ratio"
  | "belay_kpi_events_total"
  | "belay_kpi_reached"
  | "belay_kpi_good";

export interface MetricSample {
  /** Of a histogram's parts. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of one metric at one moment. */
export interface MetricFamily {
  readonly name: MetricName;
  readonly samples: readonly MetricSample[];
}
