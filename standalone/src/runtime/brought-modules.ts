/**
 * The modules that OpenWhisk's nodejs images bring and actions may require without packing them: `openwhisk`, which composer's
 * generated conductors need, and `uuid`. An action's own copy wins, as it does in the images.
 */
import { randomUUID } from "node:crypto";
import Module from "node:module";

const BROUGHT: Readonly<Record<string, () => unknown>> = {
  // A require, not an import, makes the bundler load it at first use: it costs 20 ms, and most actions never ask for it.
  openwhisk: () => require("openwhisk"),
  uuid: () => ({ v4: () => randomUUID() }),
};

type Load = (request: string, parent: unknown, isMain: boolean) => unknown;

/** Every `require`, of plain actions and of files inside archives, goes through Module._load. */
export function installBroughtModules(): void {
  const internals = Module as unknown as { _load: Load };
  const load = internals._load;
  internals._load = function loadOrBring(this: unknown, request, parent, isMain) {
    const bring = Object.hasOwn(BROUGHT, request) ? BROUGHT[request] : undefined;
    if (!bring) return load.call(this, request, parent, isMain);
    try {
      return load.call(this, request, parent, isMain);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return bring();
      throw error;
    }
  };
}
