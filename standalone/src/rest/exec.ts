/** The field `exec` of an action (Exec.scala): code of a kind that we run, or a sequence of other actions. */
import { isObject, type JsonObject } from "../controller/json.js";
import { type EntityName, formatEntityName, resolveName } from "../entity-name.js";
import type { CodeExec, SequenceExec } from "../messages.js";
import { kindOf, type Runtimes } from "../runtimes.js";
import type { StoredAction } from "../storage/entity-store.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { entityTooBig, notAuthorizedFor, TEXTS } from "../whisk-texts.js";

/** The kind that code runs as when it names an image of its own. */
const BLACKBOX = "blackbox";
/** ImageName.fromString: `[registry[:port]/][path/]name[:tag][@digest]`, loosely; the engine knows it better. */
const IMAGE = /^[\w][\w.:/@-]{0,511}$/;

export interface ExecBounds {
  readonly runtimes: Runtimes;
  readonly codeMaxBytes: number;
}

/** 400 for what is no exec, 413 for too much code. */
export function readExec(value: unknown, bounds: ExecBounds): CodeExec | SequenceExec {
  if (!isObject(value)) throw malformed("exec malformed");
  const kind = value["kind"];
  if (typeof kind !== "string") throw malformed("'kind' must be a string defined in 'exec'");
  return kind === "sequence" ? readSequence(value) : readCode(value, kind, bounds);
}

function readSequence({ components }: JsonObject): SequenceExec {
  if (!Array.isArray(components)) throw malformed("'components' must be defined for sequence kind");
  if (!components.every((c) => typeof c === "string")) throw malformed("'components' must be an array of names");
  return { kind: "sequence", components };
}

function readCode(value: JsonObject, given: string, { runtimes, codeMaxBytes }: ExecBounds): CodeExec {
  const isBlackbox = given === BLACKBOX && runtimes.blackbox;
  const kind = isBlackbox ? BLACKBOX : kindOf(runtimes, given);
  if (!kind) throw malformed(`kind '${given}' not in Set(${runtimes.kinds.map((k) => k.kind).join(", ")})`);
  const { main } = value;
  const code = isBlackbox ? (value["code"] ?? "") : value["code"]; // an image may be all there is
  if (typeof code !== "string") throw malformed(`'code' must be a string defined in 'exec' for '${kind}' actions`);
  if (main !== undefined && typeof main !== "string")
    throw malformed(`if defined, 'main' must be a string in 'exec' for '${kind}' actions`);
  const codeBytes = Buffer.byteLength(code);
  if (codeBytes > codeMaxBytes) throw new WhiskRejection(413, entityTooBig("Code", codeBytes, codeMaxBytes));
  return { kind, ...(isBlackbox && { image: readImage(value) }), code, binary: isBase64(code), ...(main && { main }) };
}

function readImage({ image }: JsonObject): string {
  if (typeof image !== "string") throw malformed(`'image' must be a string defined in 'exec' for '${BLACKBOX}' actions`);
  if (!IMAGE.test(image)) throw malformed(`'${image}' is not a valid image name`);
  return image;
}

/** Exec.isBinaryCode: source text practically always has a character that base64 has not. */
export function isBase64(code: string): boolean {
  const text = code.trim();
  if (text.length === 0 || text.length % 4 !== 0) return false;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return !/[^A-Za-z0-9+/]/.test(text.slice(0, text.length - padding));
}

export interface SequenceActions {
  readonly find: (name: EntityName) => StoredAction | undefined;
  readonly mayUse: (name: EntityName) => boolean;
}

/**
 * A sequence with its names made absolute. 400 when it is empty, refers to itself, names an action that does not exist, or is
 * longer than allowed; sequences in it count with their own actions. 403 for an action that its maker may not use.
 */
export function checkSequence(sequence: SequenceExec, entity: EntityName, maxLength: number, actions: SequenceActions): SequenceExec {
  if (sequence.components.length === 0) throw new WhiskRejection(400, TEXTS.sequenceNoComponent);
  const names = sequence.components.map((c) => {
    const name = resolveName(c, entity.namespace);
    if (!name) throw malformed(TEXTS.malformedName);
    return name;
  });
  for (const name of names) if (!actions.mayUse(name)) throw new WhiskRejection(403, notAuthorizedFor(formatEntityName(name)));
  if (atomicActions(names, formatEntityName(entity), actions.find, maxLength) > maxLength)
    throw new WhiskRejection(400, TEXTS.sequenceIsTooLong);
  return { kind: "sequence", components: names.map((n) => `/${formatEntityName(n)}`) };
}

/** Counts no further than just above `maxLength`. */
function atomicActions(names: readonly EntityName[], self: string, find: SequenceActions["find"], maxLength: number): number {
  let count = 0;
  for (const name of names) {
    if (formatEntityName(name) === self) throw new WhiskRejection(400, TEXTS.sequenceIsCyclic);
    const action = find(name);
    if (!action) throw new WhiskRejection(400, TEXTS.sequenceComponentNotFound);
    count += action.exec.kind === "sequence" ? atomicActions(componentsOf(action), self, find, maxLength) : 1;
    if (count > maxLength) return count;
  }
  return count;
}

function componentsOf(action: StoredAction): EntityName[] {
  const { components } = action.exec as SequenceExec;
  return components.map((c) => resolveName(c, action.namespace)).filter((n) => n !== undefined);
}
