/** What the server and its launcher say to one another. `id` is the server's number for one launch. */
import type { GuardianOptions } from "./guardian.js";

export type LauncherRequest = { readonly id: number; readonly launch: GuardianOptions } | { readonly id: number; readonly kill: true };

export const STREAMS = ["stdin", "stdout", "stderr"] as const;
export type StreamName = (typeof STREAMS)[number];

export type LauncherReport =
  /** Each of them with the stream itself. */
  | { readonly id: number; readonly pid: number; readonly stream: StreamName }
  | { readonly id: number; readonly failed: string }
  /** `code` is null when a signal has ended it. */
  | { readonly id: number; readonly ended: { readonly code: number | null } };
