/** What is used of openwhisk-composer 0.12, which ships no types: shapes of its compiled compositions, and its two entry points. */
import { createRequire } from "node:module";

/** A node of a lowered composition. Which fields are set depends on `type` (composer.js `combinators`). */
export interface CompositionNode {
  readonly type: string;
  /** Set on every node the user wrote; nodes that lowering adds have none. */
  readonly path?: string;
  readonly name?: string;
  readonly components?: readonly CompositionNode[];
  readonly body?: CompositionNode;
  readonly handler?: CompositionNode;
  readonly finalizer?: CompositionNode;
  readonly test?: CompositionNode;
  readonly consequent?: CompositionNode;
  readonly alternate?: CompositionNode;
  readonly declarations?: Readonly<Record<string, unknown>>;
}

export interface OpenWhiskExec {
  readonly kind: string;
  readonly code?: string;
  readonly binary?: boolean;
  readonly main?: string;
  readonly components?: readonly string[];
}

/** An action that a composition brings along: `composer.action(name, { action | sequence | filename })`. */
export interface EmbeddedAction {
  readonly name: string;
  readonly action: { readonly exec: OpenWhiskExec; readonly limits?: Readonly<Record<string, number>> };
}

/** The result of `composition.compile()`. */
export interface CompiledComposition {
  readonly composition: CompositionNode;
  readonly ast: unknown;
  readonly version: string;
  readonly actions?: readonly EmbeddedAction[];
}

export interface Composition {
  compile(): CompiledComposition;
}

export interface ConductorAction {
  readonly name: string;
  readonly action: {
    readonly exec: { readonly kind: string; readonly code: string };
    readonly annotations: readonly { readonly key: string; readonly value: unknown }[];
    readonly limits: { readonly timeout: number; readonly memory: number; readonly logs: number };
  };
}

interface ComposerModule {
  /** Makes a composition of a composition, an action's name or a function. Throws ComposerError. */
  task(task: unknown): Composition;
}

interface ConductorModule {
  generate(
    composition: CompiledComposition & { readonly name: string; readonly annotations?: readonly { key: string; value: unknown }[] },
    debug: string | undefined,
    kind: string,
    timeoutMs: number,
    memoryMb: number,
    logsMb: number,
  ): ConductorAction;
}

/** Composer is required at run time and never bundled: its conductor is taken by Function#toString. */
const require = createRequire(import.meta.url);

export const composer = require("openwhisk-composer") as ComposerModule;
export const conductor = require("openwhisk-composer/conductor") as ConductorModule;

/** Where our copy of composer lives, for compositions whose folder has none. */
export const resolveComposer = (request: string): string => require.resolve(request);
