/** The actions of openwhisk-catalog's package `utils`, to the letter of what they return. `hosturl` needs an API gateway and is left out. */

export interface SystemAction {
  readonly name: string;
  readonly description: string;
  /** May throw, as an action may. */
  // biome-ignore lint/suspicious/noExplicitAny: an action takes whatever JSON it is given
  readonly run: (params: any, env: { readonly namespace: string; readonly nowMs: number }) => unknown;
}

export const SYSTEM_ACTIONS: readonly SystemAction[] = [
  { name: "echo", description: "Returns the input arguments, unchanged", run: (params) => params },
  {
    name: "cat",
    description: "Concatenate an array of strings, and split lines into an array",
    run: ({ lines = [] }) => ({ lines, payload: lines.join("\n") }),
  },
  {
    name: "head",
    description: "Filter first K array elements and discard rest",
    run: ({ lines, num }) => ({ lines: (lines || []).slice(0, num || 1), num: num || 1 }),
  },
  {
    name: "sort",
    description: "Sort an array of strings",
    run: ({ lines = [] }) => ({ lines: [...lines].sort(), length: lines.length }),
  },
  {
    name: "split",
    description: "Splits a string into an array of strings",
    run: ({ payload, separator }) => ({ lines: payload.toString().split(separator || /\r?\n/), payload }),
  },
  {
    name: "smash",
    description: "Nests all properties under given property",
    run: ({ $fieldName, ...rest }) =>
      typeof $fieldName === "string" ? { [$fieldName]: rest } : { error: "Expected an argument '$fieldName' of type 'string'." },
  },
  { name: "date", description: "Current date and time", run: (_, { nowMs }) => ({ date: new Date(nowMs).toISOString() }) },
  {
    name: "namespace",
    description: "Returns namespace for the authorization key used to invoke this action",
    run: (_, { namespace }) => ({ namespace }),
  },
];
