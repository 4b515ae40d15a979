/**
 * Acknowledgements (openwhisk-protocol, 1.4 and 2.4): reading what kind they are and whose, and making them the virtual invoker's.
 * Two edits, both of the first level, both leave the message no longer than it was (openwhisk-protocol, 2.8.6): the number of the invoker, and
 * `isSystemError: true` is cut out, because four of them in ten would make the controllers give the whole cluster up (openwhisk-protocol, 2.8.9).
 */
import { HarvestError, isActivationId } from "@openwhisk-harvest/core";
import { type Member, topLevelMembers } from "./top-level.js";

export type AckKind = "result" | "completion" | "combined";

export interface AckHead {
  readonly kind: AckKind;
  readonly activationId: string;
  /** The real invoker; a result does not name it. */
  readonly invoker?: number;
  readonly isSystemError: boolean;
}

/** An acknowledgement with the places that are edited. */
export interface Ack extends AckHead {
  readonly bytes: Buffer;
  readonly members: ReadonlyMap<string, Member>;
}

/** OWH_BAD_REQUEST when it is no acknowledgement. */
export function readAck(bytes: Buffer): Ack {
  const members = topLevelMembers(bytes);
  const response = members.get("response");
  const instance = members.get("instance");
  const activationId = response ? idInResponse(bytes, response) : jsonOf(bytes, members.get("activationId"));
  const invoker = instance && jsonOf(bytes, numberIn(bytes, instance));
  if (!isActivationId(activationId) || (!response && !instance) || (instance && typeof invoker !== "number"))
    throw new HarvestError("OWH_BAD_REQUEST", "A message on a completed topic is no acknowledgement.");
  return {
    kind: response ? (instance ? "combined" : "result") : "completion",
    activationId,
    ...(typeof invoker === "number" && { invoker }),
    isSystemError: jsonOf(bytes, members.get("isSystemError")) === true,
    bytes,
    members,
  };
}

/** The acknowledgement as the virtual invoker would have sent it. Results go through untouched. */
export function asVirtual({ bytes, members }: Ack, virtualId: number): Buffer {
  const edits: { from: number; to: number; text: string }[] = [];
  const instance = members.get("instance");
  const number = instance && numberIn(bytes, instance);
  if (number) edits.push({ from: number.from, to: number.to, text: String(virtualId) });
  const systemError = members.get("isSystemError");
  if (systemError && jsonOf(bytes, systemError) === true) edits.push({ ...withComma(bytes, systemError), text: "" });
  return edited(bytes, edits);
}

/** The same with the activation's id in place of its result, as an invoker sends it when the whole is too large. */
export function shrunk(ack: Ack, virtualId: number): Buffer {
  const { activationId, members, bytes } = ack;
  const response = members.get("response");
  const short = response ? readAck(edited(bytes, [{ from: response.from, to: response.to, text: JSON.stringify(activationId) }])) : ack;
  return asVirtual(short, virtualId);
}

function idInResponse(bytes: Buffer, { from, to }: Member): unknown {
  const response = bytes.subarray(from, to);
  if (response[0] === 0x22) return JSON.parse(response.toString("utf8"));
  return jsonOf(response, topLevelMembers(response).get("activationId"));
}

function numberIn(bytes: Buffer, { from, to }: Member): Member | undefined {
  const found = topLevelMembers(bytes.subarray(from, to)).get("instance");
  return found && { nameFrom: from + found.nameFrom, from: from + found.from, to: from + found.to };
}

/** The member with the comma before or after it. */
function withComma(bytes: Buffer, { nameFrom, to }: Member): { from: number; to: number } {
  const after = /^\s*,/.exec(bytes.toString("latin1", to, to + 16));
  if (after) return { from: nameFrom, to: to + after[0].length };
  const comma = bytes.lastIndexOf(0x2c, nameFrom);
  return { from: comma, to };
}

function edited(bytes: Buffer, edits: readonly { from: number; to: number; text: string }[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { from, to, text } of [...edits].sort((a, b) => a.from - b.from)) {
    parts.push(bytes.subarray(at, from), Buffer.from(text));
    at = to;
  }
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(at)]);
}

function jsonOf(bytes: Buffer, member: Member | undefined): unknown {
  return member && JSON.parse(bytes.toString("utf8", member.from, member.to));
}
