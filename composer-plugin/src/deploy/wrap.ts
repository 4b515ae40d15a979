/** Puts the hook around composer's generated conductor: one self-contained source file, as every nodejs runtime takes it. */
import { readFile } from "node:fs/promises";
import { HarvestError } from "@openwhisk-harvest/core";
import type { HookConfig } from "../hook/config.js";

const BUNDLE = new URL("../hook.bundle.cjs", import.meta.url);

/** The bundled hook (made by `npm run build`). */
export async function readHookBundle(): Promise<string> {
  try {
    return await readFile(BUNDLE, "utf8");
  } catch (error) {
    throw new HarvestError("OWH_BAD_COMPOSITION", "The hook has not been bundled; `npm run build` does it.", { cause: error });
  }
}

/**
 * `generated` stands unchanged in its own function scope. `__name` is what esbuild and tsx leave in functions they compile;
 * composer takes inline functions by their text, and without it they would not run.
 */
export function wrapConductor(generated: string, config: HookConfig, bundle: string): string {
  return [
    "globalThis.__name ??= (target) => target;",
    "const __harvestHook = (() => {",
    "const module = { exports: {} };",
    "const exports = module.exports;",
    bundle.trimEnd(),
    "return module.exports;",
    "})();",
    `const __harvest = __harvestHook.harvest(${JSON.stringify(config)}, require);`,
    "const main = __harvest.wrap((function (require, console) {",
    generated,
    "return main;",
    "})(__harvest.require, __harvest.console));",
    "",
  ].join("\n");
}
