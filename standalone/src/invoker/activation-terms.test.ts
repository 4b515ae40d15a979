/** The rules of activation-terms.ts, and H2, H3, H5 (architecture, 5), over the terms of a message and over the resolver that feeds it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { termsOf } from "@openwhisk-harvest/applier";
import {
  type Allocation,
  type AllocationLookup,
  type AllocationStore,
  atIndex,
  DEFAULT_MODE_SETTINGS,
  formatRunKey,
  type Grid,
  HarvestError,
  type HarvestParam,
  isOnGrid,
  lastIndex,
  type ModeSettings,
  type Pause,
  type PublishedAllocation,
  parseRunKey,
  type UserAllocation,
} from "@openwhisk-harvest/core";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import type { ActivationTerms } from "../messages.js";
import { activationTermsOf, createTermsResolver, createUserTermsResolver, requestOf, roomFor } from "./activation-terms.js";
import { type MessageParts, messageOf } from "./messages.kit.js";

const GRID: Grid = { cpuCores: { min: 0.25, max: 2, step: 0.25 }, memoryMb: { min: 128, max: 8192, step: 128 } };
const BOUNDS = { grid: GRID, maxAllocation: { cpuCores: 1.75, memoryMb: 2048 } };
const U: UserAllocation = { cpuCores: 1, cpuSource: "platform-default", memoryMb: 256 };
const ROOT = "ab".repeat(16);
const K = formatRunKey({ root: ROOT, trail: [{ forkPath: "[1]", forkNo: 0, position: 2 }], astPath: "[1][2]", seq: 0 });
const D = "decision-1";
const modes = (global: ModeSettings["global"], namespaces: ModeSettings["namespaces"] = {}): ModeSettings => ({ v: 1, global, namespaces });
const published = (more: Partial<PublishedAllocation> = {}): PublishedAllocation => ({
  v: 1,
  cpuCores: 0.25,
  memoryMb: 512,
  decision: D,
  namespace: "guest",
  epoch: 1,
  ...more,
});
const without = (key: "cpuCores" | "memoryMb"): PublishedAllocation => {
  const { [key]: _absent, ...rest } = published();
  return rest as PublishedAllocation;
};
const lookup = (allocation: PublishedAllocation | undefined, settings = modes("harvest")): AllocationLookup =>
  allocation ? { allocation, modes: settings } : { modes: settings };

interface Case {
  readonly parts?: MessageParts;
  readonly user?: UserAllocation;
  /** null: there is none. */
  readonly harvest?: HarvestParam | null;
  readonly lookup?: AllocationLookup | null;
  readonly nowMs?: number;
}

/** A run to which everything fits, but for what the case says. */
function termsFor({ parts, user = U, harvest = { k: K, d: D }, lookup: found = lookup(published()), nowMs }: Case = {}): ActivationTerms {
  const message = messageOf(parts);
  const shown = harvest ? { harvest, key: parseRunKey(harvest.k) } : {};
  const request = { ...requestOf(message, user), ...shown, ...(found && { lookup: found }), ...(nowMs !== undefined && { nowMs }) };
  return activationTermsOf(message, user, termsOf(request, roomFor(user, BOUNDS.maxAllocation), GRID));
}
const given = ({ cpuCores, memoryMb, decision }: ActivationTerms) => ({ cpuCores, memoryMb, decision });
const EXACTLY_U = { cpuCores: 1, memoryMb: 256, decision: undefined };

test("H3 is exempted by a decision that was stamped, is ours, and lies on the grid", () => {
  assert.deepEqual(given(termsFor()), { cpuCores: 0.25, memoryMb: 512, decision: D });
  assert.equal(termsFor().mode, "harvest");
});

test("a pause is U for what it covers, until it is over", () => {
  const paused = (pause: Partial<Pause>) =>
    lookup(published(), { ...modes("harvest"), pauses: [{ by: "operator", sinceMs: 0, ...pause }] });
  const { name, namespace } = messageOf().action;
  assert.equal(namespace, "guest");
  for (const pause of [{}, { namespace }, { namespace, action: name }])
    assert.deepEqual(given(termsFor({ lookup: paused(pause) })), EXACTLY_U);
  for (const pause of [{ namespace: "other" }, { namespace, action: `not-${name}` }, { namespace: "other", action: name }])
    assert.equal(termsFor({ lookup: paused(pause) }).decision, D);
  const soonOver = paused({ untilMs: 10 });
  assert.equal(termsFor({ lookup: soonOver, nowMs: 9 }).decision, undefined);
  assert.equal(termsFor({ lookup: soonOver, nowMs: 10 }).decision, D);
});

