/** "Redis down" (architecture, 7): a parallel stage goes on when Redis is back with its data; it never hangs and never ends wrong. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { systemClock } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { withoutRedis } from "@openwhisk-harvest/testkit/redis";
import { AES_JOB, aesInputs, startTestStack, type TestStack } from "./stack.kit.js";

/** Where there are none, whether a branch is at work cannot be seen from outside. */
const noGroups = await withoutControlGroups();

for (const kind of ["redis-server", "embedded"] as const) {
  describe(`kill -9 of the ${kind} Redis in the middle of a run`, { skip: withoutRedis(kind) || noGroups }, () => {
    let up: TestStack;
    let input: Record<string, unknown>;
    let expected: unknown;

    before(async () => {
      up = await startTestStack([], { preferSystemRedis: kind === "redis-server" });
      assert.equal(up.stack.redis?.kind, kind);
      await up.deploy(AES_JOB);
      await up.setMode("harvest");
      [input] = (await aesInputs({ count: 1, seed: 3, minBytes: 90_000, maxBytes: 110_000 })) as [Record<string, unknown>];
      expected = await run(up, input);
      assert.equal((expected as { bytes: number }).bytes, Buffer.byteLength(String(input["text"])));
    });
    after(() => up?.close());

    it("joins the stage with the right result when Redis comes back while branches run", async () => {
      const isAtWork = up.containers.workWatch("aes-2");
      const result = run(up, input);
      await eventually(isAtWork, "a branch is at work");
      const before = up.stack.redis?.pid();
      up.stack.redis?.kill("SIGKILL");
      assert.deepEqual(await result, expected);
      assert.notEqual(up.stack.redis?.pid(), before, "Redis was not killed");
    });

    it("joins it when Redis is killed again and again during one run", async () => {
      const result = run(up, input);
      let ended = false;
      const done = result.finally(() => {
        ended = true;
      });
      for (let kills = 0; kills < 4 && !ended; kills++) {
        await eventually(() => up.stack.redis?.pid() !== undefined, "Redis is back");
        up.stack.redis?.kill("SIGKILL");
        await systemClock.sleep(150); // the moment of the next blow, not a wait for anything
      }
      assert.deepEqual(await done, expected);
    });

    it("runs as before once Redis is back, in the mode that was set before", async () => {
      await eventually(() => up.stack.redis?.pid() !== undefined, "Redis is back");
      assert.deepEqual(await run(up, input), expected);
      assert.equal((await up.stack.allocations.modes()).global, "harvest", "the mode has survived");
    });
  });
}

async function run({ client }: TestStack, params: Record<string, unknown>): Promise<unknown> {
  return client.actions.invoke({ name: "parallel-aes", blocking: true, result: true, params });
}
