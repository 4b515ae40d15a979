/** The commands that a page tells its readers to type, from its code blocks and its inline code, as words. Pure. */

/** Programs of ours, or that read a file of ours; what else stands in a block (curl, wsk, printf) is not looked at. */
const PROGRAMS = ["npm", "harvest", "node", "sh", "docker"];
const SHELLS = ["", "sh", "bash", "console"];

/** Every command of a page as `{words, inBlock}`. Inside a sentence a verb may be named without its arguments. */
export function commandsOf(page) {
  const inline = [...withoutBlocks(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
  return [...blocksOf(page).flatMap((block) => commandsIn(block, true)), ...inline.flatMap((code) => commandsIn(code, false))];
}

/** What is written by hand in a page: generated parts are copies of what is checked at its place. */
export function byHand(page) {
  return page.replace(/^<!-- generated: [\s\S]*?^<!-- \/generated -->$/gm, "");
}

/** A page without its code blocks. */
export function withoutBlocks(page) {
  return page.replace(/^( *)```[\s\S]*?^\1```/gm, "");
}

function blocksOf(page) {
  return [...page.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```/gm)].filter(([, , kind]) => SHELLS.includes(kind)).map(([, , , text]) => text);
}

function commandsIn(text, inBlock) {
  return text
    .replace(/\\\n/g, " ")
    .split("\n")
    .flatMap((line) => line.replace(/(^|\s)#\s.*$/, "").split(/&&|;|\s\|\s/))
    .map(wordsOf)
    .filter(([program]) => PROGRAMS.includes(program))
    .map((words) => ({ words, inBlock }));
}

/** Words as a shell would split them; `<...>` is one, `NAME=value` before the program and redirections are none. */
function wordsOf(command) {
  const words = command.replace(/\s[0-9]?>+\s*\S+/g, " ").match(/<[a-z][^>]*>|"[^"]*"|'[^']*'|\S+/g) ?? [];
  const first = words.findIndex((word) => !/^\w+=/.test(word));
  return first < 0 ? [] : words.slice(first).map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
}

/** What a reader fills in: `<id>`, `job.yaml` stand for themselves, `NAME`, `...` for anything. */
export function isPlaceholder(word) {
  return /^<.*>$|^[A-Z_]+$|\.\.\./.test(word);
}
