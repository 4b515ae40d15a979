/**
 * A small proxy of the shape of OpenWhisk's actionloop images, for tests: /init calls the compiler and starts what it made, with
 * nothing but `__OW_*` in its environment; /run is one JSON line on its stdin and one from its fd 3; sentinels come after the answer.
 */
const { execFileSync, spawn } = require("node:child_process");
const { mkdirSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { createInterface } = require("node:readline");

const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
const FOLDER = "/tmp/action/1";
let action;
let answers;

function compile(code, main, environment) {
  mkdirSync(`${FOLDER}/src`, { recursive: true });
  mkdirSync(`${FOLDER}/bin`, { recursive: true });
  writeFileSync(`${FOLDER}/src/exec`, code);
  const compiler = process.env.OW_COMPILER || "/bin/compile";
  const env = { PATH: process.env.PATH, ...environment };
  const output = execFileSync(compiler, [main, `${FOLDER}/src`, `${FOLDER}/bin`], { env, encoding: "utf8" });
  if (output !== "") throw new Error(output);
}

async function init({ value }) {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("__OW_")));
  const environment = { ...own, __OW_WAIT_FOR_ACK: "1", ...value.env };
  compile(value.code, value.main, environment);
  action = spawn(`${FOLDER}/bin/exec`, [], { env: environment, stdio: ["pipe", "inherit", "inherit", "pipe"] });
  action.stdin.on("error", () => undefined); // it has ended; the answer says so
  answers = createInterface({ input: action.stdio[3] })[Symbol.asyncIterator](); // ends with the action
  const { value: ack } = await answers.next();
  return ack ? { code: 200, text: '{"ok":true}' } : { code: 502, text: '{"error":"Command exited abruptly during initialization."}' };
}

async function run(line) {
  action.stdin.write(`${line}\n`);
  const { value: text } = await answers.next();
  process.stdout.write(SENTINEL);
  process.stderr.write(SENTINEL);
  return text === undefined ? { code: 400, text: '{"error":"command exited"}' } : { code: 200, text };
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    const line = Buffer.concat(chunks).toString("utf8");
    const asked = request.url === "/init" ? init(JSON.parse(line)) : run(line);
    const { code, text } = await asked.catch((error) => ({ code: 502, text: JSON.stringify({ error: String(error) }) }));
    response.writeHead(code, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
}).listen(8080);
