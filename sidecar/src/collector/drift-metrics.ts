/**
 * How models do in production, as metrics: the error of predictions on runs that came after the training, and whether
 * more of them lie outside of their bands than was promised. The collector of profiles reports; names of DAGs are never
 * labels, so what is shown is over all of them.
 */
import { MODEL_TARGETS, type ModelTarget, meanOf } from "@openwhisk-harvest/core";
import { Gauge, type Registry } from "prom-client";

/** Of one DAG, since its model was trained (profiler: drift.ts). */
export interface ProductionReport {
  readonly namespace: string;
  readonly dag: string;
  /** A code of a fixed set. */
  readonly verdict: string;
  /**
   * How many standard deviations the share outside of the bands lies above the promised one, for the worst quantity.
   */
  readonly deviations: number;
  /** Of the compared runs, 0..1. */
  readonly outsideShare: number;
  /** Mean of |P - A|, in the target's unit; absent where no run shows it. */
  readonly meanAbsoluteErrors: Readonly<Partial<Record<ModelTarget, number>>>;
}

/** DAGs whose last report counts; the one that was silent longest goes first. */
const DAGS_KEPT = 10_000;

export class DriftMetrics {
  readonly #reports = new Map<string, ProductionReport>();

  constructor(registry: Registry) {
    const latest = () => [...this.#reports.values()];
    const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset();
          collect(this);
        },
      });
    gauge("harvest_production_error", "Mean absolute error of predictions since the last training, mean over DAGs", ["target"], (own) => {
      for (const target of MODEL_TARGETS) {
        const errors = latest().flatMap(({ meanAbsoluteErrors }) => meanAbsoluteErrors[target] ?? []);
        if (errors.length > 0) own.set({ target }, meanOf(errors));
      }
    });
    gauge("harvest_production_outside_band_ratio", "Share of runs outside of their p10..p90, where 0.2 is promised", [], (own) => {
      const compared = latest().filter(({ meanAbsoluteErrors }) => Object.keys(meanAbsoluteErrors).length > 0);
      if (compared.length > 0) own.set(meanOf(compared.map((report) => report.outsideShare)));
    });
    gauge("harvest_drift_deviations", "Standard deviations above the promised share, of the worst DAG", [], (own) => {
      if (latest().length > 0) own.set(Math.max(...latest().map((report) => report.deviations)));
    });
    gauge("harvest_drift_dags", "DAGs by what was found of their models", ["verdict"], (own) => {
      for (const { verdict } of latest()) own.inc({ verdict });
    });
  }

  report(report: ProductionReport): void {
    const key = JSON.stringify([report.namespace, report.dag]);
    this.#reports.delete(key); // and set anew, so that the map stays ordered by age
    this.#reports.set(key, report);
    const [oldest] = this.#reports.keys();
    if (this.#reports.size > DAGS_KEPT && oldest !== undefined) this.#reports.delete(oldest);
  }
}