const unstamped: HarvestParam = { k: K };
const h3: [string, Case][] = [
  ["it is outside of all compositions", { harvest: null }],
  ["Redis was not asked, failed, or was late", { lookup: null }],
  ["nothing was published", { lookup: lookup(undefined) }],
  ["the fork stamped nothing, whatever Redis says later", { harvest: unstamped }],
  ["another decision was stamped", { harvest: { k: K, d: "decision-2" } }],
  ["it was published for another namespace", { lookup: lookup(published({ namespace: "other" })) }],
  ["its CPU is between the steps", { lookup: lookup(published({ cpuCores: 0.3 })) }],
  ["its CPU is below the grid", { lookup: lookup(published({ cpuCores: 0 })) }],
  ["its CPU is above the grid", { lookup: lookup(published({ cpuCores: 2.25 })) }],
  ["its CPU is no number", { lookup: lookup(published({ cpuCores: Number.NaN })) }],
  ["its memory is off the grid, though its CPU is on it", { lookup: lookup(published({ memoryMb: 130 })) }],
  ["the mode is observe", { lookup: lookup(published(), DEFAULT_MODE_SETTINGS) }],
  ["the mode is off", { lookup: lookup(published(), modes("off")) }],
  ["the namespace is off", { lookup: lookup(published(), modes("harvest", { guest: "off" })) }],
  ["the namespace is observed", { lookup: lookup(published(), modes("harvest", { guest: "observe" })) }],
  ["the action opts out", { parts: { annotations: [{ key: "harvest", value: false }] } }],
  ["off is stronger than profile", { lookup: lookup(published(), modes("profile", { guest: "off" })) }],
  ["its container serves several runs at once (terms.A6)", { parts: { limits: { concurrency: 2 } } }],
];
for (const [why, unfit] of h3)
  test(`H3: a run has U, exactly, when ${why}`, () => {
    assert.deepEqual(given(termsFor(unfit)), EXACTLY_U);
  });

test("an action, or a namespace, may opt in alone", () => {
  const annotations = [{ key: "harvest", value: true }];
  assert.equal(termsFor({ parts: { annotations }, lookup: lookup(published(), DEFAULT_MODE_SETTINGS) }).cpuCores, 0.25);
  assert.equal(termsFor({ lookup: lookup(published(), modes("observe", { guest: "harvest" })) }).cpuCores, 0.25);
});

test("a resource that was not published stays at U", () => {
  assert.deepEqual(given(termsFor({ lookup: lookup(without("memoryMb")) })), { cpuCores: 0.25, memoryMb: 256, decision: D });
  assert.deepEqual(given(termsFor({ lookup: lookup(without("cpuCores")) })), { cpuCores: 1, memoryMb: 512, decision: D });
});

test("terms.A4: harvested memory never takes the limit below U, and CPU is never more than an invoker has", () => {
  assert.equal(termsFor({ lookup: lookup(published({ memoryMb: 128 })) }).memoryMb, 256);
  assert.equal(termsFor({ lookup: lookup(published({ cpuCores: 2 })) }).cpuCores, 1.75);
});

test("terms.A5: profile gives every function the most there is, and never less than U", () => {
  const profiled = { lookup: lookup(undefined, modes("profile")), harvest: unstamped };
  assert.deepEqual(given(termsFor(profiled)), { cpuCores: 1.75, memoryMb: 1024, decision: undefined });
  const large: UserAllocation = { cpuCores: 4, cpuSource: "annotation", memoryMb: 1536 };
  assert.deepEqual(given(termsFor({ ...profiled, user: large })), { cpuCores: 4, memoryMb: 1536, decision: undefined });
});

