/**
 * The models of one DAG (paper, 3.5.1): ML1 predicts each function's input size, ML2 its CPU and memory peak and its
 * work. The document is readable; the trees stand beside it as one binary attachment, protected by a digest.
 */
import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { z } from "zod";
import { calibrationSchema } from "./calibration.js";
import { requireSeal } from "./document-seal.js";
import { HarvestError } from "./errors.js";
import { type FlatForest, validateForest } from "./forest.js";

/** Raised when a reader of the old format would misread the new one. Newer formats are refused. */
export const MODEL_FORMAT = 1;

/** The four targets, with the features of each in the order of the forest's columns. */
export const MODEL_FEATURES = {
  inputBytes: ["dagInputBytes", "functionIndex", "stage"],
  cpuCores: ["functionInputBytes", "functionIndex"],
  memoryMb: ["functionInputBytes", "functionIndex"],
  workCoreMs: ["functionInputBytes", "functionIndex"],
} as const;
export type ModelTarget = keyof typeof MODEL_FEATURES;
export const MODEL_TARGETS = Object.keys(MODEL_FEATURES) as ModelTarget[];

const scoreSchema = z.object({
  /** Mean absolute prediction error on the test split (paper, 4.1.1), in the target's unit. */
  meanAbsoluteError: z.number(),
  /**
   * Share of accurate predictions (paper, 4.1.2), 0..1, of the peak that was observed; only for targets that lie on the
   * grid.
   */
  accuracy: z.number().optional(),
  /**
   * Share of runs whose observed use was at most the allocation they would be given, 0..1; only for targets that lie on
   * the grid.
   */
  withinAllocation: z.number().optional(),
  /** The same, against what a quota had to give instead of the observed peak; only for CPU. */
  demand: z.object({ meanAbsoluteError: z.number(), accuracy: z.number(), withinAllocation: z.number() }).optional(),
  testSamples: z.int(),
});

export const modelDocumentSchema = z.object({
  format: z.int(),
  namespace: z.string(),
  dag: z.string(),
  dagVersion: z.string(),
  /** Counts up per DAG. */
  version: z.string(),
  trainer: z.string(),
  seed: z.int(),
  createdAtMs: z.number(),
  /** Range of the DAG input sizes that were profiled; outside of it nothing is predicted. */
  dagInputBytes: z.object({ min: z.number(), max: z.number() }),
  /** Samples per function index. */
  samples: z.array(z.int()),
  grid: z.unknown(),
  scores: z.record(z.string(), scoreSchema),
  /** Arrays of each forest in the attachment, see encodeForests. */
  layout: z.array(z.object({ target: z.string(), trees: z.int().positive(), nodes: z.int().positive() })),
  /** Of the attachment. */
  sha256: z.string(),
  /** How far the predictions can be believed; absent in models that were trained without. */
  calibration: calibrationSchema.optional(),
  /** Of the document, see document-seal.ts; absent in those of older writers. */
  seal: z.string().optional(),
});
export type ModelDocument = z.infer<typeof modelDocumentSchema>;

export type Forests = Readonly<Record<ModelTarget, FlatForest>>;

export interface Model {
  readonly document: ModelDocument;
  readonly forests: Forests;
}

const ARRAYS = [
  ["threshold", Float64Array, "nodes"],
  ["value", Float64Array, "nodes"],
  ["feature", Int32Array, "nodes"],
  ["left", Int32Array, "nodes"],
  ["right", Int32Array, "nodes"],
  ["roots", Int32Array, "trees"],
] as const;

function requireLittleEndian(): void {
  if (endianness() !== "LE") throw new HarvestError("OWH_BAD_MODEL", "Models are stored little-endian, and this host is not.");
}

/**
 * The attachment: for each target in `layout` order, the arrays of ARRAYS one behind the other, little-endian,
 * unpadded.
 */
export function encodeForests(forests: Forests): { attachment: Buffer; layout: ModelDocument["layout"]; sha256: string } {
  requireLittleEndian();
  const parts: Buffer[] = [];
  const layout = MODEL_TARGETS.map((target) => {
    const forest = forests[target];
    for (const [name] of ARRAYS) parts.push(Buffer.from(forest[name].buffer, forest[name].byteOffset, forest[name].byteLength));
    return { target, trees: forest.roots.length, nodes: forest.feature.length };
  });
  const attachment = Buffer.concat(parts);
  return { attachment, layout, sha256: digest(attachment) };
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Reads a stored model, believing nothing of it: OWH_MODEL_TOO_NEW, or OWH_BAD_MODEL with what is wrong. */
export function decodeModel(document: unknown, attachment: Uint8Array): Model {
  requireLittleEndian();
  const format = (document as { format?: unknown } | null)?.format;
  if (typeof format === "number" && format > MODEL_FORMAT)
    throw new HarvestError("OWH_MODEL_TOO_NEW", `The model has format ${format}; this version reads up to ${MODEL_FORMAT}.`);
  const parsed = modelDocumentSchema.safeParse(document);
  if (!parsed.success) throw new HarvestError("OWH_BAD_MODEL", `The model document is malformed: ${z.prettifyError(parsed.error)}`);
  requireSeal(document as object);
  if (digest(attachment) !== parsed.data.sha256) throw new HarvestError("OWH_BAD_MODEL", "The model's trees do not match their digest.");

  const forests: Partial<Record<ModelTarget, FlatForest>> = {};
  let offset = 0;
  for (const { target, trees, nodes } of parsed.data.layout) {
    const arrays: Record<string, Float64Array | Int32Array> = {};
    for (const [name, ArrayType, count] of ARRAYS) {
      const byteLength = (count === "nodes" ? nodes : trees) * ArrayType.BYTES_PER_ELEMENT;
      const bytes = new Uint8Array(attachment.subarray(offset, offset + byteLength)); // a copy, hence aligned
      if (bytes.byteLength !== byteLength) throw new HarvestError("OWH_BAD_MODEL", "The model's trees are cut short.");
      arrays[name] = new ArrayType(bytes.buffer, bytes.byteOffset, byteLength / ArrayType.BYTES_PER_ELEMENT);
      offset += byteLength;
    }
    const forest = arrays as unknown as FlatForest;
    if (!isTarget(target)) throw new HarvestError("OWH_BAD_MODEL", `The model predicts ${JSON.stringify(target)}, which is no target.`);
    validateForest(forest, MODEL_FEATURES[target].length);
    forests[target] = forest;
  }
  for (const target of MODEL_TARGETS)
    if (!forests[target]) throw new HarvestError("OWH_BAD_MODEL", `The model does not predict ${target}.`);
  return { document: parsed.data, forests: forests as Forests };
}

function isTarget(name: string): name is ModelTarget {
  return name in MODEL_FEATURES;
}
