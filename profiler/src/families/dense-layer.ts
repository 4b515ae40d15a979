/** One fully connected layer with its gradients and its Adam state, on typed arrays. */
import type { Rng } from "@openwhisk-harvest/core";

/** Kingma and Ba, "Adam" (2015), their values. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export class DenseLayer {
  /** Of each unit: one weight per input, then its bias. */
  readonly parameters: Float64Array;
  /** Of the parameters, summed over the rows since the last step. */
  readonly gradients: Float64Array;
  readonly #mean: Float64Array;
  readonly #square: Float64Array;
  readonly #output: Float64Array;
  #input: Float64Array;

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    readonly rectified: boolean,
    rng: Rng,
  ) {
    const size = (inputs + 1) * outputs;
    // He initialization keeps the variance through rectified units.
    const spread = Math.sqrt(2 / inputs);
    this.parameters = Float64Array.from({ length: size }, (_, i) => (i % (inputs + 1) === inputs ? 0 : spread * normal(rng)));
    this.gradients = new Float64Array(size);
    this.#mean = new Float64Array(size);
    this.#square = new Float64Array(size);
    this.#output = new Float64Array(outputs);
    this.#input = new Float64Array(inputs);
  }

  /** The result is overwritten by the next call. */
  forward(input: Float64Array): Float64Array {
    const { inputs, outputs, parameters, rectified } = this;
    this.#input = input;
    for (let unit = 0; unit < outputs; unit++) {
      const at = unit * (inputs + 1);
      let sum = parameters[at + inputs] as number;
      for (let i = 0; i < inputs; i++) sum += (parameters[at + i] as number) * (input[i] as number);
      this.#output[unit] = rectified && sum < 0 ? 0 : sum;
    }
    return this.#output;
  }

  /** Takes the loss's gradient at the outputs of the last forward(), returns that at its inputs. */
  backward(atOutput: Float64Array): Float64Array<ArrayBuffer> {
    const { inputs, outputs, parameters, gradients, rectified } = this;
    const atInput = new Float64Array(inputs);
    for (let unit = 0; unit < outputs; unit++) {
      if (rectified && (this.#output[unit] as number) <= 0) continue;
      const slope = atOutput[unit] as number;
      const at = unit * (inputs + 1);
      for (let i = 0; i < inputs; i++) {
        (gradients[at + i] as number) += slope * (this.#input[i] as number);
        (atInput[i] as number) += slope * (parameters[at + i] as number);
      }
      (gradients[at + inputs] as number) += slope;
    }
    return atInput;
  }

  /** One step down the gradients of `rows` rows; `step` counts from 1. */
  adamStep(rate: number, rows: number, step: number): void {
    const { parameters, gradients } = this;
    const meanBias = 1 - BETA_1 ** step;
    const squareBias = 1 - BETA_2 ** step;
    for (let i = 0; i < parameters.length; i++) {
      const gradient = (gradients[i] as number) / rows;
      const mean = BETA_1 * (this.#mean[i] as number) + (1 - BETA_1) * gradient;
      const square = BETA_2 * (this.#square[i] as number) + (1 - BETA_2) * gradient * gradient;
      this.#mean[i] = mean;
      this.#square[i] = square;
      (parameters[i] as number) -= (rate * (mean / meanBias)) / (Math.sqrt(square / squareBias) + EPSILON);
    }
    gradients.fill(0);
  }
}

/** Box and Muller; 1 - next() is never 0. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