test("activation-terms.G2: a conductor has U's memory and holds no CPU, in every mode", () => {
  for (const mode of ["off", "observe", "harvest", "profile"] as const) {
    const annotations = [{ key: "conductor", value: true }];
    const terms = termsFor({ parts: { annotations }, harvest: null, lookup: lookup(published(), modes(mode)) });
    assert.deepEqual([terms.cpuCores, terms.memoryMb, terms.decision, terms.conductor], [0, 256, undefined, true]);
  }
});

const onAxis = (axis: Grid["cpuCores"]) => fc.nat({ max: lastIndex(axis) }).map((k) => atIndex(axis, k));
const anything = fc.oneof(fc.double(), fc.integer({ min: -4096, max: 20_000 }));

test("whatever Redis holds: U exactly, or on the grid (H2), not above what was published, memory not below U (H5)", () => {
  fc.assert(
    fc.property(
      fc.record({
        cpuCores: fc.option(fc.oneof(onAxis(GRID.cpuCores), anything), { nil: undefined }),
        memoryMb: fc.option(fc.oneof(onAxis(GRID.memoryMb), anything), { nil: undefined }),
        decision: fc.constantFrom(D, "other"),
        namespace: fc.constantFrom("guest", "other"),
        global: fc.constantFrom("off" as const, "observe" as const, "harvest" as const),
        userMb: fc.integer({ min: 1, max: 4096 }),
        userCores: fc.double({ min: 0.01, max: 8, noNaN: true }),
      }),
      ({ cpuCores, memoryMb, decision, namespace, global, userMb, userCores }) => {
        const allocation = {
          v: 1,
          epoch: 1,
          decision,
          namespace,
          ...(cpuCores === undefined ? {} : { cpuCores }),
          ...(memoryMb === undefined ? {} : { memoryMb }),
        };
        const user: UserAllocation = { cpuCores: userCores, cpuSource: "annotation", memoryMb: userMb };
        const terms = termsFor({ user, lookup: lookup(allocation as PublishedAllocation, modes(global)) });
        assert.ok(terms.memoryMb >= userMb); // H5
        if (terms.decision === undefined) return assert.deepEqual([terms.cpuCores, terms.memoryMb], [userCores, userMb]); // H3
        assert.ok(global === "harvest" && decision === D && namespace === "guest");
        if (cpuCores === undefined) assert.equal(terms.cpuCores, userCores);
        else
          assert.ok(
            isOnGrid(GRID.cpuCores, terms.cpuCores) && terms.cpuCores <= cpuCores && terms.cpuCores <= BOUNDS.maxAllocation.cpuCores,
          ); // H2
        assert.ok(terms.memoryMb <= Math.max(userMb, memoryMb ?? 0));
      },
    ),
    { numRuns: 10_000 },
  );
});

class Store implements Pick<AllocationStore, "lookup"> {
  asked = 0;
  readonly #answer: () => Promise<AllocationLookup>;
  constructor(answer: () => Promise<AllocationLookup>) {
    this.#answer = answer;
  }
  lookup = () => {
    this.asked++;
    return this.#answer();
  };
}

function resolverWith(answer: () => Promise<AllocationLookup>, maxAllocation: Allocation = BOUNDS.maxAllocation) {
  const store = new Store(answer);
  const logger = new RecordingLogger();
  return { store, logger, resolve: createTermsResolver({ allocations: store, grid: GRID, maxAllocation, logger }) };
}
const good = async () => lookup(published());
const inRun = { cause: "c".repeat(32), content: { a: 1, $harvest: { k: K, d: D } } };

test("$harvest is applied, and taken out of the content", async () => {
  const { resolve } = resolverWith(good);
  const { message, terms } = await resolve(messageOf(inRun));
  assert.deepEqual(message.content, { a: 1 });
  assert.deepEqual(
    [given(terms), terms.harvest],
    [
      { cpuCores: 0.25, memoryMb: 512, decision: D },
      { k: K, d: D },
    ],
  );
});

