/**
 * Compositions side by side on the embedded OpenWhisk, as it comes: clients that each invoke, wait for the result and invoke again, and
 * come again when they are told to where they are refused.
 */
import { type Mode, quantileOfSorted } from "@openwhisk-harvest/core";
import { findEngine, importNodejsImage, standaloneFlags } from "@openwhisk-harvest/testkit/docker";
import { type Answer, invokeSideBySide, withStatus } from "@openwhisk-harvest/testkit/load";
import { type LoadJob, NAPS, PARALLEL_AES, withLoadStack } from "./stack.js";

export interface LoadSize {
  /** Clients at a time of three parallel naps of 50 ms, and how many compositions they have together: one each at least. */
  readonly naps: { readonly clients: readonly number[]; readonly compositions: number };
  /** Of the same with two invokers, and in Docker containers. */
  readonly fewer: { readonly clients: readonly number[]; readonly compositions: number };
  readonly aes: { readonly clients: readonly number[]; readonly compositions: number };
}

/** A quarter of an hour on two quiet cores. */
export const FULL_LOAD: LoadSize = {
  naps: { clients: [1, 8, 16, 32, 128, 512], compositions: 1_000 },
  fewer: { clients: [32, 512], compositions: 300 },
  aes: { clients: [1, 32, 200], compositions: 40 },
};
export const QUICK_LOAD: LoadSize = {
  naps: { clients: [1, 32, 128], compositions: 60 },
  fewer: { clients: [32], compositions: 40 },
  aes: { clients: [1, 32], compositions: 8 },
};

const MODES = ["off", "harvest"] as const;

interface Kind {
  readonly what: string;
  readonly job: LoadJob;
  readonly flags: readonly string[];
}

interface LoadRow {
  readonly what: string;
  readonly clients: number;
  readonly mode: Mode;
  readonly answers: readonly Answer[];
  readonly seconds: number;
}

/** All rows as a table. Those in Docker containers are left out where no engine is to be had, and the text says so. */
export async function benchLoad({ naps, fewer, aes }: LoadSize, onRow: (row: string) => void): Promise<string> {
  const rows: LoadRow[] = [];
  const add = async (kind: Kind, { clients, compositions }: LoadSize["naps"]) => {
    for (const count of clients)
      for (const mode of MODES) {
        const row = await underLoad(kind, mode, count, Math.max(count, compositions));
        onRow(rowOf(row));
        rows.push(row);
      }
  };
  await add({ what: "naps", job: NAPS, flags: [] }, naps);
  await add({ what: "naps, two invokers", job: NAPS, flags: ["standalone.invokers=2"] }, fewer);
  const lacking = await inDocker((flags) => add({ what: "naps, Docker", job: NAPS, flags }, fewer));
  await add({ what: "Parallel AES", job: PARALLEL_AES, flags: [] }, aes);
  return `${loadTable(rows)}${lacking === undefined ? "" : `\n\nDocker: not measured: ${lacking}.`}`;
}

/** Or the reason why not. */
async function inDocker(use: (flags: readonly string[]) => Promise<void>): Promise<string | undefined> {
  const found = await findEngine();
  if (typeof found === "string") return found;
  try {
    await importNodejsImage(found.engine, { fill: () => undefined, environment: [] });
    await use(standaloneFlags(found));
    return undefined;
  } finally {
    await found.close();
  }
}

async function underLoad({ what, job, flags }: Kind, mode: Mode, clients: number, invocations: number): Promise<LoadRow> {
  return withLoadStack({ job, mode, flags }, async (invoke) => {
    const startMs = performance.now();
    const answers = await invokeSideBySide(invoke, { clients, invocations });
    return { what, clients, mode, answers, seconds: (performance.now() - startMs) / 1_000 };
  });
}

function rowOf({ what, clients, mode, answers, seconds }: LoadRow): string {
  const [succeeded, refused] = [withStatus(answers, 200), withStatus(answers, 429)];
  const failed = answers.length - succeeded.length - refused.length;
  const times = [ms(succeeded, 0.5), ms(succeeded, 0.99), ms(refused, 0.99)];
  const perSecond = (succeeded.length / seconds).toPrecision(3);
  return `| ${[what, clients, mode, succeeded.length, refused.length, failed, perSecond, ...times].join(" | ")} |`;
}

function ms(answers: readonly Answer[], share: number): string {
  const sorted = Float64Array.from(answers, ({ tookMs }) => tookMs).sort();
  return sorted.length === 0 ? "-" : quantileOfSorted(sorted, share).toFixed(0);
}

function loadTable(rows: readonly LoadRow[]): string {
  return [
    "| composition | clients | mode | succeeded | refused (429) | failed | succeeded/s | p50 ms | p99 ms | refused within, p99 ms |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map(rowOf),
  ].join("\n");
}
