/**
 * Where frames and results are kept. With a CouchDB database's address, bound to the actions as their parameter `store`, they are
 * documents there, as in the paper, and only ids travel between the functions; without, frames travel in the parameters.
 */

const TIMEOUT_MS = 10_000;
const ALREADY_THERE = 412;

/** Frames by value: needs nothing, and holds as much as OpenWhisk's payload limit allows. */
const inParameters = {
  saveFrames: async (_run, frames) => frames.map(({ index, jpeg }) => ({ index, jpeg: Buffer.from(jpeg).toString("base64") })),
  loadFrame: async ({ jpeg }) => Buffer.from(jpeg, "base64"),
  saveResult: async () => undefined,
};

/** @param {string} address of a database, with user and password where it needs them; never part of an error's text */
function couchDatabase(address) {
  const { username, password, origin, pathname } = new URL(address);
  const base = `${origin}${pathname.replace(/\/$/, "")}`;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const headers = { "content-type": "application/json", ...(username ? { authorization: `Basic ${login}` } : {}) };
  const request = async (method, path, body) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(base + path, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), ...sent });
    if (!response.ok && response.status !== ALREADY_THERE) throw new Error(`The store answered ${method} with ${response.status}.`);
    return response;
  };
  return {
    async saveFrames(run, frames) {
      await request("PUT", "");
      const docs = frames.map(({ index, jpeg }) => ({
        _id: `${run}-frame-${index}`,
        type: "frame",
        run,
        index,
        _attachments: { jpeg: { content_type: "image/jpeg", data: Buffer.from(jpeg).toString("base64") } },
      }));
      const saved = await (await request("POST", "/_bulk_docs", { docs })).json();
      if (saved.some(({ error }) => error)) throw new Error("The store refused a frame.");
      return docs.map(({ _id, index }) => ({ index, id: _id }));
    },
    loadFrame: async ({ id }) => Buffer.from(await (await request("GET", `/${encodeURIComponent(id)}/jpeg`)).arrayBuffer()),
    saveResult: async (run, part, result) => {
      await request("PUT", `/${encodeURIComponent(`${run}-${part}`)}`, { type: "recognition", run, part, ...result });
    },
  };
}

/** @param {string | undefined} address the action's parameter `store` */
const openStore = (address) => (address === undefined ? inParameters : couchDatabase(address));

module.exports = { openStore };
