/** What the agent in a container and the node agent add to a run, against the same container without them. */
import { measureAgents } from "@openwhisk-harvest/docker/bench";
import { type Figure, figure } from "./statistics.js";

export async function benchAgents(count: number): Promise<Figure[]> {
  return (await measureAgents(count)).map(({ name, runMs }) => figure(name, "ms", runMs));
}
