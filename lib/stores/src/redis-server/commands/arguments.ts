/** Reading the words of a request, with Redis' own error texts. */
import { CommandError } from "../resp/reply.js";

export function syntaxError(): CommandError {
  return new CommandError("ERR syntax error");
}

export function upper(word: Buffer | undefined): string {
  return word?.toString("latin1").toUpperCase() ?? "";
}

const NO_INTEGER = "ERR value is not an integer or out of range";

export function integer(word: Buffer | undefined, message = NO_INTEGER): number {
  const text = word?.toString("latin1") ?? "";
  const value = Number(text);
  if (!/^(?:0|-?[1-9]\d*)$/.test(text) || !Number.isSafeInteger(value)) throw new CommandError(message);
  return value;
}

/** A time to live in `unitMs`, from now on, as a point in time. */
export function expiryAtMs(word: Buffer | undefined, unitMs: number, nowMs: number, command: string): number {
  const text = word?.toString("latin1") ?? "";
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) throw new CommandError(NO_INTEGER);
  const atMs = nowMs + Number(text) * unitMs;
  if (!Number.isSafeInteger(atMs)) throw new CommandError(`ERR invalid expire time in '${command}' command`);
  return atMs;
}

/** A timeout in seconds, possibly with a fraction; 0 is for ever. */
export function timeoutMs(word: Buffer | undefined): number {
  const text = word?.toString("latin1") ?? "";
  const seconds = Number(text);
  if (text.trim() !== text || text === "" || !Number.isFinite(seconds) || seconds * 1_000 > Number.MAX_SAFE_INTEGER)
    throw new CommandError("ERR timeout is not a float or out of range");
  if (seconds < 0) throw new CommandError("ERR timeout is negative");
  return Math.ceil(seconds * 1_000);
}
