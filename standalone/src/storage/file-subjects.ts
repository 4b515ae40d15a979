/** Subjects in one file that only its owner may read. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Identity } from "../messages.js";
import type { SubjectStore } from "./identities.js";

const OWNER_ONLY = 0o600;

export class FileSubjects implements SubjectStore {
  readonly #file: string;
  #identities: readonly Identity[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** None when there is no file. OWH_BAD_CONFIG when it cannot be read. */
  async load(): Promise<Identity[]> {
    this.#identities = readIdentities(this.#file);
    return [...this.#identities];
  }

  async add(identity: Identity): Promise<void> {
    this.#identities = [...this.#identities, identity];
    this.#write();
  }

  /** Written beside and renamed, so that a crash leaves the old file or the new one. */
  #write(): void {
    const fresh = `${this.#file}.new`;
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, `${JSON.stringify(this.#identities, null, 2)}\n`, { mode: OWNER_ONLY });
    renameSync(fresh, this.#file);
  }
}

function readIdentities(file: string): Identity[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new HarvestError("OWH_BAD_CONFIG", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return (JSON.parse(text) as Identity[]).map(({ subject, namespace, authkey }) => ({ subject, namespace, authkey }));
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `${file} does not hold identities.`, { cause: error });
  }
}
