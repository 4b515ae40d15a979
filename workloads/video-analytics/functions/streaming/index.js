/** OpenWhisk action: takes a Motion JPEG stream, finds where its frames lie, and refuses what is none. */

const [SOI, EOI, SOS] = [0xd8, 0xd9, 0xda];
const isStartOfFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const isRestart = (marker) => marker >= 0xd0 && marker <= 0xd7;

/** In entropy-coded data 0xFF is followed by 0x00 or a restart marker; anything else ends the data (ISO/IEC 10918-1, B.1.1). */
function endOfScan(bytes, from) {
  let at = from;
  while (at < bytes.length - 1 && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && !isRestart(bytes[at + 1]))) at++;
  return at;
}

/** @returns {{end: number, width: number, height: number} | undefined} one JPEG's extent, undefined where there is no whole one */
function readFrame(bytes, start) {
  if (bytes[start] !== 0xff || bytes[start + 1] !== SOI) return undefined;
  let size;
  let at = start + 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    const next = at + 2 + bytes.readUInt16BE(at + 2);
    if (isStartOfFrame(marker) && at + 9 <= bytes.length) size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at = marker === SOS ? endOfScan(bytes, next) : next;
    if (bytes[at] === 0xff && bytes[at + 1] === EOI) return size && { end: at + 2, ...size };
  }
  return undefined;
}

/**
 * @param {{video: string}} params base64 of JPEG pictures one after another
 * @returns {{video: string, offsets: number[], width: number, height: number} | {error: string}} offsets: of the frames' first bytes
 */
function main({ video }) {
  if (typeof video !== "string" || video.length === 0) return { error: "streaming needs a video." };
  const bytes = Buffer.from(video, "base64");
  const offsets = [];
  let size;
  for (let at = 0; at < bytes.length; ) {
    const frame = readFrame(bytes, at);
    if (!frame) return { error: `The video has no whole JPEG frame at byte ${at}.` };
    size ??= { width: frame.width, height: frame.height };
    if (frame.width !== size.width || frame.height !== size.height) return { error: `The frame at byte ${at} has another size.` };
    offsets.push(at);
    at = frame.end;
  }
  return { video, offsets, ...size };
}

exports.main = main;
