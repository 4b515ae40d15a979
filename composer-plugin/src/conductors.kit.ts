/** Compositions for tests: composer's constructors with types, and conductors made of them, with our hook and without. */
import { type Composition, composer, conductor } from "./composer.js";
import { readHookBundle, wrapConductor } from "./deploy/wrap.js";
import { describeComposition, forksToStamp, harvestPositions } from "./describe/describe.js";
import type { KnownAction } from "./describe/functions.js";
import type { HookConfig } from "./hook/config.js";

export type Task = string | Composition | ((params: Record<string, unknown>) => unknown) | null;
type Combine = (...tasks: Task[]) => Composition;

/** The constructors that the tests use. */
export const c = composer as unknown as Record<
  "sequence" | "seq" | "parallel" | "map" | "async" | "mask" | "retain" | "retain_catch" | "merge",
  Combine
> & {
  if(test: Task, consequent: Task, alternate?: Task): Composition;
  while(test: Task, body: Task): Composition;
  dowhile(body: Task, test: Task): Composition;
  try(body: Task, handler: Task): Composition;
  finally(body: Task, finalizer: Task): Composition;
  repeat(count: number, ...tasks: Task[]): Composition;
  retry(count: number, ...tasks: Task[]): Composition;
  let(declarations: Record<string, unknown>, ...tasks: Task[]): Composition;
  literal(value: unknown): Composition;
  dynamic(): Composition;
  task(task: Task): Composition;
  action(name: string, options?: object): Composition;
};

export const NAMESPACE = "guest";

export function known(...names: string[]): KnownAction[] {
  return names.map((name) => ({ name: `/${NAMESPACE}/${name}`, kind: "nodejs:20", memoryLimitMb: 256, cpuCores: 1 }));
}

/** Every action that a composition names, as known and willing. */
function allKnown(composition: Composition): KnownAction[] {
  const names = JSON.stringify(composition.compile().composition).matchAll(/"name":"\/_\/([^"]+)"/g);
  return known(...new Set([...names].map((match) => match[1] as string)));
}

export function plainConductor(composition: Composition): string {
  return conductor.generate({ ...composition.compile(), name: "test" }, undefined, "nodejs:20", 60_000, 128, 10).action.exec.code;
}

export async function hookedConductor(composition: Composition, config: Partial<HookConfig> = {}): Promise<string> {
  const actions = allKnown(composition);
  const dag = describeComposition({ namespace: NAMESPACE, name: "test", compiled: composition.compile(), actions });
  const positions = harvestPositions(dag, actions);
  const full: HookConfig = {
    namespace: NAMESPACE,
    dag: "test",
    deadlineMs: 50,
    coldDeadlineMs: 200,
    stageTimeoutMs: 30_000,
    positions: positions.map((one) => one.astPath),
    forks: forksToStamp(dag, positions),
    ...config,
  };
  return wrapConductor(plainConductor(composition), full, await readHookBundle());
}