test("activation-terms.G1: without a cause, or with a key that cannot be read, $harvest is taken out, Redis is not asked, and U is given", async () => {
  const { store, resolve } = resolverWith(good);
  const { cause } = inRun;
  const forged: MessageParts[] = [
    { content: inRun.content },
    { cause, content: { $harvest: "text" } },
    { cause, content: { $harvest: null } },
    { cause, content: { $harvest: {} } },
    { cause, content: { $harvest: { k: 7, d: D } } },
    { cause, content: { $harvest: { k: `${K}x`, d: D } } },
    { cause, content: { $harvest: [K] } },
  ];
  for (const parts of forged) {
    const { message, terms } = await resolve(messageOf(parts));
    assert.equal("$harvest" in (message.content as object), false);
    assert.deepEqual([given(terms), terms.mode, terms.harvest], [EXACTLY_U, "off", undefined]);
  }
  for (const content of [{ a: 1 }, [1], undefined, null]) {
    const { message } = await resolve(messageOf({ cause, content }));
    assert.deepEqual(message.content, content);
  }
  assert.equal(store.asked, 0);
});

test("H3: an error of Redis, as the store gives it after its deadline, is U", async () => {
  const { resolve, logger } = resolverWith(() => Promise.reject(new HarvestError("OWH_STORE_UNAVAILABLE", "no answer within 50 ms")));
  const { terms, message } = await resolve(messageOf(inRun));
  assert.deepEqual([given(terms), message.content, terms.mode], [EXACTLY_U, { a: 1 }, "off"]);
  assert.equal(logger.complaints.length, 1);
});

test("modes are read for every run of a composition, stamped or not; without $harvest Redis is not asked", async () => {
  const { store, resolve } = resolverWith(async () => lookup(undefined, modes("profile")));
  const { terms } = await resolve(messageOf({ ...inRun, content: { $harvest: { k: K } } }));
  assert.deepEqual([terms.mode, terms.cpuCores, terms.harvest], ["profile", 1.75, { k: K }]);
  const outside = await resolve(messageOf({ cause: inRun.cause, content: {} }));
  assert.deepEqual([given(outside.terms), outside.terms.mode, store.asked], [EXACTLY_U, "off", 1]);
});

test("a run key is applied once: what shows it again has U", async () => {
  const { resolve, logger } = resolverWith(good);
  assert.equal((await resolve(messageOf(inRun))).terms.decision, D);
  const { terms } = await resolve(messageOf(inRun));
  assert.deepEqual([given(terms), terms.mode], [EXACTLY_U, "harvest"]);
  assert.equal(logger.complaints.length, 1);
});

test("U comes from the action: encoded memory, the annotation cpu, else one core; a malformed one is the platform's", async () => {
  const { resolve, logger } = resolverWith(good);
  const uOf = async (parts: MessageParts) => (await resolve(messageOf(parts))).terms.user;
  assert.deepEqual(await uOf({ limits: { memory: 8448 } }), { cpuCores: 2, cpuSource: "encoded", memoryMb: 256 });
  assert.deepEqual(await uOf({ annotations: [{ key: "cpu", value: 0.5 }] }), { cpuCores: 0.5, cpuSource: "annotation", memoryMb: 256 });
  assert.deepEqual(await uOf({}), U);
  assert.deepEqual(await uOf({ annotations: [{ key: "cpu", value: "many" }] }), U);
  assert.equal(logger.complaints.length, 1);
});

test("a conductor is known by its annotation, and Redis is not asked for it", async () => {
  const { store, resolve } = resolverWith(good);
  const { terms } = await resolve(messageOf({ ...inRun, annotations: [{ key: "conductor", value: { type: "sequence" } }] }));
  assert.deepEqual([terms.conductor, terms.cpuCores, store.asked], [true, 0, 0]);
});

test("where a node agent applies, everything has U here, and $harvest goes on to the container", async () => {
  const resolve = createUserTermsResolver({ ...BOUNDS, logger: new RecordingLogger() });
  const { message, terms } = await resolve(messageOf(inRun));
  assert.deepEqual(message.content, inRun.content);
  assert.deepEqual([given(terms), terms.mode, terms.harvest], [EXACTLY_U, "off", undefined]);
  const { terms: ofConductor } = await resolve(messageOf({ annotations: [{ key: "conductor", value: true }] }));
  assert.deepEqual([ofConductor.conductor, ofConductor.cpuCores], [true, 0]);
});
