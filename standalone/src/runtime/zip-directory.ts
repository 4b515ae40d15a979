/** The central directory of a zip archive (APPNOTE.TXT 6.3, sections 4.3.12 and 4.3.16), for what fflate does not tell: file modes. */

export interface ZipEntry {
  readonly name: string;
  /** `st_mode`; absent when the archive was not made on a Unix. */
  readonly unixMode?: number;
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const UNIX = 3;
/** macOS' own archiver. */
const DARWIN = 19;
/** General purpose bit 11. */
const UTF8_FLAG = 0x800;

/** Empty when there is no directory to be found; whether the archive is one at all is fflate's to judge. */
export function centralDirectory(bytes: Buffer): ZipEntry[] {
  const end = findEnd(bytes);
  if (end === undefined) return [];
  const entries: ZipEntry[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (at + ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE) break;
    const nameEnd = at + ENTRY_BYTES + bytes.readUInt16LE(at + 28);
    entries.push(entryAt(bytes, at, nameEnd));
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

function entryAt(bytes: Buffer, at: number, nameEnd: number): ZipEntry {
  const isUtf8 = (bytes.readUInt16LE(at + 8) & UTF8_FLAG) !== 0;
  const name = bytes.toString(isUtf8 ? "utf8" : "latin1", at + ENTRY_BYTES, nameEnd); // as fflate reads names
  const system = bytes.readUInt8(at + 5);
  return system === UNIX || system === DARWIN ? { name, unixMode: bytes.readUInt32LE(at + 38) >>> 16 } : { name };
}

/** The record stands at the end, but for a comment. */
function findEnd(bytes: Buffer): number | undefined {
  const first = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = bytes.length - END_BYTES; at >= first; at--) if (bytes.readUInt32LE(at) === END_SIGNATURE) return at;
  return undefined;
}
