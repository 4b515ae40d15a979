/**
 * What composer's conductor gets when it requires `openwhisk`: the image's own client, whose `actions.invoke` tells the
 * branches of a fork which they are. All branches of a fork are stamped alike, or none: the first one asks for all.
 */
import type { ReadActivation } from "./branch-ends.js";
import { activations, type ConductorActivation, type ForkStamp } from "./conductor-activation.js";
import type { HookConfig, HookHost } from "./config.js";
import type { Decisions } from "./decisions.js";
import { REDIS_PLACEHOLDER } from "./redis-module.js";
import { branchSession } from "./session.js";
import { extendTrail, inputBytesOf, isActivationId, isObject, messageOf, readBranchOf } from "./wire.js";

interface InvokeRequest {
  readonly name?: unknown;
  readonly params?: unknown;
}
interface OpenWhiskClient {
  readonly actions: { invoke(request: InvokeRequest): Promise<unknown> };
  readonly activations: { get(activationId: string): Promise<unknown> };
}
export type OpenWhiskModule = (options?: unknown) => OpenWhiskClient;

/** By the image's own client, made with what OpenWhisk gives every container, or the options of the composition's caller. */
export function activationReader(realRequire: (id: string) => unknown, options: () => unknown): ReadActivation {
  return async (activationId) => {
    const open = realRequire("openwhisk") as OpenWhiskModule;
    return open(options()).activations.get(activationId);
  };
}

export function openwhiskModule(real: OpenWhiskModule, config: HookConfig, decisions: Decisions, host: HookHost): OpenWhiskModule {
  const open = (options?: unknown) => {
    const client = real(options);
    const invoke = client.actions.invoke.bind(client.actions);
    client.actions.invoke = async (request) => {
      const activation = activations.getStore();
      const isFork = activation && request.name === host.env["__OW_ACTION_NAME"];
      if (!isFork) return invoke(request);
      await introduce(request.params, activation, decisions, config);
      try {
        const accepted = await invoke(request);
        noteAccepted(request.params, accepted, activation);
        return accepted;
      } catch (error) {
        activation.forkTrouble ??= refusalOf(error);
        throw error;
      }
    };
    return client;
  };
  return Object.assign(open, real);
}

/** The parent looks at the records of its branches by their ids. */
function noteAccepted(params: unknown, accepted: unknown, { session: { stage } }: ConductorActivation): void {
  const state = isObject(params) ? params["$composer"] : undefined;
  const join = isObject(state) ? readBranchOf(state["join"]) : undefined;
  const activationId = isObject(accepted) ? accepted["activationId"] : undefined;
  if (stage && join?.barrierId === stage.barrierId && isActivationId(activationId)) stage.branches[join.position] = activationId;
}

/** What OpenWhisk says (client-js puts the whole answer into the message), for the user of the composition. */
function refusalOf(error: unknown): string {
  const { error: answer } = error as { error?: unknown };
  const said = isObject(answer) && typeof answer["error"] === "string" ? answer["error"] : messageOf(error);
  return `OpenWhisk has not accepted a branch: ${said.slice(0, 300)}`;
}

/** Adds what the branch needs to know, and takes out what must not travel. Never throws. */
async function introduce(params: unknown, activation: ConductorActivation, decisions: Decisions, config: HookConfig): Promise<void> {
  const state = isObject(params) ? params["$composer"] : undefined;
  if (!isObject(state) || !Array.isArray(state["stack"])) return; // some other invocation of the composition by itself
  withoutPlaceholder(state);
  try {
    const { barrierId, position } = isObject(state["join"]) ? state["join"] : { barrierId: undefined, position: 0 };
    const barrier = String(barrierId ?? `async-${activation.forks.size}`);
    noteItem(barrier, Number(position), params, activation);
    const stamp = await stampOf(barrier, activation, decisions, config);
    const step = { forkPath: stamp.forkPath, forkNo: stamp.forkNo, position: Number(position) };
    state["harvest"] = branchSession(activation.session, extendTrail(activation.session.trail, step), stamp.d);
  } catch {
    activation.troubles++;
  }
}

/** Composer invokes all branches of a fork in one go, so all their sizes are noted before the first stamp is asked for. */
function noteItem(barrier: string, position: number, params: unknown, activation: ConductorActivation): void {
  const noted = activation.itemBytes.get(barrier) ?? [];
  noted[position] = inputBytesOf(params);
  activation.itemBytes.set(barrier, noted);
}

function stampOf(barrierId: string, activation: ConductorActivation, decisions: Decisions, config: HookConfig): Promise<ForkStamp> {
  const known = activation.forks.get(barrierId);
  if (known !== undefined) return known;
  const forkPath = activation.path;
  const forkNo = activation.session.forks++;
  const ask = async (): Promise<ForkStamp> => {
    await Promise.resolve(); // the other branches of the fork
    const { root, trail } = activation.session;
    const itemBytes = activation.itemBytes.get(barrierId) ?? [];
    const items = config.maps?.includes(forkPath) ? { trail, forkNo, itemBytes } : undefined;
    const d = root && config.forks.includes(forkPath) ? await decisions.stamp(root, forkPath, activation.decisionWaitMs, items) : undefined;
    return { forkPath, forkNo, ...(d === undefined ? {} : { d }) };
  };
  const stamp = ask();
  activation.forks.set(barrierId, stamp);
  return stamp;
}

export function withoutPlaceholder(state: Record<string, unknown>): void {
  const { redis } = state;
  if (isObject(redis) && redis["uri"] === REDIS_PLACEHOLDER) delete state["redis"];
}
