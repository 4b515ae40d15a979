/** The append-only file under damage, and the server over it: a state is what its records say, or the start fails. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { accessOf, UNRESTRICTED } from "../acl.js";
import { Waiting } from "../engine/command.js";
import { Dispatcher } from "../engine/dispatcher.js";
import { Engine } from "../engine/engine.js";
import { newSession } from "../engine/session.js";
import { encodeReply, encodeRequest } from "../resp/reply.js";
import { AppendOnlyFile } from "./append-only-file.js";
import { snapshotRecords } from "./snapshot.js";

const PASSWORDS = { default: "d", composer: "c" };

/** An engine with a clock of its own, driven without a socket. */
function newEngine() {
  const clock = { nowMs: 1_000_000 };
  const engine = new Engine({ nowMs: () => clock.nowMs, shutDown: () => undefined });
  const session = newSession(1, accessOf(PASSWORDS), UNRESTRICTED);
  const dispatcher = new Dispatcher(engine, session);
  const ask = (...words: string[]) => {
    const reply = dispatcher.handle(words.map((word) => Buffer.from(word)));
    return encodeReply(reply instanceof Waiting ? reply.timedOut : reply, 2).toString();
  };
  return { engine, clock, ask };
}

function replayed(records: readonly Buffer[]) {
  const fresh = newEngine();
  fresh.engine.keyspace.replaying = true;
  const file = join(folder, "replay.aof");
  writeFileSync(file, Buffer.concat(records));
  const session = newSession(1, accessOf(PASSWORDS), UNRESTRICTED);
  AppendOnlyFile.open(file, (request) => {
    const command = fresh.engine.command((request[0] as Buffer).toString().toLowerCase());
    assert.ok(command);
    const reply = fresh.engine.run(command, request, session);
    assert.doesNotMatch(encodeReply(reply as never, 2).toString(), /^-/);
  }).close();
  fresh.engine.keyspace.replaying = false;
  return fresh;
}

let folder: string;
let file: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "harvest-aof-"));
});
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  file = join(folder, `${Math.trunc(performance.now() * 1_000)}.aof`);
});

/** Opens the file and gives the requests in it. */
function recordsIn(path: string): string[] {
  const records: string[] = [];
  AppendOnlyFile.open(path, (request) => records.push(request.map(String).join(" "))).close();
  return records;
}

function write(...requests: string[][]): void {
  const aof = AppendOnlyFile.open(file, () => assert.fail("the file is new"));
  aof.append(requests.map(encodeRequest));
  aof.close();
}

describe("append-only file", () => {
  it("gives back what was appended, in a file only its owner reads", () => {
    write(["SET", "a", "1"], ["DEL", "a"]);
    assert.deepEqual(recordsIn(file), ["SET a 1", "DEL a"]);
    assert.equal(statSync(file).mode & 0o077, 0);
  });

  it("append-only-file.J2: cut at any byte, it holds the whole records before the cut, and goes on from there", () => {
    const requests = [["SET", "a", "1"], ["RPUSH", "l", "x\r\ny"], ["MULTI"], ["SET", "b", "2"], ["SET", "c", "3"], ["EXEC"], ["DEL", "a"]];
    const whole = Buffer.concat(requests.map(encodeRequest));
    // What a reader may see after a cut: the transaction has all or none.
    const prefixes = ["", "SET a 1", "SET a 1,RPUSH l x\r\ny", "SET a 1,RPUSH l x\r\ny,SET b 2,SET c 3"];
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      const seen = recordsIn(file);
      assert.ok(prefixes.includes(seen.join()), `cut at ${length}: ${seen.join()}`);
      const aof = AppendOnlyFile.open(file, () => undefined);
      aof.append([encodeRequest(["SET", "z", "9"])]);
      aof.close();
      assert.deepEqual(recordsIn(file), [...seen, "SET z 9"], `cut at ${length}`);
    }
  });

  it("append-only-file.J2: zeros at its end, as a power failure leaves them, are cut away", () => {
    write(["SET", "a", "1"]);
    appendFileSync(file, Buffer.alloc(4_096));
    assert.deepEqual(recordsIn(file), ["SET a 1"]);
    assert.equal(statSync(file).size, encodeRequest(["SET", "a", "1"]).length);
  });

  it("append-only-file.J2: damage in the middle is an error, and the file stays as it is", () => {
    write(["SET", "a", "1"], ["SET", "b", "2"]);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf("$1")] = 120; // x
    writeFileSync(file, bytes);
    assert.throws(() => recordsIn(file), /damaged behind byte 0/);
    assert.deepEqual(readFileSync(file), bytes);
  });

  it("append-only-file.J3: a rewrite takes the place of the old records, and appending goes on behind it", () => {
    write(["SET", "a", "1"], ["SET", "a", "2"]);
    const aof = AppendOnlyFile.open(file, () => undefined);
    aof.rewrite([encodeRequest(["SET", "a", "2"])]);
    aof.append([encodeRequest(["SET", "b", "3"])]);
    aof.close();
    assert.deepEqual(recordsIn(file), ["SET a 2", "SET b 3"]);
    assert.equal(statSync(file).mode & 0o077, 0);
  });

  it("append-only-file.J3: a rewrite that fails leaves the old file in use", () => {
    write(["SET", "a", "1"]);
    const aof = AppendOnlyFile.open(file, () => undefined);
    const failing = (function* () {
      yield encodeRequest(["SET", "a", "9"]);
      throw new Error("no space");
    })();
    assert.throws(() => aof.rewrite(failing), /no space/);
    aof.append([encodeRequest(["SET", "b", "2"])]);
    aof.close();
    assert.deepEqual(recordsIn(file), ["SET a 1", "SET b 2"]);
  });

  it("append-only-file.J3: what a rewrite left half-done is ignored", () => {
    write(["SET", "a", "1"]);
    writeFileSync(`${file}.rewrite`, "*2\r\n$3\r\nDE");
    assert.deepEqual(recordsIn(file), ["SET a 1"]);
  });

  it("becomes large by what is appended, and small by its rewrite", () => {
    const aof = AppendOnlyFile.open(file, () => undefined);
    const record = encodeRequest(["SET", "a", "x".repeat(1 << 20)]);
    for (let n = 0; n < 15; n++) aof.append([record]);
    assert.equal(aof.isLarge, false);
    aof.append([record]);
    assert.equal(aof.isLarge, true);
    aof.rewrite([record]);
    assert.equal(aof.isLarge, false);
    assert.equal(aof.bytes, statSync(file).size);
    aof.close();
    truncateSync(file, 0);
  });
});

