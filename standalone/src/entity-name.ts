/**
 * Names of entities (EntityPath.scala, FullyQualifiedEntityName.scala): `/namespace/[package/]name`, and the short forms
 * that clients and conductors may use.
 */

/** EntityName.REGEX, at most 256 characters. */
const NAME = /^(?:\w|\w[\w@ .&-]*[\w@.&-])$/;
const MAX_NAME_LENGTH = 256;

export interface EntityName {
  readonly namespace: string;
  /** `[package/]name` */
  readonly name: string;
}

export function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

/** `namespace/[package/]name`, as OpenWhisk prints a fully qualified name. */
export function formatEntityName({ namespace, name }: EntityName): string {
  return `${namespace}/${name}`;
}

/**
 * Resolves a name as conductors give it (FullyQualifiedEntityName.resolveName): `a` and `pkg/a` belong to the user's
 * namespace; `/ns/a`, `/ns/pkg/a` and `ns/pkg/a` are absolute; the namespace `_` is the user's. Undefined when it is no name.
 */
export function resolveName(value: unknown, userNamespace: string): EntityName | undefined {
  if (typeof value !== "string") return undefined;
  const absolute = value.startsWith("/");
  const segments = (absolute ? value.slice(1) : value).split("/");
  if (segments.length > 3 || (absolute && segments.length < 2) || !segments.every(isName)) return undefined;
  const rooted = absolute || segments.length === 3 ? segments : [userNamespace, ...segments];
  const [first = "", ...rest] = rooted;
  return { namespace: first === "_" ? userNamespace : first, name: rest.join("/") };
}
