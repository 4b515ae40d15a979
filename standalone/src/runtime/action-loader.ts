/** From the value of an /init to the user's function, as runner.js of openwhisk-runtime-nodejs finds it. */
import { existsSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { unpackAction } from "./unpack.js";

export type UserMain = (parameters: unknown) => unknown;

export interface InitValue {
  readonly main: string;
  /** JavaScript, or base64 of a zip when `binary`. */
  readonly code: string;
  readonly binary?: boolean;
}

/** Throws whatever user code throws while it is loaded, or a string that says what is wrong with the action. */
export function loadAction({ main, code, binary }: InitValue): UserMain {
  const found = binary ? fromArchive(code, main) : fromSource(code, main);
  if (typeof found !== "function") throw `Action entrypoint '${main}' is not a function.`;
  return found as UserMain;
}

/**
 * The source is the body of a function, in which `main` is looked up; when there is no such variable, among the exports.
 * `Function` rather than eval: it sees none of our names, and dynamic import works in it.
 */
function fromSource(code: string, main: string): unknown {
  const file = join(process.cwd(), "action.js");
  const module = new Module(file);
  const body = `return (function(){${code}
try { return ${main} } catch (e) {
  if (e.name === 'ReferenceError') return module.exports.${main} || exports.${main};
  throw e;
} })();
//# sourceURL=action.js`;
  const load = new Function("require", "module", "exports", "__filename", "__dirname", body);
  return load(createRequire(file), module, module.exports, file, process.cwd());
}

/** `main` is the name of an export of the package, or `file.export`. */
function fromArchive(base64: string, main: string): unknown {
  const parts = /^(?:([^.]+)\.)?([^.].*)$/.exec(main);
  if (!parts) throw "Name of main function is not valid.";
  const [, file, name = ""] = parts;
  const folder = unpackAction(base64, process.cwd());
  process.chdir(folder);
  if (file === undefined && !existsSync("package.json") && !existsSync("index.js"))
    throw "Zipped actions must contain either package.json or index.js at the root.";
  const load = createRequire(join(folder, "index.js"));
  let found: unknown = load(file === undefined ? folder : join(folder, file));
  for (const property of name.split(".")) found = (found as Record<string, unknown>)[property];
  return found;
}
