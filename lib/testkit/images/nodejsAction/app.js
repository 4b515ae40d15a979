/**
 * A small runtime of the shape of OpenWhisk's nodejs images, for tests: /nodejsAction/app.js, /init and /run on port 8080, one run at
 * a time, sentinels on both streams before the answer.
 */
const { createServer } = require("node:http");
const service = require("./src/service");

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    const message = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    const { code, body } = await (request.url === "/init" ? service.init(message) : service.run(message));
    const text = JSON.stringify(body);
    response.writeHead(code, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
}).listen(8080);
