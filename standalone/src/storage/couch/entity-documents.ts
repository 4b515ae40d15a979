/**
 * Entities as OpenWhisk keeps them in its database `whisks` (openwhisk-protocol, 7; WhiskAction.scala,
 * AttachmentSupport.scala). Pure, but for the names of attachments.
 *
 * `namespace` is `namespace/package` for what is in a package. Code is an attachment: below 16 KiB it is within its own name,
 * otherwise a real one of the document, decoded when it is binary.
 */
import { createHash, randomUUID } from "node:crypto";
import { type EntityDocument, type EntityType, entityNameOf, type PackageDocument, pathAndNameOf, type Stored } from "../../entities.js";
import { formatEntityName } from "../../entity-name.js";
import type { ActionDocument, CodeExec } from "../../messages.js";
import type { CouchDocument } from "./couch-database.js";

/** whisk.db.max-inline-size (application.conf:252) */
const MAX_INLINE_BYTES = 16 * 1024;
const TYPES: readonly unknown[] = ["action", "package", "trigger", "rule"] satisfies EntityType[];

interface CodeAttachment {
  readonly attachmentName: string;
  readonly attachmentType: string;
  readonly length: number;
  readonly digest: string;
}

/** `_id` and fields; the revision is its writer's to add. */
export function toCouch(type: EntityType, document: EntityDocument): CouchDocument {
  const { path, name } = pathAndNameOf(document);
  const common = { ...document, _id: formatEntityName(document), namespace: path, name, entityType: type };
  if (type === "package") return { ...common, binding: (document as PackageDocument).binding ?? {} };
  const { exec } = document as ActionDocument;
  return type === "action" && "code" in exec ? { ...common, ...execToCouch(exec) } : common;
}

function execToCouch(exec: CodeExec): { exec: object; _attachments?: object } {
  const { code, ...rest } = exec;
  if (code === "") return { exec: rest };
  const bytes = Buffer.from(code, exec.binary ? "base64" : "utf8");
  const isInline = bytes.length < MAX_INLINE_BYTES;
  const id = randomUUID();
  const attachment: CodeAttachment = {
    attachmentName: isInline ? `mem:${bytes.toString("base64url")}` : `couch:${id}`,
    attachmentType: exec.binary ? "application/octet-stream" : "text/plain; charset=UTF-8",
    length: bytes.length,
    digest: `sha256-${createHash("sha256").update(bytes).digest("hex")}`,
  };
  if (isInline) return { exec: { ...rest, code: attachment } };
  const data = bytes.toString("base64");
  return { exec: { ...rest, code: attachment }, _attachments: { [id]: { content_type: attachment.attachmentType, data } } };
}

/** Undefined for what is no entity, such as a design document. Wants attachments with their data. */
export function fromCouch(document: CouchDocument): [type: EntityType, document: Stored<EntityDocument>] | undefined {
  const { _id, _rev, _attachments, entityType, ...fields } = document;
  if (!TYPES.includes(entityType) || typeof fields["namespace"] !== "string" || typeof fields["name"] !== "string") return undefined;
  const { namespace, name } = entityNameOf({ path: fields["namespace"], name: fields["name"] });
  const body = { ...fields, namespace, name, rev: _rev } as unknown as Stored<EntityDocument>;
  const type = entityType as EntityType;
  if (type === "package") return [type, withoutEmptyBinding(body as Stored<PackageDocument>)];
  return [type, type === "action" ? withCode(body as Stored<ActionDocument>, _attachments) : body];
}

function withoutEmptyBinding({ binding, ...rest }: Stored<PackageDocument>): Stored<PackageDocument> {
  return binding?.name === undefined ? rest : { ...rest, binding };
}

function withCode(action: Stored<ActionDocument>, attachments: unknown): Stored<ActionDocument> {
  const exec = action.exec as Omit<CodeExec, "code"> & { code?: string | CodeAttachment };
  if (exec.kind === "sequence" || typeof exec.code === "string") return action;
  const bytes = exec.code ? bytesOf(exec.code, attachments) : Buffer.alloc(0);
  return { ...action, exec: { ...exec, code: bytes.toString(exec.binary ? "base64" : "utf8") } };
}

function bytesOf({ attachmentName }: CodeAttachment, attachments: unknown): Buffer {
  const colon = attachmentName.indexOf(":");
  const [scheme, name] = [attachmentName.slice(0, colon), attachmentName.slice(colon + 1)];
  if (scheme === "mem") return Buffer.from(name, "base64url");
  return Buffer.from((attachments as Record<string, { data?: string }> | undefined)?.[name]?.data ?? "", "base64");
}
