/**
 * Which server of this host gives out which users. Users are claimed in blocks, each claim a file
 * `<first uid>.<pid>.<number>` in a folder of root's.
 *
 * uid-blocks.U1  No two living claims are on the same block: each process writes its claim first and looks for others
 *     second, and steps back when there is one. Two at once may both step back, and try the next block.
 * uid-blocks.U2  A claim whose process is gone counts for nothing, and the process that sees it removes it. A number
 *     that has been given to another process keeps its block until that one is gone, too; there are enough.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "@openwhisk-harvest/core";

/** Private to root, and emptied when the host starts. */
const CLAIMS_FOLDER = "/var/run/openwhisk-harvest/users";
/** FIRST_UID of users.ts. */
const FIRST_BLOCK = 60_001;
/** A server on one host seldom has more containers than this; one that has claims another block. */
const UIDS_PER_BLOCK = 100;
/** Up to 65000. */
const BLOCKS = 50;
const CLAIM = /^(\d+)\.(\d+)\.(\d+)$/;

let instances = 0;

export class UidBlocks {
  readonly #folder: string;
  /** Several drivers of one process must not share either. */
  readonly #owner = `${process.pid}.${++instances}`;
  readonly #blocks: number[] = [];

  constructor(folder = CLAIMS_FOLDER) {
    this.#folder = folder;
  }

  /** All that are ours, lowest first. */
  uids(): number[] {
    return this.#blocks.flatMap((first) => Array.from({ length: UIDS_PER_BLOCK }, (_, index) => first + index));
  }

  /** Claims one more block and returns its first uid. RangeError when all are taken. */
  claim(): number {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (let index = 0; index < BLOCKS; index++) {
      const first = FIRST_BLOCK + index * UIDS_PER_BLOCK;
      if (this.#blocks.includes(first) || !this.#tryClaim(first)) continue;
      this.#blocks.push(first);
      return first;
    }
    throw new RangeError(`All users from ${FIRST_BLOCK} to ${FIRST_BLOCK + BLOCKS * UIDS_PER_BLOCK - 1} belong to servers of this host.`);
  }

  close(): void {
    for (const first of this.#blocks.splice(0)) rmSync(this.#claimFile(first), { force: true });
  }

  #claimFile(first: number): string {
    return join(this.#folder, `${first}.${this.#owner}`);
  }

  #tryClaim(first: number): boolean {
    if (this.#othersClaim(first)) return false; // spares the writing; what counts is the look after it
    writeFileSync(this.#claimFile(first), "", { mode: 0o600 });
    if (!this.#othersClaim(first)) return true;
    rmSync(this.#claimFile(first));
    return false;
  }

  #othersClaim(first: number): boolean {
    return readdirSync(this.#folder).some((name) => {
      const [, block, pid, number] = CLAIM.exec(name) ?? [];
      if (Number(block) !== first || `${pid}.${number}` === this.#owner) return false;
      if (isAlive(Number(pid)) && !this.#isFromBeforeUs(Number(pid), Number(number))) return true;
      rmSync(join(this.#folder, name), { force: true });
      return false;
    });
  }

  /** A claim under our own number that none of our instances has made. */
  #isFromBeforeUs(pid: number, number: number): boolean {
    return pid === process.pid && number > instances;
  }
}
