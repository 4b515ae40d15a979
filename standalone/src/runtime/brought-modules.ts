/**
 * The modules that actions may require without packing them: those of OpenWhisk's nodejs images, and what composer's generated
 * conductors need besides (composer-and-runtimes, 1.4). Their `redis` is that of version 3, with callbacks, and comes
 * with `redis-commands`; the images have had redis 4 since 2022, on which no plain parallel composition runs. An action's own copy
 * wins, as it does in the images.
 */
import Module from "node:module";

const BROUGHT: Readonly<Record<string, () => unknown>> = {
  // A require, not an import, makes the bundler load it at first use: they cost up to 20 ms, and most actions never ask for them.
  openwhisk: () => require("openwhisk"),
  redis: () => require("redis"),
  "redis-commands": () => require("redis-commands"),
  uuid: () => require("uuid"),
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
