/**
 * Cuts what an engine's attach sends into the container's two streams. Frames are `<stream> 0 0 0 <length, 4 bytes> <bytes>`. While one
 * of the two is full the connection is not read, so that a container which prints faster than its logs are read waits.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

const HEADER_BYTES = 8;
const STDERR = 2;

export interface Demuxed {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Resolves when the connection has ended or broken; both streams are ended then. */
export async function demux(both: Readable, streams: Demuxed): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerBytes = 0;
  let left = 0;
  try {
    for await (const chunk of both as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length; ) {
        if (left === 0) {
          const taken = chunk.copy(header, headerBytes, at, at + HEADER_BYTES - headerBytes);
          at += taken;
          headerBytes += taken;
          if (headerBytes < HEADER_BYTES) continue;
          headerBytes = 0;
          left = header.readUInt32BE(4);
          continue;
        }
        const content = chunk.subarray(at, at + left);
        at += content.length;
        left -= content.length;
        const stream = header[0] === STDERR ? streams.stderr : streams.stdout;
        if (stream.destroyed) return;
        if (!stream.write(content)) await Promise.race([once(stream, "drain"), once(stream, "close")]);
      }
  } catch {
    // The engine is gone, and with it the rest of the logs.
  } finally {
    streams.stdout.end();
    streams.stderr.end();
  }
}
