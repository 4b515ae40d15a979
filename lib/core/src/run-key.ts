/**
 * How a function run is known (architecture, 6): k = `R:<trail>/<astPath>:<seq>`.
 *
 *   R        activation id of the root run's first conductor activation, 32 lowercase hex digits
 *   trail    the forks above the run, outermost first, joined by `/`: `<forkPath>.<forkNo>#<position>`; empty in the root run
 *   astPath  composer's path of the action node, e.g. `[1][0]`; empty for a composition that is a single action
 *   seq      counter of the components of this session, from 0
 *
 * AST paths consist of `[n]` and `.name` labels (composer.js `label`), so neither `/`, `:` nor `#` occurs in them.
 */
import { HarvestError } from "./errors.js";

export interface ForkStep {
  readonly forkPath: string;
  /** How many forks this session had made before, so that a stage inside a loop has keys of its own each time. */
  readonly forkNo: number;
  /** Branch of a `parallel`, or item of a `map`. */
  readonly position: number;
}

export interface RunKey {
  readonly root: string;
  readonly trail: readonly ForkStep[];
  readonly astPath: string;
  readonly seq: number;
}

const ROOT = /^[0-9a-f]{32}$/;
const NUMBER = "(?:0|[1-9]\\d{0,8})";
const LABELS = `(?:\\[${NUMBER}\\]|\\.[A-Za-z_]{1,32})*`;
const AST_PATH = new RegExp(`^${LABELS}$`);
const FORK_STEP = new RegExp(`^(${LABELS})\\.(${NUMBER})#(${NUMBER})$`);
const STEP = `${LABELS}\\.${NUMBER}#${NUMBER}`;
const TRAIL = new RegExp(`^(?:${STEP}(?:/${STEP})*)?$`);
const SEQ = new RegExp(`^${NUMBER}$`);
/** Keys come from containers, so their length is bounded: 1 KiB is a nesting of about 50 forks. */
export const MAX_KEY_LENGTH = 1024;

export function isActivationId(text: unknown): text is string {
  return typeof text === "string" && ROOT.test(text);
}

export function isAstPath(text: unknown): text is string {
  return typeof text === "string" && text.length <= 256 && AST_PATH.test(text);
}

/** Whether a text is a trail as formatTrail writes it. */
export function isTrail(text: unknown): text is string {
  return typeof text === "string" && text.length <= MAX_KEY_LENGTH && TRAIL.test(text);
}

export function formatForkStep({ forkPath, forkNo, position }: ForkStep): string {
  return `${forkPath}.${forkNo}#${position}`;
}

export function formatTrail(trail: readonly ForkStep[]): string {
  return trail.map(formatForkStep).join("/");
}

export function formatRunKey(key: RunKey): string {
  return `${key.root}:${formatTrail(key.trail)}/${key.astPath}:${key.seq}`;
}

export function parseTrail(text: string): ForkStep[] {
  if (text === "") return [];
  return text.split("/").map((step) => {
    const match = FORK_STEP.exec(step);
    if (!match) throw new HarvestError("OWH_BAD_KEY", `Not a fork step: ${JSON.stringify(step.slice(0, 80))}.`);
    return { forkPath: match[1] ?? "", forkNo: Number(match[2]), position: Number(match[3]) };
  });
}

export function parseRunKey(text: unknown): RunKey {
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, 80)) : typeof text;
  const bad = () => new HarvestError("OWH_BAD_KEY", `Not a run key: ${shown}.`);
  if (typeof text !== "string" || text.length > MAX_KEY_LENGTH) throw bad();
  const first = text.indexOf(":");
  const last = text.lastIndexOf(":");
  const root = text.slice(0, first);
  const middle = text.slice(first + 1, last);
  const seqText = text.slice(last + 1);
  const slash = middle.lastIndexOf("/");
  const astPath = middle.slice(slash + 1);
  if (first < 0 || last === first || slash < 0 || !isActivationId(root) || !isAstPath(astPath) || !SEQ.test(seqText)) throw bad();
  return { root, trail: parseTrail(middle.slice(0, slash)), astPath, seq: Number(seqText) };
}

/** Undefined for what is no run key. Keys come out of containers, so they may be anything. */
export function readRunKey(text: unknown): RunKey | undefined {
  try {
    return parseRunKey(text);
  } catch (error) {
    if (error instanceof HarvestError) return undefined;
    throw error;
  }
}

/**
 * The fields of `harvest:alloc:<R>` under which the allocation of a run may stand, most specific first: this very fork
 * and position; this position of any fork (a `map`'s item, a loop's later round); the function wherever it runs.
 */
export function allocationFields(key: Pick<RunKey, "trail" | "astPath">): string[] {
  const innermost = key.trail.at(-1);
  const fields = innermost ? [`${formatTrail(key.trail)}/${key.astPath}`, `${key.astPath}#${innermost.position}`] : [];
  return [...fields, key.astPath];
}

/** Names of the Redis keys (architecture, 6). Every one of them is written with a time to live, but `mode`. */
export const REDIS_KEYS = {
  allocation: (root: string) => `harvest:alloc:${root}`,
  activation: (activationId: string) => `harvest:act:${activationId}`,
  cause: (cause: string) => `harvest:cause:${cause}`,
  observation: (activationId: string) => `harvest:obs:${activationId}`,
  plan: (root: string) => `harvest:plan:${root}`,
  mode: "harvest:mode",
  /** Held for a moment by the process that changes the modes. */
  modeLock: "harvest:mode:lock",
  /** What is in it says nothing: that it could be written says that Redis takes writes. */
  probe: "harvest:probe",
  events: "harvest:events",
  plans: "harvest:plans",
} as const;
