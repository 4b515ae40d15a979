/**
 * Where the members of a JSON object stand in its bytes. JSON.parse and JSON.stringify would change numbers that JavaScript cannot
 * hold (openwhisk-protocol, 2.8.5), so messages are looked into and edited as bytes; only the first level is looked at, because
 * what users send and return lies deeper and may have members of the same names.
 */
import { HarvestError } from "@openwhisk-harvest/core";

/** The bytes [from, to) of a member: its value, and the whole of it from the opening quote of its name. */
export interface Member {
  readonly nameFrom: number;
  readonly from: number;
  readonly to: number;
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** OWH_BAD_REQUEST when the bytes are no JSON object. Of a name that occurs twice the last one counts, as in JSON.parse. */
export function topLevelMembers(bytes: Buffer): Map<string, Member> {
  const members = new Map<string, Member>();
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) throw notAnObject();
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACE) return members;
  for (;;) {
    const nameFrom = at;
    at = endOfString(bytes, at);
    const name = bytes.toString("utf8", nameFrom + 1, at - 1);
    at = skipSpace(bytes, at);
    if (bytes[at] !== COLON) throw notAnObject();
    const from = skipSpace(bytes, at + 1);
    const to = endOfValue(bytes, from);
    members.set(name, { nameFrom, from, to });
    at = skipSpace(bytes, to);
    if (bytes[at] === CLOSE_BRACE) return members;
    if (bytes[at] !== COMMA) throw notAnObject();
    at = skipSpace(bytes, at + 1);
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** After the closing quote. Searches for quotes natively: most bytes of a message are text in a string. */
function endOfString(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) throw notAnObject();
  for (let at = bytes.indexOf(QUOTE, from + 1); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  throw notAnObject();
}

function endOfValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return endOfString(bytes, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(bytes, from);
  let at = from;
  while (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== CLOSE_BRACE && !isSpace(bytes[at])) at++;
  if (at === from || at === bytes.length) throw notAnObject();
  return at;
}

function endOfNested(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1;
  }
  throw notAnObject();
}

function notAnObject(): HarvestError {
  return new HarvestError("OWH_BAD_REQUEST", "The message is not a JSON object.");
}
