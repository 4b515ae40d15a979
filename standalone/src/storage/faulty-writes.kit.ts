/** A disk that fails when a test says so, at any write, before it or in its middle; and that a killed process does not write any more. */
import { type DiskWrites, realWrites } from "./data-disk.js";

export type FaultKind = "ENOSPC" | "EIO" | "EROFS";

export class FaultyWrites implements DiskWrites {
  /** From the write after so many others on, and until it is taken away. */
  fault: { readonly kind: FaultKind; after: number; readonly midway: boolean } | undefined;
  #dead = false;

  /** As kill -9: what has been written is there, and nothing is written any more. */
  kill(): void {
    this.#dead = true;
  }

  readonly commit: DiskWrites["commit"] = (root, work) => {
    const fails = this.#fails();
    if (fails === "before") throw this.#error();
    return realWrites.commit(root, () => {
      const result = work();
      if (fails === "midway") throw this.#error();
      return result;
    });
  };

  readonly writeAt: DiskWrites["writeAt"] = (fd, bytes, position) => {
    const fails = this.#fails();
    if (fails === "before") throw this.#error();
    return realWrites.writeAt(fd, fails === "midway" ? bytes.subarray(0, bytes.length >> 1) : bytes, position);
  };

  readonly replaceFile: DiskWrites["replaceFile"] = (path, text) => {
    if (this.#fails()) throw this.#error();
    realWrites.replaceFile(path, text);
  };

  #fails(): "before" | "midway" | undefined {
    if (this.#dead) return "before";
    if (!this.fault) return undefined;
    if (this.fault.after > 0) {
      this.fault.after--;
      return undefined;
    }
    return this.fault.midway ? "midway" : "before";
  }

  #error(): Error {
    const code = this.fault?.kind ?? "EIO";
    return Object.assign(new Error(`${code}: the test says so`), { code });
  }
}