describe("replay", () => {
  const key = fc.constantFrom("a", "b", "c");
  const value = fc.constantFrom("x", "y", "z");
  const count = fc.constantFrom("-2", "0", "1", "5");
  const request = fc.oneof(
    fc.tuple(fc.constant("SET"), key, value),
    fc.tuple(fc.constant("SET"), key, value, fc.constant("PX"), fc.constantFrom("5", "50")),
    fc.tuple(fc.constantFrom("LPUSH", "RPUSH", "LPUSHX"), key, value),
    fc.tuple(fc.constantFrom("LPOP", "RPOP", "DEL", "MULTI", "EXEC"), key),
    fc.tuple(fc.constantFrom("MULTI", "EXEC", "DISCARD")),
    fc.tuple(fc.constant("RPOP"), key, count),
    fc.tuple(fc.constant("LREM"), key, count, value),
    fc.tuple(fc.constant("RENAME"), key, key),
    fc.tuple(fc.constant("BRPOP"), key, key, fc.constant("0")),
    fc.tuple(fc.constant("BLMOVE"), key, key, fc.constantFrom("LEFT", "RIGHT"), fc.constantFrom("LEFT", "RIGHT"), fc.constant("0")),
    fc.tuple(fc.constantFrom("HSET"), key, value, value),
    fc.tuple(fc.constant("HDEL"), key, value),
    fc.tuple(fc.constant("XADD"), key, fc.constantFrom("*", "5-*", "900000000-*"), value, value),
    fc.tuple(fc.constant("XADD"), key, fc.constant("MAXLEN"), fc.constantFrom("0", "2"), fc.constant("*"), value, value),
    fc.tuple(fc.constantFrom("PEXPIRE"), key, fc.constantFrom("-1", "10", "100")),
  );
  const step = fc.oneof({ weight: 5, arbitrary: request }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) });

  /** What a client can see of an engine. */
  function visible({ ask }: ReturnType<typeof newEngine>): string[] {
    return ["a", "b", "c"].flatMap((name) => [
      ask("GET", name),
      ask("LRANGE", name, "0", "-1"),
      ask("HGETALL", name),
      ask("XRANGE", name, "-", "+"),
      ask("PTTL", name),
      ask("EXISTS", name),
    ]);
  }

  it("engine.E1: gives the same data and times to live, from the effects and from a rewrite", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const live = newEngine();
        for (const one of steps) {
          if (typeof one === "number") live.clock.nowMs += one;
          else live.ask(...one);
        }
        live.ask("DISCARD");
        const expected = visible(live);
        const snapshot = [...snapshotRecords(live.engine.keyspace)];
        for (const records of [live.engine.takeEffects(), snapshot]) {
          const again = replayed(records);
          again.clock.nowMs = live.clock.nowMs;
          assert.deepEqual(visible(again), expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("an emptied stream still gives only rising ids after a rewrite", () => {
    const live = newEngine();
    live.ask("XADD", "s", "MAXLEN", "0", "5-5", "f", "v");
    const again = replayed([...snapshotRecords(live.engine.keyspace)]);
    assert.equal(again.ask("XLEN", "s"), ":0\r\n");
    assert.match(again.ask("XADD", "s", "5-5", "f", "v"), /^-ERR The ID specified in XADD is equal or smaller/);
  });

  it("engine.E2: the effects of a transaction are bracketed, a single one is not", () => {
    const { engine, ask } = newEngine();
    for (const words of [["MULTI"], ["SET", "a", "1"], ["GET", "a"], ["SET", "b", "1"], ["EXEC"], ["MULTI"], ["SET", "c", "1"], ["EXEC"]])
      ask(...words);
    const names = engine.takeEffects().map((record) => record.toString().split("\r\n")[2]);
    assert.deepEqual(names, ["MULTI", "SET", "SET", "EXEC", "SET"]);
  });

  it("what changes nothing is not recorded", () => {
    const { engine, ask } = newEngine();
    for (const words of [
      ["DEL", "a"],
      ["LPUSHX", "a", "x"],
      ["HDEL", "a", "f"],
      ["RPOP", "a"],
      ["LREM", "a", "0", "x"],
      ["EXPIRE", "a", "9"],
      ["SET", "a", "1", "XX"],
      ["GET", "a"],
    ])
      ask(...words);
    assert.deepEqual(engine.takeEffects(), []);
  });
});
