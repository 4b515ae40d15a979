import {
  type DocumentStore,
  decodeModel,
  encodeForests,
  HarvestError,
  type Model,
  type ModelDocument,
  type ModelHistory,
  type ModelStore,
  modelDocumentSchema,
  type StoredDocument,
} from "@openwhisk-harvest/core";
import { idOf, idsUnder, lastPart, sortable } from "./ids.js";
import { openPinStore } from "./pin-store.js";

/** Versions count up from 1; more digits than any DAG will ever need. */
const VERSION_DIGITS = 12;
const VERSION = /^[1-9]\d{0,11}$/;

/**
 * Models in `harvest_models`, under `<namespace>/<dag>/<version, padded>`: the newest is the last of a range, and in
 * use unless another one is pinned.
 */
export function openModelStore(documents: DocumentStore): ModelStore & ModelHistory {
  const database = documents.database("harvest_models");
  const pins = openPinStore(documents);
  const idOfVersion = (namespace: string, dag: string, version: string) => idOf(namespace, dag, sortable(Number(version), VERSION_DIGITS));

  /**
   * A stored model never changes, and a part that looks for a newer one every few seconds should neither read and check
   * the trees of the old one again nor lose what was laid out of them (core's function-forests.ts). Kept for as long as
   * it is used.
   */
  const decoded = new Map<string, { readonly rev: string; readonly model: WeakRef<Model> }>();

  async function modelOf({ id, rev, body }: StoredDocument<unknown>): Promise<Model> {
    const known = decoded.get(id);
    const inUse = known?.rev === rev ? known.model.deref() : undefined;
    if (inUse) return inUse;
    const attachment = await database.attachment(id);
    if (!attachment) throw new HarvestError("OWH_BAD_MODEL", `The model ${id} has lost its trees.`);
    const model = decodeModel(body, attachment);
    decoded.set(id, { rev, model: new WeakRef(model) });
    return model;
  }

  async function newest(namespace: string, dag: string) {
    for await (const stored of database.range<unknown>({ ...idsUnder(namespace, dag), descending: true, limit: 1 })) return stored;
    return undefined;
  }

  return {
    async latest(namespace, dag) {
      const pinned = (await pins.get(namespace, dag))?.model;
      const stored = await (pinned === undefined ? newest(namespace, dag) : database.get<unknown>(idOfVersion(namespace, dag, pinned)));
      return stored && modelOf(stored);
    },
    async put({ document, forests }: Model) {
      if (!VERSION.test(document.version))
        throw new HarvestError("OWH_BAD_MODEL", `A model's version is a whole number from 1 on, not ${document.version}.`);
      const { attachment, sha256 } = encodeForests(forests);
      if (sha256 !== document.sha256) throw new HarvestError("OWH_BAD_MODEL", "The model's digest is not that of its trees.");
      await database.createWithAttachment(idOfVersion(document.namespace, document.dag, document.version), document, attachment);
    },
    async nextVersion(namespace, dag) {
      const stored = await newest(namespace, dag);
      return String(stored ? Number(lastPart(stored.id)) + 1 : 1);
    },
    async versions(namespace, dag) {
      const documents: ModelDocument[] = [];
      for await (const { body } of database.range<unknown>(idsUnder(namespace, dag))) {
        const parsed = modelDocumentSchema.safeParse(body);
        if (parsed.success) documents.push(parsed.data);
      }
      return documents;
    },
  };
}
