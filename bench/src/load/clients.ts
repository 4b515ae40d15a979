/**
 * Compositions side by side on the embedded OpenWhisk, as it comes: clients that each invoke, wait for the result and invoke again, and
 * come again when they are told to where they are refused.
 */
import { type Mode, quantileOfSorted } from "@openwhisk-harvest/core";
import { findEngine, importNodejsImage, standaloneFlags } from "@openwhisk-harvest/testkit/docker";
import { type Answer, invokeSideBySide, outcomesOf } from "@openwhisk-harvest/testkit/load";
import { MissingHere } from "../missing.js";
import { type LoadJob, NAPS, PARALLEL_AES, withLoadStack } from "./stack.js";

/** Clients at a time, and how many compositions they have together: one each at least. */
interface LoadSize {
  readonly clients: readonly number[];
  readonly compositions: number;
}

interface Part {
  readonly what: string;
  readonly job: LoadJob;
  readonly flags: readonly string[];
  readonly full: LoadSize;
  readonly quick: LoadSize;
}

const EVERY_COUNT = [1, 8, 16, 32, 128, 512];
const ONE_INVOKER: Part = {
  ...{ what: "naps", job: NAPS, flags: [] },
  full: { clients: EVERY_COUNT, compositions: 1_000 },
  quick: { clients: [1, 32, 128], compositions: 60 },
};
const TWO_INVOKERS: Part = {
  ...{ what: "naps, two invokers", job: NAPS, flags: ["standalone.invokers=2"] },
  full: { clients: [32, 512], compositions: 300 },
  quick: { clients: [32], compositions: 40 },
};
const IN_DOCKER: Part = {
  ...{ what: "naps, Docker", job: NAPS, flags: [] },
  full: { clients: [1, 32], compositions: 100 },
  quick: { clients: [32], compositions: 20 },
};
const AES: Part = {
  ...{ what: "Parallel AES", job: PARALLEL_AES, flags: [] },
  full: { clients: [1, 32, 200], compositions: 40 },
  quick: { clients: [1, 32], compositions: 8 },
};

const MODES = ["off", "harvest"] as const;

interface LoadRow {
  readonly what: string;
  readonly clients: number;
  readonly mode: Mode;
  readonly answers: readonly Answer[];
  readonly seconds: number;
}

export interface LoadOptions {
  readonly quick: boolean;
  readonly onRow: (row: string) => void;
}

/** Three parallel naps of 50 ms, one invoker and two: a quarter of an hour on two quiet cores. */
export function benchNaps(options: LoadOptions): Promise<string> {
  return tableOf([ONE_INVOKER, TWO_INVOKERS], options);
}

/** The same in Docker containers. Rejects with MissingHere where no engine is to be had. */
export async function benchNapsInDocker(options: LoadOptions): Promise<string> {
  const found = await findEngine();
  if (typeof found === "string") throw new MissingHere(found);
  try {
    await importNodejsImage(found.engine, { fill: () => undefined, environment: [] });
    return await tableOf([{ ...IN_DOCKER, flags: standaloneFlags(found) }], options);
  } finally {
    await found.close();
  }
}

export function benchAesLoad(options: LoadOptions): Promise<string> {
  return tableOf([AES], options);
}

async function tableOf(parts: readonly Part[], { quick, onRow }: LoadOptions): Promise<string> {
  const rows: string[] = [];
  for (const part of parts) {
    const { clients, compositions } = quick ? part.quick : part.full;
    for (const count of clients)
      for (const mode of MODES) {
        const row = rowOf(await underLoad(part, mode, count, Math.max(count, compositions)));
        onRow(row);
        rows.push(row);
      }
  }
  return loadTable(rows);
}

async function underLoad({ what, job, flags }: Part, mode: Mode, clients: number, invocations: number): Promise<LoadRow> {
  return withLoadStack({ job, mode, flags }, async (invoke) => {
    const startMs = performance.now();
    const answers = await invokeSideBySide(invoke, { clients, invocations });
    return { what, clients, mode, answers, seconds: (performance.now() - startMs) / 1_000 };
  });
}

function rowOf({ what, clients, mode, answers, seconds }: LoadRow): string {
  const { succeeded, refused, failed } = outcomesOf(answers);
  const times = [ms(succeeded, 0.5), ms(succeeded, 0.99), ms(refused, 0.99)];
  const perSecond = (succeeded.length / seconds).toPrecision(3);
  return `| ${[what, clients, mode, succeeded.length, refused.length, failed.length, perSecond, ...times].join(" | ")} |`;
}

function ms(answers: readonly Answer[], share: number): string {
  const sorted = Float64Array.from(answers, ({ tookMs }) => tookMs).sort();
  return sorted.length === 0 ? "-" : quantileOfSorted(sorted, share).toFixed(0);
}

function loadTable(rows: readonly string[]): string {
  return [
    "| composition | clients | mode | succeeded | refused (429) | failed | succeeded/s | p50 ms | p99 ms | refused within, p99 ms |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}
