/**
 * What must outlive this process, a record (one small file) for each container: to which namespace it was bound before user code came
 * in, and, while limits are changed, what they were before. A process that is killed leaves its files; the next one restores from them.
 *
 * container-records.J1  The file is there before the first limit is changed, and says so until all are back.
 * container-records.J2  A file is replaced whole (write, rename), so that it is never read half. Nothing is flushed to the disk: what a
 *                       crash of the whole machine could take away are records of containers that it takes away, too.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerLimits } from "@openwhisk-harvest/applier";
import { HarvestError, messageOf, parseJson } from "@openwhisk-harvest/core";

export interface ContainerRecord {
  readonly containerId: string;
  readonly namespace?: string;
  readonly action?: string;
  /** Present while any limit may differ from it. */
  readonly held?: ContainerLimits;
}

const FORMAT = 1;
const CONTAINER_ID = /^[0-9a-f]{12,64}$/;

export class ContainerRecords {
  readonly #folder: string;

  /** OWH_BAD_CONFIG when the folder cannot be made. */
  constructor(folder: string) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new HarvestError("OWH_BAD_CONFIG", `The node agent's folder ${folder} cannot be made: ${messageOf(error)}`, { cause: error });
    }
  }

  /** What the last process has left. A file that is none is left out, and removed: nothing can be restored from it. */
  read(): ContainerRecord[] {
    const files = readdirSync(this.#folder).filter((name) => name.endsWith(".json"));
    return files.flatMap((name) => {
      const record = recordOf(readFileSync(join(this.#folder, name), "utf8"));
      if (!record) rmSync(join(this.#folder, name), { force: true });
      return record ? [record] : [];
    });
  }

  write(record: ContainerRecord): void {
    const file = this.#fileOf(record.containerId);
    writeFileSync(`${file}.new`, JSON.stringify({ v: FORMAT, ...record }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  remove(containerId: string): void {
    rmSync(this.#fileOf(containerId), { force: true });
  }

  #fileOf(containerId: string): string {
    return join(this.#folder, `${containerId}.json`);
  }
}

function recordOf(text: string): ContainerRecord | undefined {
  const value = (parseJson(text) ?? {}) as Partial<ContainerRecord> & { v?: unknown };
  const { v, containerId, namespace, action, held } = value;
  if (v !== FORMAT || typeof containerId !== "string" || !CONTAINER_ID.test(containerId)) return undefined;
  return {
    containerId,
    ...(typeof namespace === "string" ? { namespace } : {}),
    ...(typeof action === "string" ? { action } : {}),
    ...(isUserLimits(held) ? { held } : {}),
  };
}

function isUserLimits(value: unknown): value is ContainerLimits {
  const { cpuCores, memoryMb } = (value ?? {}) as Partial<ContainerLimits>;
  return typeof memoryMb === "number" && memoryMb > 0 && (cpuCores === undefined || (typeof cpuCores === "number" && cpuCores > 0));
}
