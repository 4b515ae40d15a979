/** What a command answers, and how it looks on the wire in RESP2 and RESP3. */
export type Protocol = 2 | 3;

/** A short text such as OK. */
export class Status {
  constructor(readonly text: string) {}
}

/** `CODE message`, as Redis words it. */
export class ErrorReply {
  constructor(readonly text: string) {}
}

/** A map in RESP3, its keys and values one after another in RESP2. */
export class MapReply {
  constructor(readonly entries: readonly (readonly [Reply, Reply])[]) {}
}

/** The absent array: `*-1` in RESP2, where it differs from the absent bulk string. */
export const NULL_ARRAY: unique symbol = Symbol("null array");

export type Reply = number | Buffer | null | typeof NULL_ARRAY | Status | ErrorReply | MapReply | readonly Reply[];

export const OK = new Status("OK");

/** A thrown error that becomes the command's answer. */
export class CommandError extends Error {}

export function bulk(text: string): Buffer {
  return Buffer.from(text);
}

export function encodeReply(reply: Reply, protocol: Protocol): Buffer {
  const parts: Buffer[] = [];
  write(reply, protocol, parts);
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** A request on the wire, as the append-only file keeps it. */
export function encodeRequest(words: readonly (Buffer | string | number)[]): Buffer {
  return encodeReply(
    words.map((word) => (Buffer.isBuffer(word) ? word : bulk(String(word)))),
    2,
  );
}

const CRLF = Buffer.from("\r\n");

function write(reply: Reply, protocol: Protocol, parts: Buffer[]): void {
  if (Buffer.isBuffer(reply)) parts.push(line(`$${reply.length}`), reply, CRLF);
  else if (typeof reply === "number") parts.push(line(`:${reply}`));
  else if (reply === null) parts.push(line(protocol === 3 ? "_" : "$-1"));
  else if (reply === NULL_ARRAY) parts.push(line(protocol === 3 ? "_" : "*-1"));
  else if (reply instanceof Status) parts.push(line(`+${oneLine(reply.text)}`));
  else if (reply instanceof ErrorReply) parts.push(line(`-${oneLine(reply.text)}`));
  else if (reply instanceof MapReply) writeMap(reply, protocol, parts);
  else {
    parts.push(line(`*${reply.length}`));
    for (const item of reply) write(item, protocol, parts);
  }
}

function writeMap({ entries }: MapReply, protocol: Protocol, parts: Buffer[]): void {
  parts.push(line(protocol === 3 ? `%${entries.length}` : `*${entries.length * 2}`));
  for (const [key, value] of entries) {
    write(key, protocol, parts);
    write(value, protocol, parts);
  }
}

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`);
}

/** A client's bytes that come back in an error must not end the line early. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, " ");
}
