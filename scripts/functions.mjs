/** The functions of the rooms' sources, as the compiler parses them. */
import { relative, resolve } from "node:path";
import { isFunctionLikeDeclaration } from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

/** `{file, line, lines}` of each function that has a body, in those files of the rooms in these folders that are `wanted`. */
export function functionsIn(folders, wanted) {
  const api = new API({ cwd: process.cwd() });
  try {
    const opened = api.updateSnapshot({ openProjects: folders.map((folder) => resolve(folder, "tsconfig.json")) });
    return opened
      .getProjects()
      .flatMap(({ program, rootFiles }) => rootFiles.filter(wanted).flatMap((file) => functionsOf(program.getSourceFile(file))));
  } finally {
    api.close();
  }
}

function functionsOf(source) {
  const functions = [];
  const visit = (node) => {
    if (isFunctionLikeDeclaration(node) && node.body) functions.push(placeOf(node, source));
    node.forEachChild(visit);
  };
  visit(source);
  return functions;
}

function placeOf(node, source) {
  const { fileName, text } = source;
  const line = lineOf(text, node.getStart(source));
  return { file: relative(process.cwd(), fileName), line, lines: lineOf(text, node.end) - line + 1 };
}

function lineOf(text, position) {
  return text.slice(0, position).split("\n").length;
}
