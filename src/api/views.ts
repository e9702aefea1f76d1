/** What the API answers, as types: its clients import them from here, so that they need nothing of the control plane. */
export type { SecretView } from "../config/configs.ts";
export type { ApprovalView } from "../control/approval-view.ts";
export type {
  ApprovalRequest,
  ApprovedView,
  ConfigView,
  LogsView,
  PlannedView,
  PreviewLink,
  RunView,
  ServiceView,
  StartedDeploy,
  StatusView,
} from "../control/control-plane.ts";
export type { PathsView } from "../control/path-view.ts";
export type { PlanView } from "../control/plan-ahead.ts";
export type { Exceptions } from "../control/plan-needs.ts";
export type { RulesView } from "../control/policy-commands.ts";
export type { TokenView } from "../control/principals.ts";
export type { JobView, ProcessView, WorkerView } from "../control/process-views.ts";
export type { DeployRequest } from "../control/requests.ts";
export type { RolloutView, SupervisionView } from "../control/rollout-view.ts";
export type { BudgetLeft, SloView } from "../control/slo.ts";
export type { ChainedEntry, Checkpoint } from "../ledger/ledger.ts";
export type { PinnedPolicy as PinnedPolicyView } from "../rollout/pinned-policy.ts";
