/** Finds out how limits can be enforced on this host, best way first, and says why the better ways are not open. */
import { type Enforcement, HarvestError } from "@openwhisk-harvest/core";
import { probeAffinity, unenforced } from "./affinity-backend.js";
import type { Backend, Probe } from "./backend.js";
import type { ContainerGroup } from "./group.js";
import { type Host, systemHost } from "./host.js";
import { requireGroupName } from "./our-groups.js";
import { readTopology } from "./topology.js";
import { probeV1 } from "./v1-backend.js";
import { probeV2 } from "./v2-backend.js";

export interface DetectOptions {
  /** Parts of the machine to replace: the clock, files, our pid. */
  readonly host?: Partial<Host>;
  /** Ways that may be used; all by default. `none` is always the last resort. */
  readonly allow?: readonly Enforcement[];
}

/** The way limits are enforced on this host. */
export interface Enforcer {
  readonly enforcement: Enforcement;
  /** One sentence for people: what is used and why nothing better; to be shown whenever `enforcement` is affinity or none. */
  readonly reason: string;
  /** `name`: letters, digits, `_`, `-`; unique in this enforcer (OWH_CONFLICT). */
  createGroup(name: string): Promise<ContainerGroup>;
  /** Kills and removes every group that is left, and our own place among the control groups. */
  close(): Promise<void>;
}

/** Also clears away the groups that killed processes of ours have left behind. Never throws for want of rights. */
export async function detectEnforcement({ host: overrides, allow }: DetectOptions = {}): Promise<Enforcer> {
  const host = systemHost(overrides);
  const why: string[] = [];
  for (const [enforcement, probe] of ways(host)) {
    if (allow && !allow.includes(enforcement)) {
      why.push(`${enforcement} not allowed here`);
      continue;
    }
    const result = await probe();
    if ("backend" in result) return new BackedEnforcer(enforcement, sentence(result.backend.where, why), result.backend);
    why.push(result.unavailable);
  }
  const backend = unenforced(host);
  return new BackedEnforcer("none", sentence(backend.where, why), backend);
}

function ways(host: Host): [Enforcement, () => Promise<Probe>][] {
  const topology = readTopology(host.fs);
  return [
    ["cgroup-v2", () => probeV2(host, topology)],
    ["cgroup-v1", () => probeV1(host, topology)],
    ["affinity", async () => probeAffinity(host)],
  ];
}

function sentence(where: string, why: readonly string[]): string {
  return why.length === 0 ? `${where}.` : `${where}; nothing better because: ${why.join("; ")}.`;
}

class BackedEnforcer implements Enforcer {
  readonly enforcement: Enforcement;
  readonly reason: string;
  readonly #backend: Backend;
  readonly #groups = new Set<ContainerGroup>();
  #closed = false;

  constructor(enforcement: Enforcement, reason: string, backend: Backend) {
    this.enforcement = enforcement;
    this.reason = reason;
    this.#backend = backend;
  }

  async createGroup(name: string): Promise<ContainerGroup> {
    requireGroupName(name);
    if (this.#closed) throw new HarvestError("OWH_NO_CGROUP", `Group ${name} cannot be created: this enforcer is closed.`);
    const group: ContainerGroup = this.#backend.create(name, () => this.#groups.delete(group));
    this.#groups.add(group);
    return group;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const group of this.#groups) {
      await group.kill();
      await group.remove();
    }
    await this.#backend.close();
  }
}
