/** The files of one group: kept open for sampling, written with the kernel's refusals made clear. */
import { HarvestError } from "@openwhisk-harvest/core";
import { type CgroupFs, errnoOf, type OpenFile } from "./fs.js";
import { noCgroup } from "./members.js";

/**
 * The kernel's ways to say that a value cannot be: out of range, above a parent's quota, memory that cannot be
 * reclaimed.
 */
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

/** One file for sampling: opened at its first reading, so that a group may be made before it is read. */
export class KeptFile {
  readonly #fs: CgroupFs;
  readonly #path: string;
  #file: OpenFile | undefined;

  constructor(fs: CgroupFs, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  read(): string {
    try {
      this.#file ??= this.#fs.open(this.#path);
      return this.#file.read();
    } catch (error) {
      throw noCgroup(`Reading ${this.#path}`, error);
    }
  }

  /** When the group goes. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
