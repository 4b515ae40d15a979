/** Placements per second on one core, and the policies side by side on one recorded sequence of compositions. */
import { PLACEMENTS, type PlacementName, quantileOfSorted, seededRng } from "@openwhisk-harvest/core";
import { type Acquired, drawArrivals, Placer, placementPolicy, simulate } from "@openwhisk-harvest/placement";
import { type Figure, figure } from "./statistics.js";

const capacity = { cpuCores: 16, memoryMb: 65_536 };
const want = { cpuCores: 1, memoryMb: 256 };
/** Of an invoker's 16 permits 12 are taken on average: invokers are busy, but nothing waits. */
const IN_FLIGHT_PER_INVOKER = 12;
/** Activations per composition. */
const STEPS = 5;

/** Placements with their release, in `rounds` of about a second; the time is this process's CPU time, so that it is per core. */
export function benchPlacements(policy: PlacementName, invokerCount: number, rounds: number): Figure {
  const placer = new Placer({
    policy: placementPolicy(policy),
    invokers: Array.from({ length: invokerCount }, (_, id) => ({ id, capacity })),
    step: { cpuCores: 0.25, memoryMb: 128 },
    conductorMemoryShare: 0.5,
    queueLength: 1_000,
    clock: performanceClock,
  });
  const inFlight: Acquired[] = new Array(invokerCount * IN_FLIGHT_PER_INVOKER);
  let placed = 0;
  const isWarm = () => false;
  const placeOne = () => {
    const composition = Math.floor(placed / STEPS);
    const request = {
      activationId: "a",
      cause: `c${composition}`,
      namespace: "guest",
      action: `guest/f${composition % 50}`,
      want,
      atLeast: want,
      conductor: false,
    };
    const slot = placed++ % inFlight.length;
    inFlight[slot]?.release();
    const offered = placer.offer({ request, isWarm, sinceMs: 0 }, () => undefined);
    if ("release" in offered) inFlight[slot] = offered;
  };
  const perSecond: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const start = process.cpuUsage();
    const startMs = performance.now();
    const before = placed;
    while (performance.now() - startMs < 1_000) for (let i = 0; i < 100; i++) placeOne();
    const { user, system } = process.cpuUsage(start);
    if (round >= 0) perSecond.push((placed - before) / ((user + system) / 1e6));
  }
  return figure(`${policy}, ${invokerCount} invokers`, "placements/s", perSecond);
}

const performanceClock = { monotonicMs: () => performance.now() };

/** The policies on the same arrivals: 2,000 compositions on eight invokers of 4 cores, at three loads. */
export function benchSideBySide(): string {
  const invokers = Array.from({ length: 8 }, (_, id) => ({ id, capacity: { cpuCores: 4, memoryMb: 4_096 } }));
  const rows = [10, 25, 35].flatMap((perSecond) => {
    const arrivals = drawArrivals(seededRng(11), 2_000, perSecond);
    return PLACEMENTS.map((name) => {
      const r = simulate({ policy: placementPolicy(name), arrivals, invokers, transferMs: 30, queueLength: 100_000 });
      const completionMs = Float64Array.from(r.completionMs);
      const mean = completionMs.reduce((sum, ms) => sum + ms, 0) / completionMs.length;
      const at = (q: number) => quantileOfSorted(completionMs, q).toFixed(0);
      return `| ${perSecond} | ${name} | ${r.completed} | ${mean.toFixed(0)} | ${at(0.5)} | ${at(0.99)} | ${(100 * r.colocated).toFixed(0)} | ${r.longestQueue} |`;
    });
  });
  return [
    "| compositions/s | policy | completed | mean ms | p50 ms | p99 ms | functions beside their input, % | longest queue |",
    "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}
