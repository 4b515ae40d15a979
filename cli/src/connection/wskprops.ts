/** The file of the wsk command line: lines `NAME=value`, `#` before a comment; a value may stand in quotes. Pure. */
export function wskProperties(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name.toUpperCase(), unquoted(value)] as const];
  });
  return Object.fromEntries(pairs);
}

function unquoted(value: string): string {
  const [, , inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  return inner ?? value;
}
