/** The job file: what a user writes to deploy a composition with its functions. All its mistakes are reported at once. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import {
  type Bounds,
  boundsOf,
  HarvestError,
  type KeyValue,
  MAX_ANNOTATION,
  MIN_ANNOTATION,
  messageOf,
  userAllocationOf,
} from "@openwhisk-harvest/core";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

/** OpenWhisk's EntityName, and for functions optionally a package in front. */
const ENTITY = "[A-Za-z0-9_](?:[A-Za-z0-9_@ .-]{0,254}[A-Za-z0-9_@.-])?";
const entityName = z.string().regex(new RegExp(`^${ENTITY}$`), "not a name that OpenWhisk allows");
const actionName = z.string().regex(new RegExp(`^(?:${ENTITY}/)?${ENTITY}$`), "not a name that OpenWhisk allows");

/** Of one function: cores and MB, as in `cpu` and `memory`. */
const boundSchema = z.strictObject({ cpu: z.number().positive().optional(), memory: z.number().positive().optional() });

const functionSchema = z.strictObject({
  name: actionName,
  /** OpenWhisk's runtime kind. */
  kind: z.string().regex(/^[a-z][\w.-]*(?::[\w.-]+)?$/, 'not a kind such as "nodejs:20"'),
  /** File or folder, relative to the job file. */
  source: z.string().min(1),
  /** Cores; what the platform gives when absent. */
  cpu: z.number().positive().optional(),
  /** MB. Above 8192 it encodes cores too, as in the paper (3.6). */
  memory: z.int().positive(),
  /** ms. */
  timeout: z.int().min(100).optional(),
  concurrency: z.int().positive().optional(),
  /** The function within the source; OpenWhisk's `main` when absent. */
  main: z.string().min(1).optional(),
  /** The annotation `harvest`: opt in or out. */
  harvest: z.union([z.boolean(), z.enum(["off", "observe", "harvest"])]).optional(),
  /** What harvesting leaves it at least, and gives it at most: the annotations `harvest-min` and `harvest-max`. */
  min: boundSchema.optional(),
  max: boundSchema.optional(),
});
export type JobFunction = z.infer<typeof functionSchema>;

const jobSchema = z.strictObject({
  name: entityName,
  description: z.string().optional(),
  /** A CommonJS module that exports a composition of openwhisk-composer. */
  composition: z.string().min(1),
  /** A module that generates inputs, for profiling. */
  inputs: z.string().min(1).optional(),
  functions: z.array(functionSchema).min(1),
});

export type Job = z.infer<typeof jobSchema> & {
  /** The job file; paths in it are relative to its folder. */
  readonly file: string;
  readonly folder: string;
};

/** Throws OWH_BAD_JOB, whose message names the file and every field that is wrong. */
export function readJob(jobFile: string): Job {
  const file = resolve(jobFile);
  const parsed = jobSchema.safeParse(parseFile(file));
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`);
    throw badJob(file, mistakes);
  }
  const job = { ...parsed.data, file, folder: dirname(file) };
  const mistakes = [...missingFiles(job), ...repeatedNames(job), ...impossibleBounds(job)];
  if (mistakes.length > 0) throw badJob(file, mistakes);
  return job;
}

export function badJob(file: string, mistakes: readonly string[]): HarvestError {
  return new HarvestError("OWH_BAD_JOB", `${basename(file)} is wrong:\n  ${mistakes.join("\n  ")}`);
}

function parseFile(file: string): unknown {
  if (!existsSync(file)) throw new HarvestError("OWH_BAD_JOB", `The job file ${file} does not exist.`);
  try {
    return parseYaml(readFileSync(file, "utf8"));
  } catch (error) {
    throw new HarvestError("OWH_BAD_JOB", `${file} cannot be read as YAML: ${messageOf(error)}`, { cause: error });
  }
}

function fieldOf(path: readonly PropertyKey[]): string {
  const field = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return field.replace(/^\./, "") || "the file";
}

function missingFiles(job: Job): string[] {
  const named: [string, string | undefined][] = [
    ["composition", job.composition],
    ["inputs", job.inputs],
    ...job.functions.map((one, index): [string, string] => [`functions[${index}].source`, one.source]),
  ];
  return named.flatMap(([field, path]) =>
    path === undefined || existsSync(resolve(job.folder, path)) ? [] : [`${field}: ${path} does not exist`],
  );
}

function repeatedNames(job: Job): string[] {
  const seen = new Set([job.name]);
  return job.functions.flatMap(({ name }, index) => {
    if (seen.has(name)) return [`functions[${index}].name: ${name} is taken already`];
    seen.add(name);
    return [];
  });
}

/** All that a job may say of a function in annotations. */
const OWN_ANNOTATIONS: readonly string[] = ["cpu", "harvest", MIN_ANNOTATION, MAX_ANNOTATION];

/** Those that an earlier deployment may have written and this one does not: OpenWhisk keeps what an update does not delete. */
export function droppedAnnotationsOf(one: JobFunction): string[] {
  const kept = annotationsOf(one).map(({ key }) => key);
  return OWN_ANNOTATIONS.filter((key) => !kept.includes(key));
}

/** The function's annotations about its resources and its consent. */
export function annotationsOf({ cpu, harvest, min, max }: JobFunction): KeyValue[] {
  const given: [string, unknown][] = [
    ["cpu", cpu],
    ["harvest", harvest],
    [MIN_ANNOTATION, min && boundOf(min)],
    [MAX_ANNOTATION, max && boundOf(max)],
  ];
  return given.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
}

function boundOf({ cpu, memory }: z.infer<typeof boundSchema>): NonNullable<Bounds["min"]> {
  return { ...(cpu === undefined ? {} : { cpuCores: cpu }), ...(memory === undefined ? {} : { memoryMb: memory }) };
}

function impossibleBounds(job: Job): string[] {
  return job.functions.flatMap((one, index) => {
    const annotations = annotationsOf(one);
    try {
      boundsOf(annotations, userAllocationOf({ memoryLimitMb: one.memory, annotations }));
      return [];
    } catch (error) {
      return [`functions[${index}]: ${messageOf(error)}`];
    }
  });
}
