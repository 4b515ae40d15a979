/**
 * What the shim reads of an activation on its way to an invoker (openwhisk-protocol, 1.2); the rest of its bytes is
 * passed on unread.
 */
import { HarvestError, isActivationId, isObject, parseJson } from "@openwhisk-harvest/core";
import { type Member, topLevelMembers } from "./top-level.js";

/**
 * What travels of a composition with the parameters: with a component the key `$harvest`, with a conductor composer's state `$composer`
 * and in it our own, `harvest`. Parameters are the user's, so it may be forged.
 */
export interface TravellingKeys {
  readonly component?: { readonly k: string; readonly d?: string };
  readonly conductor?: { readonly root: string; readonly trail: string };
  readonly composer?: ComposerState;
}

export interface ComposerState {
  /** How many forks are above the session: each leaves a marker on its branches' stacks. */
  readonly level: number;
  /** The first activation of a branch. */
  readonly isBranch: boolean;
  /** In a branch: epoch ms of the end of the stage that it is of. */
  readonly stageEndMs?: number;
}

export interface ActivationHead {
  readonly activationId: string;
  /** As text: it has to come back byte by byte (openwhisk-protocol, 2.3). */
  readonly transid: string;
  /** Fully qualified, without version: `guest/pkg/hello`. The document's id. */
  readonly action: string;
  readonly version: string;
  readonly revision?: string;
  readonly namespace: string;
  readonly subject: string;
  readonly controller: string;
  readonly blocking: boolean;
  readonly cause?: string;
  /** A controller asks whether this invoker is well (openwhisk-protocol, 2.3). */
  readonly isHealthTest: boolean;
}

/**
 * OWH_BAD_REQUEST when a field that the shim needs is missing or malformed. Never holds the user's key or parameters.
 */
export function readActivation(bytes: Buffer): ActivationHead {
  const members = topLevelMembers(bytes);
  const text = (name: string) => textOf(bytes, members.get(name));
  const json = (name: string) => parse(text(name));
  const [action, user] = [json("action"), json("user")];
  const [activationId, revision, cause] = [json("activationId"), json("revision"), json("cause")];
  const transid = text("transid");
  const name = stringAt(action, "name");
  const path = stringAt(action, "path");
  const subject = stringAt(user, "subject");
  const namespace = stringAt(user, "namespace", "name");
  const controller = stringAt(json("rootControllerIndex"), "asString");
  if (!isActivationId(activationId) || !transid || !name || !path || !subject || !namespace || !controller)
    throw new HarvestError("OWH_BAD_REQUEST", "An activation message lacks what every activation has.");
  return {
    activationId,
    transid,
    action: `${path}/${name}`,
    version: stringAt(action, "version") ?? "0.0.1",
    ...(typeof revision === "string" && { revision }),
    namespace,
    subject,
    controller,
    blocking: json("blocking") === true,
    ...(isActivationId(cause) && { cause }),
    isHealthTest: name.startsWith("invokerHealthTestAction") && /^\[\s*"sid_invokerHealth"/.test(transid),
  };
}

const KEY_MARKS = [Buffer.from('"$harvest"'), Buffer.from('"$composer"')] as const;
/** Looks for what travels in the parameters; most messages have none and are not parsed. */
export function travellingKeys(bytes: Buffer): TravellingKeys {
  if (!KEY_MARKS.some((mark) => bytes.includes(mark))) return {};
  const content = textOf(bytes, topLevelMembers(bytes).get("content"));
  const parameters = parse(content);
  const k = stringAt(parameters, "$harvest", "k");
  const d = stringAt(parameters, "$harvest", "d");
  const root = stringAt(parameters, "$composer", "harvest", "root");
  // Empty in the root run.
  const trail = stringAt(parameters, "$composer", "harvest", "trail") ?? "";
  const composer = isObject(parameters) && isObject(parameters["$composer"]) ? composerStateOf(parameters["$composer"]) : undefined;
  return {
    ...(k !== undefined && { component: { k, ...(d !== undefined && { d }) } }),
    ...(root !== undefined && { conductor: { root, trail } }),
    ...(composer && { composer }),
  };
}

/** composer's conductor.js: `fork` gives its branches a state to begin in and a stack with a marker, and the first activation sets the session. */
function composerStateOf({ session, state, stack, harvest }: Record<string, unknown>): ComposerState {
  const frames: readonly unknown[] = Array.isArray(stack) ? stack : [];
  const stageEndMs = isObject(harvest) ? harvest["untilMs"] : undefined;
  return {
    level: frames.filter(isMarker).length,
    isBranch: session === undefined && typeof state === "number" && isMarker(frames[0]),
    ...(typeof stageEndMs === "number" && { stageEndMs }),
  };
}

function isMarker(frame: unknown): boolean {
  return isObject(frame) && frame["marker"] === true;
}

function parse(text: string | undefined): unknown {
  return text === undefined ? undefined : parseJson(text);
}

function stringAt(value: unknown, ...path: readonly string[]): string | undefined {
  let at = value;
  for (const name of path) at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[name] : undefined;
  return typeof at === "string" && at !== "" ? at : undefined;
}

function textOf(bytes: Buffer, member: Member | undefined): string | undefined {
  return member && bytes.toString("utf8", member.from, member.to);
}
