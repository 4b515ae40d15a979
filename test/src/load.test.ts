// runs in CI: hundreds of compositions at a time, for two minutes
// runs alone: hundreds of compositions at a time want the whole machine
/**
 * H7, live: compositions side by side on the embedded OpenWhisk as it comes. What is let in ends, what cannot be is refused at the door,
 * and afterwards everything is as before.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { casesOf, eventually } from "@openwhisk-harvest/testkit";
import { findEngine, importNodejsImage, standaloneFlags, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { invokeSideBySide } from "@openwhisk-harvest/testkit/load";
import openwhisk from "openwhisk";
import { checkAnswers, LoadedStack, NAPS } from "./load.kit.js";

const NAP_MS = 50;
/** Of each number of clients in each mode: 600 in all, and twice that in a soak. */
const COMPOSITIONS = casesOf(300, 0.5);

describe("many clients at once", () => {
  for (const mode of ["off", "harvest"] as const)
    it(`H7: ${2 * COMPOSITIONS} compositions of 32 and of 512 clients in mode ${mode}: none fails but with 429, and nothing is left`, async (t) => {
      const loaded = await LoadedStack.start();
      try {
        const invoke = await loaded.deploy("naps", NAPS, NAP_MS);
        await loaded.up.setMode(mode);
        for (const clients of [32, 512]) {
          const answers = await invokeSideBySide(() => invoke(), { clients, invocations: COMPOSITIONS });
          t.diagnostic(`${clients} clients: ${JSON.stringify(checkAnswers(answers, COMPOSITIONS))}`);
          await loaded.isQuiet();
          assert.equal((await invoke()).status, 200, "a lone composition");
        }
      } finally {
        await loaded.close();
      }
    });
});

describe("what others do", () => {
  let loaded: LoadedStack;
  before(async () => {
    loaded = await LoadedStack.start(["standalone.concurrentInvocations=2000", "standalone.admissionWaitMs=36000000"]);
  });
  after(() => loaded?.close());

  it("H7: a parallel stage of 16 parallel stages ends, alone", async () => {
    const nested = `composer.parallel(${Array(16).fill("composer.parallel('nap', 'nap')").join(", ")})`;
    const invoke = await loaded.deploy("nested", nested, 10);
    const { status, body } = await invoke();
    assert.equal(status, 200, body);
    assert.equal(JSON.parse(body).value.length, 16);
    await loaded.isQuiet();
  });

  it("H7: conductors that do not end stop no other namespace's compositions", async () => {
    const gate = await Gate.open();
    const tenant = await loaded.tenant("patient");
    const client = openwhisk({ apihost: tenant.apihost, api_key: tenant.auth, namespace: tenant.namespace });
    const code = `const main = () => fetch("${gate.url}").then(() => ({}))`;
    await client.actions.update({ name: "conduct", action: code, kind: "nodejs:20", annotations: { conductor: true } });
    const invoke = await loaded.deploy("beside", NAPS, NAP_MS);
    try {
      for (let n = 0; n < 16; n++) await client.actions.invoke({ name: "conduct" });
      await eventually(
        () => gate.waiting > 0 && loaded.up.stack.standalone.occupancy().waiting > 0,
        "as many wait as may, and the others in line",
      );
      assert.equal((await invoke()).status, 200);
      assert.ok(gate.waiting > 0, "they wait still");
      gate.letThrough();
      await loaded.isQuiet();
    } finally {
      gate.close();
    }
  });

  it("H7: a namespace's thousand compositions in line do not hold up another's", async () => {
    const [crowd, single] = [await loaded.tenant("crowd"), await loaded.tenant("single")];
    await loaded.deploy("naps", NAPS, NAP_MS, crowd);
    const invoke = await loaded.deploy("naps", NAPS, NAP_MS, single);
    const client = openwhisk({ apihost: crowd.apihost, api_key: crowd.auth, namespace: crowd.namespace });
    const { standalone } = loaded.up.stack;
    await Promise.all(Array.from({ length: 1_000 }, () => client.actions.invoke({ name: "naps" })));
    const before = standalone.inFlight();
    assert.equal((await invoke()).status, 200);
    assert.ok(standalone.inFlight() > before / 2, `of ${before} runs ${standalone.inFlight()} had not ended when the other's had`);
    standalone.endDrain();
  });
});

const found = await findEngine();
const skip = typeof found === "string" && found;

describe("in containers of a Docker engine", { skip }, () => {
  const { engine, close } = found as TestEngine;
  after(() => close());

  it("H7: 60 compositions of 32 clients: none fails but with 429, and nothing is left", async (t) => {
    await importNodejsImage(engine, { fill: () => undefined, environment: [] });
    const loaded = await LoadedStack.start(standaloneFlags(found as TestEngine));
    try {
      const invoke = await loaded.deploy("naps", NAPS, NAP_MS);
      const answers = await invokeSideBySide(() => invoke(), { clients: 32, invocations: 60 });
      t.diagnostic(JSON.stringify(checkAnswers(answers, 60)));
      await loaded.isQuiet();
      assert.equal((await invoke()).status, 200, "a lone composition");
    } finally {
      await loaded.close();
    }
  });
});

/** What keeps all requests waiting until it lets them through. */
class Gate {
  #isOpen = false;
  readonly #held: ServerResponse[] = [];
  readonly #server = createServer((_, response) => {
    if (this.#isOpen) response.end();
    else this.#held.push(response);
  });

  static async open(): Promise<Gate> {
    const gate = new Gate();
    gate.#server.listen(0, "127.0.0.1");
    await once(gate.#server, "listening");
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get waiting(): number {
    return this.#held.length;
  }

  /** What waits may go on, and what comes later does not wait. */
  letThrough(): void {
    this.#isOpen = true;
    for (const response of this.#held.splice(0)) response.end();
  }

  close(): void {
    this.letThrough();
    this.#server.close();
  }
}
