/** Progress of long steps, on standard error: bars on a terminal, a line at the start and the end of each step elsewhere. */
import type { Writable } from "node:stream";
import cliProgress from "cli-progress";

export interface Step {
  /** So much is done. */
  advance(done: number): void;
  finish(note?: string): void;
}

export interface Progress {
  step(name: string, total: number): Step;
}

interface Terminal extends Writable {
  readonly isTTY?: boolean;
}

export function createProgress(stream: Terminal, clock: { monotonicMs(): number }): Progress {
  const seconds = (sinceMs: number) => `${((clock.monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;
  return stream.isTTY ? barProgress(stream, seconds, clock) : lineProgress(stream, seconds, clock);
}

function barProgress(stream: Terminal, seconds: (sinceMs: number) => string, clock: { monotonicMs(): number }): Progress {
  return {
    step(name, total) {
      const sinceMs = clock.monotonicMs();
      const bar = new cliProgress.SingleBar({
        stream: stream as NodeJS.WritableStream,
        format: `${name.padEnd(26)} {bar} {value}/{total}  {eta_formatted} left`,
        hideCursor: true,
        clearOnComplete: true,
      });
      bar.start(total, 0);
      return {
        advance: (done) => bar.update(done),
        finish: (note) => {
          bar.stop();
          stream.write(`${name.padEnd(26)} ${seconds(sinceMs).padStart(8)}  ${note ?? ""}\n`);
        },
      };
    },
  };
}

function lineProgress(stream: Terminal, seconds: (sinceMs: number) => string, clock: { monotonicMs(): number }): Progress {
  return {
    step(name) {
      const sinceMs = clock.monotonicMs();
      stream.write(`${name} ...\n`);
      return {
        advance: () => undefined,
        finish: (note) => {
          stream.write(`${name.padEnd(26)} ${seconds(sinceMs).padStart(8)}  ${note ?? ""}\n`);
        },
      };
    },
  };
}
