/** From a function's file or folder to what OpenWhisk wants as `exec`: plain source, or a zip archive in base64. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { HarvestError } from "@openwhisk-harvest/core";
import { type Zippable, zipSync } from "fflate";
import type { OpenWhiskExec } from "../composer.js";
import type { JobFunction } from "./job.js";

/** A folder that holds just this file is deployed as plain source, which starts faster than an archive. */
const SINGLE_FILES = new Set(["index.js", "__main__.py"]);
/** OpenWhisk's default `execSizeLimit`. */
const MAX_CODE_BYTES = 48 * 1024 * 1024;
/** The oldest time a zip archive can hold, so that equal folders make equal archives. */
const ZIP_EPOCH = new Date(1980, 0, 1);

export interface FunctionCode {
  readonly exec: OpenWhiskExec;
  /** SHA-256 of the code, in hex. */
  readonly hash: string;
}

/** Throws OWH_BAD_JOB for an empty folder and for code beyond OpenWhisk's limit. */
export function readFunctionCode(folder: string, { name, kind, source, main }: JobFunction): FunctionCode {
  const bytes = readCode(resolve(folder, source));
  if (!bytes) throw new HarvestError("OWH_BAD_JOB", `${source}, the source of ${name}, is an empty folder.`);
  const code = Buffer.from(bytes.content).toString(bytes.binary ? "base64" : "utf8");
  if (code.length > MAX_CODE_BYTES)
    throw new HarvestError("OWH_BAD_JOB", `The code of ${name} has ${code.length} bytes; OpenWhisk takes ${MAX_CODE_BYTES}.`);
  const exec = { kind, code, ...(bytes.binary ? { binary: true } : {}), ...(main === undefined ? {} : { main }) };
  return { exec, hash: createHash("sha256").update(bytes.content).digest("hex") };
}

function readCode(path: string): { content: Uint8Array; binary: boolean } | undefined {
  if (statSync(path).isFile()) return { content: readFileSync(path), binary: path.endsWith(".zip") };
  const files = filesBelow(path);
  const [first] = files;
  if (first === undefined) return undefined;
  if (files.length === 1 && SINGLE_FILES.has(relative(path, first))) return { content: readFileSync(first), binary: false };
  const archive: Zippable = {};
  for (const file of files) archive[relative(path, file).split(sep).join("/")] = [readFileSync(file), { mtime: ZIP_EPOCH }];
  return { content: zipSync(archive, { level: 6 }), binary: true };
}

/** Sorted; hidden files (an editor's, git's) are not part of a function. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return statSync(path).isDirectory() ? filesBelow(path) : [path];
    });
}
