/**
 * Cuts a byte stream into requests (RESP: an array of bulk strings, or one inline line of words), however the bytes are
 * split.
 *
 *   header --"*n"--> bulk header --"$m"--> bulk body --n times--> header
 *   header --other--> inline words --> header
 *
 * request-parser.P1  Nothing but ProtocolError is thrown, whatever the bytes are; after it the stream has no meaning
 *     and must be closed.
 * request-parser.P2  A request that is too large is refused as soon as its length is announced, before its bytes are
 *     kept.
 */
export interface ParserLimits {
  readonly maxRequestBytes: number;
  readonly maxBulkBytes: number;
  readonly maxArguments: number;
  /** For lines: headers and inline requests. */
  readonly maxLineBytes: number;
}

/** Redis takes 512 MB; the largest thing a conductor pushes is an OpenWhisk payload of a few MB. */
export const PARSER_LIMITS: ParserLimits = {
  maxRequestBytes: 64 << 20,
  maxBulkBytes: 64 << 20,
  maxArguments: 1 << 20,
  maxLineBytes: 64 << 10,
};

/** What a client that has not logged in may send (networking.c `processMultibulkBuffer`). */
export const UNAUTHENTICATED_LIMITS: ParserLimits = {
  maxRequestBytes: 64 << 20,
  maxBulkBytes: 16_384,
  maxArguments: 10,
  maxLineBytes: 64 << 10,
};

export class ProtocolError extends Error {}

const CR = 13;
const LF = 10;
const STAR = 42;
const DOLLAR = 36;

export class RequestParser {
  limits: ParserLimits;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Parsing cannot go on with fewer bytes than this: large bodies are joined once, not with every chunk. */
  #needed = 1;
  #data: Buffer = Buffer.alloc(0);
  #at = 0;
  #arguments: Buffer[] = [];
  #argumentsLeft = 0;
  #bodyLength = -1;
  #requestBytes = 0;
  #finishedBytes = 0;

  constructor(limits: ParserLimits = PARSER_LIMITS) {
    this.limits = limits;
  }

  /** How many bytes of the stream the requests make up that next() has given. */
  get finishedBytes(): number {
    return this.#finishedBytes;
  }

  /** Bytes that wait for the rest of their request. */
  get waitingBytes(): number {
    return this.#data.length - this.#at + this.#buffered + this.#requestBytes;
  }

  feed(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** The next whole request, or undefined until more bytes come. Its buffers are copies of their own. */
  next(): Buffer[] | undefined {
    this.#join();
    for (;;) {
      const progressed = this.#argumentsLeft === 0 ? this.#readHeader() : this.#readArgument();
      if (!progressed) return undefined;
      if (this.#argumentsLeft > 0 || this.#arguments.length === 0) continue;
      return this.#finish();
    }
  }

  #join(): void {
    const rest = this.#data.length - this.#at;
    if (this.#buffered === 0 || rest + this.#buffered < this.#needed) return;
    this.#data = Buffer.concat([this.#data.subarray(this.#at), ...this.#chunks]);
    this.#at = 0;
    this.#chunks = [];
    this.#buffered = 0;
  }

  #finish(): Buffer[] {
    const request = this.#arguments;
    this.#arguments = [];
    this.#finishedBytes += this.#requestBytes;
    this.#requestBytes = 0;
    return request;
  }

  #consume(bytes: number): void {
    this.#at += bytes;
    this.#requestBytes += bytes;
    this.#needed = 1;
    if (this.#requestBytes > this.limits.maxRequestBytes) throw new ProtocolError("too big request");
  }

  #readHeader(): boolean {
    if (this.#at >= this.#data.length) return false;
    if (this.#data[this.#at] !== STAR) return this.#readInline();
    const line = this.#readLine("too big mbulk count string");
    if (line === undefined) return false;
    const count = toLength(line.subarray(1));
    if (count === undefined || count > 1 << 30) throw new ProtocolError("invalid multibulk length");
    if (count > this.limits.maxArguments) throw new ProtocolError(this.#tooMany("multibulk length"));
    this.#argumentsLeft = Math.max(count, 0);
    if (count <= 0) this.#finish(); // an empty request is passed over, as Redis does
    return true;
  }

  #readInline(): boolean {
    const line = this.#readLine("too big inline request");
    if (line === undefined) return false;
    const words = line
      .toString("latin1")
      .split(/[ \t\r\0]+/)
      .filter((word) => word !== "");
    this.#arguments = words.map((word) => Buffer.from(word, "latin1"));
    if (words.length === 0) this.#finish();
    return true;
  }

  #readArgument(): boolean {
    if (this.#bodyLength < 0 && !this.#readBodyLength()) return false;
    const end = this.#at + this.#bodyLength;
    if (this.#data.length < end + 2) {
      this.#needed = this.#bodyLength + 2;
      return false;
    }
    this.#arguments.push(Buffer.from(this.#data.subarray(this.#at, end)));
    this.#consume(this.#bodyLength + 2); // Redis does not look at the two bytes behind a body either
    this.#bodyLength = -1;
    this.#argumentsLeft--;
    return true;
  }

  #readBodyLength(): boolean {
    if (this.#at >= this.#data.length) return false;
    const type = this.#data[this.#at] as number;
    if (type !== DOLLAR) throw new ProtocolError(`expected '$', got '${printable(type)}'`);
    const line = this.#readLine("too big bulk count string");
    if (line === undefined) return false;
    const length = toLength(line.subarray(1));
    if (length === undefined || length < 0) throw new ProtocolError("invalid bulk length");
    if (length > this.limits.maxBulkBytes || this.#requestBytes + length > this.limits.maxRequestBytes)
      throw new ProtocolError(this.#tooMany("bulk length"));
    this.#bodyLength = length;
    return true;
  }

  #tooMany(what: string): string {
    return this.limits === UNAUTHENTICATED_LIMITS ? `unauthenticated ${what}` : `invalid ${what}`;
  }

  /**
   * A line without its end. Redis looks for CR in headers and for LF in inline requests; LF with an optional CR covers
   * both.
   */
  #readLine(tooLong: string): Buffer | undefined {
    const end = this.#data.indexOf(LF, this.#at);
    if ((end < 0 ? this.#data.length : end) - this.#at > this.limits.maxLineBytes) throw new ProtocolError(tooLong);
    if (end < 0) {
      this.#needed = this.#data.length - this.#at + 1;
      return undefined;
    }
    const line = this.#data.subarray(this.#at, this.#data[end - 1] === CR && end > this.#at ? end - 1 : end);
    this.#consume(end + 1 - this.#at);
    return line;
  }
}

function toLength(digits: Buffer): number | undefined {
  const text = digits.toString("latin1");
  return /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function printable(byte: number): string {
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "?";
}
