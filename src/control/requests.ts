import type { ReleaseTag } from "../rollout/release-tag.ts";
import type { Exceptions } from "./plan-needs.ts";

export interface ServiceRequest {
  readonly service: string;
  readonly environment: string;
}

export interface DeployRequest extends Exceptions {
  readonly commit: string;
  readonly isDirty: boolean;
  /** Folder of the service inside the repository; "" is its top. */
  readonly root: string;
  readonly environment: string;
  /** sha256 of a bundle that was sent: what it says of commit and root counts then. Absent: the commit is built here. */
  readonly bundle?: string | undefined;
  /** The tag of its version in the deployer's repository; null when there is none, absent when nobody told. */
  readonly tag?: ReleaseTag | null | undefined;
  /** Ends a running rollout of the service in favour of this one. */
  readonly supersede: boolean;
  /** Values of the variables that come from the environment of whoever deploys. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /** Answers to the questions of a release brief, by their keys. */
  readonly brief?: Readonly<Record<string, string>> | undefined;
  /** A random text of whoever asks. The same question asked again, because its answer was lost, has the same and begins nothing anew. */
  readonly requestKey?: string | undefined;
}

/** Stable's revision with its configuration resolved anew. Of variables from the deployer's environment those that are not sent stay. */
export interface ConfigReleaseRequest extends ServiceRequest, Exceptions {
  readonly supersede: boolean;
  readonly config: Readonly<Record<string, string>>;
  readonly brief?: Readonly<Record<string, string>> | undefined;
  /** As in `DeployRequest`. */
  readonly requestKey?: string | undefined;
}

/** Throws when whoever asks may not deploy this: which service it is stands in the commit, and is known no earlier. */
export type MayTouch = (place: ServiceRequest) => void;
