/** The paper's 4-layer fully connected network: three hidden layers of rectified units and a linear one, trained with Adam. */
import { type Rng, seededRng } from "@openwhisk-harvest/core";
import { shuffled } from "../split.js";
import { requireTrainable } from "../train/trainer.js";
import { DenseLayer } from "./dense-layer.js";
import type { Regressor } from "./regressor.js";
import { scaleRows } from "./scaling.js";

const HIDDEN_UNITS = [32, 32, 16];
const EPOCHS = 200;
const BATCH_ROWS = 16;
const LEARNING_RATE = 0.003;

export const neuralNetwork: Regressor = {
  name: "NN",
  method: `4 dense layers (${HIDDEN_UNITS.join(", ")}, 1), ReLU, Adam, ${EPOCHS} epochs, on scaled data`,
  async fit(rows, options) {
    requireTrainable(rows, options);
    const scaled = scaleRows(rows);
    const network = new Network((rows.x[0] as readonly number[]).length, seededRng(options.seed));
    const x = scaled.x.map((row) => Float64Array.from(row));
    for (let epoch = 0; epoch < EPOCHS; epoch++) network.trainEpoch(x, scaled.y);
    return (at) => scaled.unscaleY(network.forward(Float64Array.from(scaled.scaleX(at))));
  },
};

export class Network {
  readonly #layers: readonly DenseLayer[];
  readonly #rng: Rng;
  #steps = 0;

  constructor(inputs: number, rng: Rng, hidden: readonly number[] = HIDDEN_UNITS) {
    const units = [inputs, ...hidden, 1];
    this.#rng = rng;
    this.#layers = units.slice(1).map((outputs, i) => new DenseLayer(units[i] as number, outputs, i < hidden.length, rng));
  }

  /** For gradient checks. */
  get layers(): readonly DenseLayer[] {
    return this.#layers;
  }

  forward(x: Float64Array): number {
    return this.#layers.reduce((values, layer) => layer.forward(values), x)[0] as number;
  }

  /** Adds the gradient of half the squared error at one row to every layer's. */
  accumulate(x: Float64Array, y: number): void {
    let gradient = Float64Array.of(this.forward(x) - y);
    for (const layer of this.#layers.toReversed()) gradient = layer.backward(gradient);
  }

  /** All rows once, in random order. */
  trainEpoch(x: readonly Float64Array[], y: readonly number[]): void {
    const order = shuffled([...x.keys()], this.#rng);
    for (let from = 0; from < order.length; from += BATCH_ROWS) {
      const batch = order.slice(from, from + BATCH_ROWS);
      for (const row of batch) this.accumulate(x[row] as Float64Array, y[row] as number);
      this.#steps++;
      for (const layer of this.#layers) layer.adamStep(LEARNING_RATE, batch.length, this.#steps);
    }
  }
}
