import type { Reason } from '../core/reason.ts';

/** The reasons for which the identify stage refuses. */
export type AuthReason = Extract<
  Reason,
  `credentials_${string}` | `token_${string}` | `certificate_${string}` | 'identity_provider_unavailable'
>;

/** Why a credential does not identify its sender; among the outcomes of this folder only refusals have a `reason`. */
export interface AuthRefusal {
  reason: AuthReason;
  /** What the sender may know beyond the reason's title; holds nothing of the credential that is secret. */
  detail?: string;
}
