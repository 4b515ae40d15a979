const { mkdirSync, mkdtempSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");

async function initializeActionHandler({ binary, code, main }) {
  if (!binary) {
    // Code that exports its function, too, as the stock runtime's runner takes it.
    const own = { exports: {} };
    const text = `${code}\nreturn typeof ${main} === "undefined" ? module.exports.${main} ?? exports.${main} : ${main};`;
    const handler = new Function("require", "module", "exports", text)(require, own, own.exports);
    if (typeof handler !== "function") throw new Error(`Action entrypoint '${main}' is not a function.`);
    return handler;
  }
  const folder = unzipped(code);
  process.chdir(folder);
  return require(folder)[main];
}

function unzipped(base64) {
  const folder = mkdtempSync("/tmp/action-");
  for (const [name, content] of Object.entries(require("fflate").unzipSync(Buffer.from(base64, "base64")))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(folder, name), content);
  }
  return folder;
}

class NodeActionRunner {
  constructor(handler) {
    this.handler = handler;
  }

  run(args) {
    return new Promise((resolve, reject) => {
      Promise.resolve()
        .then(() => this.handler(args))
        .then((result) => resolve(result === undefined ? {} : result), reject);
    });
  }
}

module.exports = { NodeActionRunner, initializeActionHandler };
