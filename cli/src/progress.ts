/** Progress of long steps, on standard error: bars on a terminal; elsewhere a line at the start, the end, and every half minute. */
import type { Writable } from "node:stream";
import type { Progress } from "@openwhisk-harvest/core";
import cliProgress from "cli-progress";

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

/** Between two lines of one step. */
const LINE_PERIOD_MS = 30_000;

function lineProgress(stream: Terminal, seconds: (sinceMs: number) => string, clock: { monotonicMs(): number }): Progress {
  return {
    step(name, total) {
      const sinceMs = clock.monotonicMs();
      let toldMs = sinceMs;
      stream.write(`${name} ...\n`);
      return {
        advance: (done, etaMs) => {
          if (etaMs === undefined || clock.monotonicMs() - toldMs < LINE_PERIOD_MS) return;
          toldMs = clock.monotonicMs();
          stream.write(`${name.padEnd(26)} ${done}/${total}, ${Math.round(etaMs / 1_000)} s left\n`);
        },
        finish: (note) => {
          stream.write(`${name.padEnd(26)} ${seconds(sinceMs).padStart(8)}  ${note ?? ""}\n`);
        },
      };
    },
  };
}
