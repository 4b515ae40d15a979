/**
 * Watches production: makes profiles of the ordinary runs of a namespace's DAGs (collect-runs.ts), and holds what the models
 * predicted against what came (drift.ts). One look at a time; what is kept between looks is bounded.
 */
import type { Clock, DagDescription, DagStore, DecisionStore, Grid, ModelStore, Profile, ProfileStore } from "@openwhisk-harvest/core";
import type { OpenWhiskClient } from "./activation-reader.js";
import { type CollectedRuns, collectRuns } from "./collect-runs.js";
import { type Drift, driftOf } from "./drift.js";

export interface ProductionWatchOptions {
  readonly client: OpenWhiskClient;
  readonly namespace: string;
  readonly dags: Pick<DagStore, "list">;
  readonly models: Pick<ModelStore, "latest">;
  readonly decisions: Pick<DecisionStore, "find">;
  readonly profiles: Pick<ProfileStore, "put">;
  readonly grid: Grid;
  readonly clock: Clock;
}

export interface LookedAt {
  readonly dag: DagDescription;
  readonly collected: CollectedRuns;
  /** Absent without a model. */
  readonly drift?: Drift;
}

/** A run is listed by its start and collected once it has ended, so every look goes back this much further than the one before. */
const LOOK_BACK_MS = 120_000;

/** Function runs of one DAG that drift is looked for in: the latest. */
const MOST_RECENT = 5_000;

export class ProductionWatch {
  readonly #options: ProductionWatchOptions;
  /** Of each DAG, by activation id, in the order in which they were first seen. */
  readonly #recent = new Map<string, Map<string, Profile>>();
  #lookedMs: number;

  /** The first look begins a little before now. */
  constructor(options: ProductionWatchOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.nowMs();
  }

  /** Rejects with the client's or the stores' error; the next look then goes back to where this one began. */
  async look(): Promise<LookedAt[]> {
    const { dags, namespace, clock } = this.#options;
    const nowMs = clock.nowMs();
    const sinceMs = this.#lookedMs - LOOK_BACK_MS;
    const looked: LookedAt[] = [];
    for (const dag of await dags.list(namespace)) looked.push(await this.#lookAt(dag, sinceMs));
    this.#lookedMs = nowMs;
    return looked;
  }

  async #lookAt(dag: DagDescription, sinceMs: number): Promise<LookedAt> {
    const { client, decisions, grid, models } = this.#options;
    const recent = this.#recent.get(dag.name) ?? new Map<string, Profile>();
    this.#recent.set(dag.name, recent);
    const put = async (profile: Profile): Promise<void> => {
      await this.#options.profiles.put(profile);
      recent.set(profile.observation.activationId, profile);
    };
    const collected = await collectRuns({ client, dag, decisions, profiles: { put }, grid, sinceMs });
    for (const oldest of recent.keys()) {
      if (recent.size <= MOST_RECENT) break;
      recent.delete(oldest);
    }
    const model = await models.latest(dag.namespace, dag.name);
    if (!model) return { dag, collected };
    const since = [...recent.values()].filter(({ startMs }) => startMs > model.document.createdAtMs);
    return { dag, collected, drift: await driftOf({ model, dagVersion: dag.version, profiles: since }) };
  }
}
