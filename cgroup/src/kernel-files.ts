/** The files of one group: kept open for sampling, written with the kernel's refusals made clear. */
import { HarvestError } from "@openwhisk-harvest/core";
import { type CgroupFs, errnoOf, type OpenFile } from "./fs.js";
import { noCgroup } from "./members.js";

/** The kernel's ways to say that a value cannot be: out of range, above a parent's quota, memory that cannot be reclaimed. */
const REFUSALS = new Set(["EINVAL", "EBUSY", "ERANGE"]);

export function writeLimit(fs: CgroupFs, path: string, value: string): void {
  try {
    fs.write(path, value);
  } catch (error) {
    if (REFUSALS.has(errnoOf(error) ?? ""))
      throw new HarvestError("OWH_BAD_ALLOCATION", `The kernel refuses ${value} for ${path} (${errnoOf(error)}).`, { cause: error });
    throw noCgroup(`Writing ${value} to ${path}`, error);
  }
}

export function readLimit(fs: CgroupFs, path: string): string {
  try {
    return fs.read(path);
  } catch (error) {
    throw noCgroup(`Reading ${path}`, error);
  }
}

/** Opens each file once, at its first reading; `close` when the group goes. */
export class KeptFiles {
  readonly #fs: CgroupFs;
  readonly #open = new Map<string, OpenFile>();

  constructor(fs: CgroupFs) {
    this.#fs = fs;
  }

  read(path: string): string {
    try {
      let file = this.#open.get(path);
      if (!file) {
        file = this.#fs.open(path);
        this.#open.set(path, file);
      }
      return file.read();
    } catch (error) {
      throw noCgroup(`Reading ${path}`, error);
    }
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }
}
