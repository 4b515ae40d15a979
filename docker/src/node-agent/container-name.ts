/**
 * What the invoker's names of containers say (ContainerFactory.scala:153-158): `wsk<unique><id>_<n>_<namespace>_<action>`, or
 * `..._prewarm_<kind>` for a container that is kept ready for any action. Characters other than letters, digits and `_` are dropped, so
 * a name can contradict a namespace, but never prove one: `guest` with an action `x_y` looks like `guest_x` with an action `y`.
 */
const NAME = /^[A-Za-z0-9_]*?_\d+_(?<rest>\w+)$/;

/** False when a container of this name can belong to no activation of the namespace. */
export function mayBelongTo(containerName: string, namespace: string): boolean {
  const rest = NAME.exec(containerName)?.groups?.["rest"];
  if (rest === undefined) return false;
  return rest.startsWith("prewarm_") || rest.startsWith(`${namespace.replaceAll(/\W/g, "")}_`);
}
