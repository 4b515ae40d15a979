/** Puts the hook around composer's generated conductor: one self-contained source file, as every nodejs runtime takes it. */
import { readFile } from "node:fs/promises";
import { HarvestError } from "@openwhisk-harvest/core";
import type { HookConfig } from "../hook/config.js";
import type { WaitingConfig } from "../waiting/waiting-action.js";

/** The bundled hook (made by `npm run build`). */
export function readHookBundle(): Promise<string> {
  return readBundle("hook");
}

/** The bundled waiting action. */
export function readWaitingBundle(): Promise<string> {
  return readBundle("waiting");
}

async function readBundle(name: string): Promise<string> {
  try {
    return await readFile(new URL(`../${name}.bundle.cjs`, import.meta.url), "utf8");
  } catch (error) {
    throw new HarvestError("OWH_BAD_COMPOSITION", `${name}.bundle.cjs is not there; \`npm run build\` makes it.`, { cause: error });
  }
}

/** A bundle's exports as the value of a constant. */
function moduleOf(constant: string, bundle: string): string[] {
  return [
    `const ${constant} = (() => {`,
    "const module = { exports: {} };",
    "const exports = module.exports;",
    bundle.trimEnd(),
    "return module.exports;",
    "})();",
  ];
}

/** The code of the waiting action, for every nodejs runtime. */
export function wrapWaitingAction(config: WaitingConfig, bundle: string): string {
  const main = `const main = __harvestWaiting.waitingAction(${JSON.stringify(config)}, require);`;
  return [...moduleOf("__harvestWaiting", bundle), main, ""].join("\n");
}

/**
 * `generated` stands unchanged in its own function scope. `__name` is what esbuild and tsx leave in functions they compile;
 * composer takes inline functions by their text, and without it they would not run.
 */
export function wrapConductor(generated: string, config: HookConfig, bundle: string): string {
  return [
    "globalThis.__name ??= (target) => target;",
    ...moduleOf("__harvestHook", bundle),
    `const __harvest = __harvestHook.harvest(${JSON.stringify(config)}, require);`,
    "const main = __harvest.wrap((function (require, console) {",
    generated,
    "return main;",
    "})(__harvest.require, __harvest.console));",
    "",
  ].join("\n");
}
