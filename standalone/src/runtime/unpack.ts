/** Unpacks the zip of a binary action. Only the container's own limits stand behind this, so a hostile archive is refused early. */
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { unzipSync } from "fflate";
import { centralDirectory } from "./zip-directory.js";

/** What an archive may unfold to. Code is at most 48 MB (Exec.scala), ten times that is a generous ratio for text. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
const ZIP_MAGIC = "504b0304";
const EXECUTABLE_BITS = 0o111;

/**
 * Writes the archive's files into a new folder below `parent` and returns it. Throws a string, as the runtime of OpenWhisk
 * rejects with one. fflate makes no symbolic links, so a path that stays inside by name stays inside.
 */
export function unpackAction(base64: string, parent: string): string {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.subarray(0, 4).toString("hex") !== ZIP_MAGIC)
    throw "There was an error uncompressing the action archive. The file type is unsupported";
  const folder = mkdtempSync(join(parent, "action-"));
  const executables = executableNames(bytes);
  for (const [name, content] of Object.entries(readArchive(bytes))) {
    const path = resolve(folder, name);
    if (path !== folder && !path.startsWith(folder + sep)) throw refusal(`its entry ${JSON.stringify(name)} lies outside of it`);
    if (name.endsWith("/")) mkdirSync(path, { recursive: true });
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      if (executables.has(name)) chmodSync(path, 0o755);
    }
  }
  return folder;
}

function readArchive(bytes: Uint8Array): Record<string, Uint8Array> {
  let unpackedBytes = 0;
  try {
    return unzipSync(bytes, {
      filter({ originalSize }) {
        unpackedBytes += originalSize;
        if (unpackedBytes > MAX_UNPACKED_BYTES) throw new Error(`it unfolds to more than ${MAX_UNPACKED_BYTES} bytes`);
        return true;
      },
    });
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}

/** `unzip`, which OpenWhisk's runtimes call, restores the executable bits that Unix archivers store. */
function executableNames(bytes: Buffer): Set<string> {
  const executable = centralDirectory(bytes).filter((entry) => ((entry.unixMode ?? 0) & EXECUTABLE_BITS) !== 0);
  return new Set(executable.map((entry) => entry.name));
}

function refusal(reason: string): string {
  return `There was an error uncompressing the action Zip archive: ${reason}.`;
}
