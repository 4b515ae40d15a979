/**
 * OpenWhisk's own placement, as ShardingContainerPoolBalancer has it (publish, schedule, generateHash and
 * pairwiseCoprimeNumbersUntil): the hash of namespace and action names a home invoker and a step size; from there the first
 * invoker with room on the way. When all have been looked at, a random healthy one, overloaded: there the activation queues.
 * Java's hash and its 32-bit arithmetic are kept, so that an action has the same home as in a stock cluster of that size.
 */
import type { Rng } from "@openwhisk-harvest/core";
import { assign, couldEverFit, permitsAt, waitOrRefuse } from "./candidates.js";
import type { PlacementPolicy, PlacementRequest } from "./policy.js";

export function hashPlacement(rng: Rng): PlacementPolicy {
  const stepSizes = new Map<number, readonly number[]>();
  const stepSizesFor = (count: number): readonly number[] => {
    const known = stepSizes.get(count) ?? pairwiseCoprimeNumbersUntil(count);
    stepSizes.set(count, known);
    return known;
  };
  return {
    name: "hash",
    place(request, { invokers, step }) {
      const count = invokers.length;
      if (count === 0) return waitOrRefuse(request, invokers);
      const hash = generateHash(request);
      const sizes = stepSizesFor(count);
      const stride = sizes[hash % sizes.length] ?? 1;
      let index = hash % count;
      // numInvokers + 2 looks, as the original: its last two only meet the first two invokers again.
      for (let looks = 0; looks < count + 2; looks++) {
        const invoker = invokers[index];
        const permits = invoker && permitsAt(request, invoker, step);
        if (invoker && permits)
          return { kind: "place", invoker: invoker.id, permits, why: looks === 0 ? "home" : "stepped", remember: false };
        index = (index + stride) % count;
      }
      const usable = invokers.filter((invoker) => couldEverFit(request, invoker));
      const random = usable[Math.floor(rng.next() * usable.length)];
      return random ? { ...assign(request, random, step, "overloaded"), remember: false } : waitOrRefuse(request, invokers);
    },
  };
}

/** `(namespace.hashCode ^ action.hashCode).abs`, where Java's abs of the smallest integer stays negative: 0 here. */
function generateHash({ namespace = "", action = "" }: PlacementRequest): number {
  const hash = javaHash(namespace) ^ javaHash(action);
  return hash === -(2 ** 31) ? 0 : Math.abs(hash);
}

/** String.hashCode: s[0]*31^(n-1) + ... + s[n-1] in 32 bits. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** Numbers up to `count` that are coprime to it and to one another: 10 -> 1, 3, 7. Each of them steps through all invokers. */
export function pairwiseCoprimeNumbersUntil(count: number): number[] {
  const numbers: number[] = [];
  for (let candidate = 1; candidate <= count; candidate++)
    if (gcd(candidate, count) === 1 && numbers.every((n) => gcd(n, candidate) === 1)) numbers.push(candidate);
  return numbers;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
