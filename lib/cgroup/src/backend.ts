/** What one way of enforcing limits offers to detection. */
import { HarvestError } from "@openwhisk-harvest/core";
import { errnoOf } from "./fs.js";
import type { ContainerGroup } from "./group.js";
import type { Host } from "./host.js";
import { noCgroup } from "./members.js";

export interface Backend {
  /** For people: where groups are made, or what is done instead. */
  readonly where: string;
  create(name: string, onRemoved: () => void): ContainerGroup;
  /** After all groups are gone. */
  close(): Promise<void>;
}

/** Either it works here, or the sentence that says why not. */
export type Probe = { readonly backend: Backend } | { readonly unavailable: string };

/** Makes all directories or none. OWH_CONFLICT when one is there already. */
export function makeDirs({ fs }: Host, dirs: readonly string[]): void {
  const made: string[] = [];
  try {
    for (const dir of dirs) {
      fs.makeDir(dir);
      made.push(dir);
    }
  } catch (error) {
    for (const dir of made) fs.removeDir(dir);
    if (errnoOf(error) === "EEXIST") throw new HarvestError("OWH_CONFLICT", `The control group ${dirs[made.length]} exists already.`);
    throw noCgroup(`Creating ${dirs[made.length]}`, error);
  }
}
