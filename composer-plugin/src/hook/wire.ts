/**
 * The few formats of core that the hook speaks, written out again: the hook travels inside every conductor, where core's
 * schemas and their libraries would weigh ten times as much as this file. Tests hold each of them equal to core's.
 */
import type { ForkStep, RunKey } from "@openwhisk-harvest/core";

const ACTIVATION_ID = /^[0-9a-f]{32}$/;
const NUMBER = "(?:0|[1-9]\\d{0,8})";
const FORK_STEP = `(?:\\[${NUMBER}\\]|\\.[A-Za-z_]{1,32})*\\.${NUMBER}#${NUMBER}`;
const TRAIL = new RegExp(`^(?:${FORK_STEP}(?:/${FORK_STEP})*)?$`);
/** core's bound on the length of a run key. */
const MAX_KEY_LENGTH = 1024;

export function isActivationId(text: unknown): text is string {
  return typeof text === "string" && ACTIVATION_ID.test(text);
}

export function isTrail(text: unknown): text is string {
  return typeof text === "string" && text.length <= MAX_KEY_LENGTH && TRAIL.test(text);
}

export function extendTrail(trail: string, { forkPath, forkNo, position }: ForkStep): string {
  return `${trail === "" ? "" : `${trail}/`}${forkPath}.${forkNo}#${position}`;
}

/** The key of a function run, or undefined when it would be longer than any reader accepts. */
export function runKey({ root, trail, astPath, seq }: Omit<RunKey, "trail"> & { trail: string }): string | undefined {
  const key = `${root}:${trail}/${astPath}:${seq}`;
  return key.length <= MAX_KEY_LENGTH ? key : undefined;
}

/** Input size in bytes (DESIGN, section 2). */
export function inputBytesOf(input: unknown): number {
  if (!isObject(input)) return Buffer.byteLength(JSON.stringify(input ?? {}));
  const { $composer, $harvest, $bytes, ...own } = input;
  if (typeof $bytes === "number" && Number.isFinite($bytes) && $bytes >= 0) return $bytes;
  return Buffer.byteLength(JSON.stringify($bytes === undefined ? own : { ...own, $bytes }));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
