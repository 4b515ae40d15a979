/** Times as people write and read them. Pure. */
import { InvalidArgumentError } from "commander";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `2h`, `1.5d`, `250ms` in ms. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  if (!(ms > 0)) throw new InvalidArgumentError("It must be a duration such as 90s, 10m, 2h or 1d.");
  return ms;
}

/** A duration before now, or a date as JavaScript reads it (`2026-11-21T14:00Z`), in epoch ms. */
export function momentMs(text: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?[a-z]+$/.test(text)) return nowMs - durationMs(text);
  const ms = Date.parse(text);
  if (!Number.isFinite(ms)) throw new InvalidArgumentError("It must be a duration such as 2h, or a date such as 2026-11-21T14:00Z.");
  return ms;
}

/** `2026-11-21 14:00:05`, in UTC as everything we store. */
export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
