/**
 * The agent of the nodejs runtimes: loaded by `NODE_OPTIONS=--require=/harvest/nodejs.cjs`, which the invoker's configuration gives to
 * every container; the images stay as they are (composer-and-runtimes, 4.2.1).
 *
 * It acts only in the runtime's own process (`node ... nodejsAction/app.js`), takes NODE_OPTIONS out of the environment, so that
 * processes of user code are left alone, and wraps two functions of the runtime's runner.js when that is loaded:
 * `initializeActionHandler(message)` and `NodeActionRunner.prototype.run(args)`. Where it does not find them it does nothing.
 */
import Module from "node:module";
import { sep } from "node:path";
import { NodeAgentClient, nodeAgentAddress } from "./node-agent-client.js";
import { ownGroup } from "./own-usage.js";
import { ASK_MS, RunAgent } from "./run-agent.js";

interface Runner {
  initializeActionHandler: (message: { env?: Record<string, unknown> }) => Promise<unknown>;
  NodeActionRunner: { prototype: { run(args: unknown): Promise<unknown> } };
}

interface Loader {
  _load(request: string, parent: unknown, isMain: boolean): unknown;
}

const RUNTIME = ["nodejsAction", "app.js"].join(sep);

function isRunner(loaded: unknown): loaded is Runner {
  const { initializeActionHandler, NodeActionRunner } = (loaded ?? {}) as Partial<Runner>;
  return typeof initializeActionHandler === "function" && typeof NodeActionRunner?.prototype?.run === "function";
}

function wrapRunner(runner: Runner, agent: RunAgent): void {
  const { initializeActionHandler, NodeActionRunner } = runner;
  const { run } = NodeActionRunner.prototype;
  runner.initializeActionHandler = async (message) => {
    await agent.bind(message?.env);
    return initializeActionHandler(message);
  };
  NodeActionRunner.prototype.run = function (this: unknown, args: unknown) {
    return agent.around(args, () => run.call(this, args));
  };
}

/** Looks at what the runtime loads until its runner has come by; then the loader is as it was. */
function watchLoader(loader: Loader, agent: RunAgent): void {
  const { _load: load } = loader;
  loader._load = function (this: unknown, request, parent, isMain) {
    const loaded = load.call(this, request, parent, isMain);
    if (!/(^|\/)runner(\.js)?$/.test(request) || !isRunner(loaded)) return loaded;
    loader._load = load;
    wrapRunner(loaded, agent);
    return loaded;
  };
}

const isRuntime = process.argv[1]?.endsWith(RUNTIME) ?? false;
if (isRuntime) {
  const address = nodeAgentAddress(process.env);
  const askMs = Number(process.env["__OW_HARVEST_ASK_MS"]) || ASK_MS;
  for (const name of ["NODE_OPTIONS", "__OW_HARVEST_NODE_AGENT", "__OW_HARVEST_ASK_MS"]) delete process.env[name];
  if (address) {
    const group = ownGroup();
    const write = process.stdout.write.bind(process.stdout) as (line: string) => boolean;
    const parts = { client: new NodeAgentClient(address), environment: process.env, askMs, write, ...(group ? { group } : {}) };
    watchLoader(Module as unknown as Loader, new RunAgent(parts));
  }
}
