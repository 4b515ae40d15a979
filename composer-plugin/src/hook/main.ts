/**
 * The hook that runs around composer's conductor, in the conductor's container. Composer's generated code stays as it is; it
 * gets our `require` and `console`, and its `main` is called through ours:
 *
 *   const hook = harvest(config, require);
 *   const main = hook.wrap((function (require, console) { <generated>; return main })(hook.require, hook.console));
 *
 * It makes `parallel` and `map` work on images without a usable Redis client, gives every function run its key, and stamps
 * the branches of harvested stages. Nothing it does for harvesting can make a composition fail.
 */
import { randomUUID } from "node:crypto";
import { begin, end } from "./activation.js";
import { activations, currentActivation } from "./conductor-activation.js";
import { type HookConfig, type HookHost, processHost } from "./config.js";
import { Decisions } from "./decisions.js";
import { activationReader, type OpenWhiskModule, openwhiskModule } from "./openwhisk-module.js";
import { COMMANDS, redisModule } from "./redis-module.js";

type Require = (id: string) => unknown;
type Main = (params: object) => unknown;

export interface Hook {
  readonly require: Require;
  readonly console: Console;
  wrap(main: Main): (params: unknown) => Promise<unknown>;
}

/** composer's own line when it enters a node (conductor.js `step`). */
const ENTERING = "Entering composition";

export function harvest(config: HookConfig, realRequire: Require, host: HookHost = processHost, realConsole: Console = console): Hook {
  const decisions = new Decisions(config, host);
  const redis = redisModule(
    config,
    host,
    activationReader(realRequire, () => currentActivation().openwhisk),
  );
  let cold = true;

  const wrap = (main: Main) => async (given: unknown) => {
    const begun = begin(given, config, host, decisions, cold);
    cold = false;
    const { start, activation } = begun;
    if (start === "branch" && activation.join) redis.noteBegun(activation.join).catch(() => activation.troubles++);
    const result = await activations.run(activation, async () => main(begun.params));
    const { troubles } = activation;
    if (troubles > 0) realConsole.error(`harvest: ${troubles} error(s) of the hook, which cost this run its harvesting`);
    return end(result, begun, config, host);
  };

  const ours = {
    redis: () => redis,
    "redis-commands": () => ({ list: COMMANDS }),
    uuid: () => ({ v4: randomUUID }),
    openwhisk: () => openwhiskModule(realRequire("openwhisk") as OpenWhiskModule, config, decisions, host),
  };
  return { require: requireWith(ours, realRequire), console: watched(realConsole), wrap };
}

function requireWith(ours: Readonly<Record<string, () => unknown>>, realRequire: Require): Require {
  const required = (id: string) => (Object.hasOwn(ours, id) ? ours[id]?.() : realRequire(id));
  return Object.assign(required, realRequire);
}

/** The console, which also learns where composer is. */
function watched(real: Console): Console {
  const log = (...said: unknown[]) => {
    const [line] = said;
    const activation = activations.getStore();
    if (activation && typeof line === "string" && line.startsWith(ENTERING)) activation.path = line.slice(ENTERING.length);
    real.log(...said);
  };
  return Object.assign(Object.create(real) as Console, { log });
}
