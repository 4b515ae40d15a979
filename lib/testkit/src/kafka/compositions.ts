/**
 * Compositions as a stock OpenWhisk runs them (openwhisk-protocol, 3; composer-and-runtimes, 1.3), around what runs single
 * activations: the controller's loop around a conductor, and in the conductor composer's fork, which invokes the conductor's own action for
 * each branch, blocks inside of its activation until they have ended, and goes through a round of `echo` when it has blocked for too long.
 */
import { newId } from "../ids.js";
import type { Answer, MessageFields, ReceivedMessage } from "./openwhisk.js";

export type ScriptedStep = { readonly run: string } | { readonly parallel: readonly ScriptedPlan[] };
export type ScriptedPlan = readonly ScriptedStep[];

export interface CompositionsOptions {
  /** How long a fork blocks in its activation; composer's does until 5 s before the time limit. */
  readonly blockMs: number;
  /** Whether the cluster's edge passes transaction ids on (openwhisk-protocol, 3.1). */
  readonly keepsTransids: boolean;
}

export interface CompositionEnd {
  /** Absent when it has ended well. */
  readonly error?: string;
  /** How many activations had been invoked for it when it ended. */
  readonly activations: number;
}

interface State {
  readonly plan: ScriptedPlan;
  readonly state: number;
  readonly run: string;
  readonly stack: readonly object[];
  readonly session?: string;
  readonly barrier?: string;
  readonly collect?: string;
}

/** The wait of one fork, as the conductor sees it in Redis. */
interface Stage {
  readonly ended: Promise<string | undefined>;
  readonly end: (error?: string) => void;
}

const ECHO = "utils/echo";

/** Runs one blocking activation; a scripted controller does. */
export interface Activator {
  ask(over: MessageFields): Promise<Answer>;
}

export class ScriptedCompositions {
  readonly #controller: Activator;
  readonly #options: CompositionsOptions;
  readonly #stages = new Map<string, Stage>();
  readonly #activations = new Map<string, number>();

  constructor(controller: Activator, options: CompositionsOptions) {
    this.#controller = controller;
    this.#options = options;
  }

  /** A client invokes the composition and waits for its end, however long it takes. */
  async invoke(namespace: string, action: string, plan: ScriptedPlan): Promise<CompositionEnd> {
    const run = newId();
    this.#activations.set(run, 0);
    const request = `["${newId()}",${Date.now()}]`;
    const error = await this.#session({ namespace, action, request }, { plan, state: 0, run, stack: [] });
    return { activations: this.#activations.get(run) ?? 0, ...(error !== undefined && { error }) };
  }

  /** What a container does with a conductor's activation; undefined for another action. */
  async act(message: ReceivedMessage): Promise<object | undefined> {
    const state = message.content?.["$composer"] as State | undefined;
    if (!state) return undefined;
    const session = { ...state, session: state.session ?? message.activationId };
    return state.collect === undefined ? this.#goOn(session, message) : this.#collect(session, state.collect, message);
  }

  async #goOn(state: State, message: ReceivedMessage): Promise<object> {
    const step = state.plan[state.state];
    if (!step) return { params: {} };
    const next = { ...state, state: state.state + 1 };
    if ("run" in step) return { action: step.run, params: {}, state: { $composer: next } };
    const barrier = this.#fork(step.parallel, state, message);
    return this.#collect(next, barrier, message);
  }

  async #collect({ collect: _, ...state }: State, barrier: string, message: ReceivedMessage): Promise<object> {
    const blocked = await within(this.#stages.get(barrier)?.ended, this.#options.blockMs);
    if (!blocked) return { action: ECHO, params: {}, state: { $composer: { ...state, collect: barrier } } };
    this.#stages.delete(barrier);
    return blocked.value === undefined ? this.#goOn(state, message) : { error: blocked.value };
  }

  /** The branches are invocations over the API, which show the conductor's own transaction id if the edge leaves it. */
  #fork(branches: readonly ScriptedPlan[], { run, stack }: State, { transid, action, user }: ReceivedMessage): string {
    const barrier = newId();
    const stage = openStage();
    this.#stages.set(barrier, stage);
    const id = this.#options.keepsTransids ? transid[0] : newId();
    let left = branches.length;
    for (const plan of branches) {
      const of = { namespace: user.namespace.name, action: action.name, request: `["${id}",${Date.now()}]` };
      const state = { plan, state: 0, run, stack: [{ marker: true }, ...stack], barrier };
      void this.#session(of, state).then((error) => {
        if (--left === 0 || error !== undefined) stage.end(error);
      });
    }
    return barrier;
  }

  /** The controller's loop (PrimitiveActions.scala, 329 to 512). Resolves with the error that it ended with. */
  async #session(of: { namespace: string; action: string; request: string }, first: State): Promise<string | undefined> {
    const { namespace, action } = of;
    const cause = newId();
    const activate = (name: string, transid: string, content: object) => {
      this.#activations.set(first.run, (this.#activations.get(first.run) ?? 0) + 1);
      return this.#controller.ask({ namespace, action: name, cause, transid, content: JSON.stringify(content) });
    };
    let transid = childOf(of.request);
    let content: object = { $composer: first };
    for (;;) {
      const decided = await activate(action, transid, content);
      if (errorOf(decided) !== undefined) return errorOf(decided);
      const { action: component, params, state } = decided.result as { action?: string; params?: object; state?: object };
      if (component === undefined) return undefined;
      transid = childOf(transid);
      const done = await activate(component, transid, params ?? {});
      if (errorOf(done) !== undefined) return errorOf(done);
      transid = childOf(transid);
      content = { ...done.result, ...state };
    }
  }
}

function childOf(transid: string): string {
  return `["${newId()}",${Date.now()},${transid}]`;
}

function errorOf({ statusCode, result }: Answer): string | undefined {
  const error = result["error"];
  return statusCode === 0 && error === undefined ? undefined : String(error ?? `status ${statusCode}`);
}

function openStage(): Stage {
  let end: Stage["end"] = () => undefined;
  const ended = new Promise<string | undefined>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}

/** Undefined when it takes longer. */
async function within<T>(promise: Promise<T> | undefined, ms: number): Promise<{ readonly value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms).unref();
  });
  try {
    return await Promise.race([promise?.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
