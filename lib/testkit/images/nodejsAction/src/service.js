const { initializeActionHandler, NodeActionRunner } = require("../runner");

const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
let runner;

function writeMarkers() {
  process.stdout.write(SENTINEL);
  process.stderr.write(SENTINEL);
}

async function init({ value }) {
  Object.assign(process.env, value.env);
  try {
    runner = new NodeActionRunner(await initializeActionHandler(value));
    return { code: 200, body: { OK: true } };
  } catch (error) {
    writeMarkers();
    return { code: 502, body: { error: String(error) } };
  }
}

async function run(message) {
  for (const [key, value] of Object.entries(message)) if (typeof value === "string") process.env[`__OW_${key.toUpperCase()}`] = value;
  try {
    const result = await runner.run(message.value);
    writeMarkers();
    return { code: 200, body: result };
  } catch (error) {
    writeMarkers();
    return { code: 502, body: { error: String(error) } };
  }
}

module.exports = { init, run };
