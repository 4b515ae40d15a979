/** Subjects in one file that only its owner may read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { Identity } from "../messages.js";
import type { DataDisk } from "./data-disk.js";
import type { SubjectStore } from "./identities.js";

const FILE = "identities.json";

export class FileSubjects implements SubjectStore {
  readonly #disk: Pick<DataDisk, "folder" | "replaceFile">;
  #identities: readonly Identity[] = [];

  constructor(disk: Pick<DataDisk, "folder" | "replaceFile">) {
    this.#disk = disk;
  }

  /** None when there is no file. OWH_BAD_CONFIG when it cannot be read. */
  async load(): Promise<Identity[]> {
    this.#identities = readIdentities(join(this.#disk.folder, FILE));
    return [...this.#identities];
  }

  /** OWH_DISK_UNWRITABLE when it cannot be kept. */
  async add(identity: Identity): Promise<void> {
    const identities = [...this.#identities, identity];
    this.#disk.replaceFile(FILE, `${JSON.stringify(identities, null, 2)}\n`);
    this.#identities = identities;
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
