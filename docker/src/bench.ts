/**
 * What agents and node agent add to a run, measured in real containers of the shape of the stock images: a function that does
 * nothing, called over a kept connection, without an agent, with one, and with an allocation applied and undone. They take turns.
 */
import { HarvestError } from "@openwhisk-harvest/core";
import type { ActionContainer } from "./testing/action-container.test.kit.js";
import { addressOf, newId, openStand, type Stand } from "./testing/stand.test.kit.js";

export interface AgentsOverhead {
  /** E.g. `nodejs, agent, allocation applied`. */
  readonly name: string;
  readonly runMs: readonly number[];
}

const CODE = { nodejs: "function main() { return {}; }", python: "def main(params):\n    return {}\n" } as const;
const WARM_UP = 20;

interface Variant {
  readonly name: string;
  readonly container: ActionContainer;
  readonly keyed: boolean;
  readonly runMs: number[];
}

/** `count` runs of each variant. OWH_CHILD_FAILED where no Docker engine answers or can be started. */
export async function measureAgents(count: number): Promise<AgentsOverhead[]> {
  const stand = await openStand();
  if (typeof stand === "string") throw new HarvestError("OWH_CHILD_FAILED", stand);
  try {
    const agent = await stand.agent();
    try {
      const variants = [...(await variantsOf(stand, "nodejs", addressOf(agent))), ...(await variantsOf(stand, "python", addressOf(agent)))];
      for (let n = -WARM_UP; n < count; n++) for (const variant of variants) await once(stand, variant, n >= 0);
      return variants;
    } finally {
      await agent.close();
    }
  } finally {
    await stand.close();
  }
}

async function variantsOf(stand: Stand, kind: keyof typeof CODE, nodeAgent: string): Promise<Variant[]> {
  const spec = { name: "noop", kind, code: CODE[kind], cpuCores: 1, nodeAgent };
  const plain = await stand.plainContainer(spec);
  const withAgent = await stand.container(spec);
  return [
    { name: `${kind}, no agent`, container: plain, keyed: false, runMs: [] },
    { name: `${kind}, agent`, container: withAgent, keyed: false, runMs: [] },
    { name: `${kind}, agent, allocation applied`, container: withAgent, keyed: true, runMs: [] },
  ];
}

async function once(stand: Stand, { container, keyed, runMs }: Variant, counts: boolean): Promise<void> {
  const value = keyed ? { $harvest: await stand.publish({ cpuCores: 0.5 }) } : {};
  const startMs = performance.now();
  await container.run(newId(), value);
  if (counts) runMs.push(performance.now() - startMs);
}
