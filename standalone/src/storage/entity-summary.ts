/** Rows of lists (the values of OpenWhisk's views in whisks.v2.1.0). Pure. */
import type { EntityDocument, EntityType, PackageDocument, RuleDocument } from "../entities.js";
import type { ActionDocument } from "../messages.js";

export function summaryOf(type: EntityType, document: EntityDocument): EntityDocument {
  const { namespace, name, version, publish, annotations, updated } = document;
  const common = { namespace, name, version, publish, annotations, updated };
  if (type === "action") {
    const { limits, exec } = document as ActionDocument;
    return { ...common, limits, exec: { binary: "binary" in exec && exec.binary } } as EntityDocument;
  }
  if (type === "package") return { ...common, binding: (document as PackageDocument).binding ?? false } as EntityDocument;
  if (type === "rule") {
    const { trigger, action } = document as RuleDocument;
    return { ...common, trigger, action } as EntityDocument;
  }
  return common;
}
