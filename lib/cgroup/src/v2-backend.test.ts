import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { detectEnforcement } from "./detect.js";
import { FakeKernel, type KernelOptions, MOUNT } from "./v2-kernel.kit.js";

const BELOW_USER = `${MOUNT}/user.slice/user@1000.service`;
const OWN_SCOPE = `${BELOW_USER}/app.slice/shell.scope`;

async function detect(kernel: FakeKernel) {
  return detectEnforcement({ host: kernel.host(), allow: ["cgroup-v2"] });
}

function delegatedUser(options: KernelOptions = {}): FakeKernel {
  const kernel = new FakeKernel({ ownDir: OWN_SCOPE, writable: [BELOW_USER, `${BELOW_USER}/app.slice`, OWN_SCOPE], ...options });
  kernel.handDownTo(BELOW_USER);
  return kernel;
}

describe("cgroup v2: where groups are made", () => {
  it("root in the real root hands controllers down from there", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const enforcer = await detect(kernel);
    assert.equal(enforcer.enforcement, "cgroup-v2");
    const group = await enforcer.createGroup("a");
    await group.add(100);
    assert.equal(kernel.pids.get(100), `${MOUNT}/openwhisk-harvest-100-0/a`);
  });

  it("a delegated user gets the nearest slice of theirs, which has no processes of its own", async () => {
    const kernel = delegatedUser();
    const enforcer = await detect(kernel);
    assert.equal(enforcer.reason, `cgroup v2, below ${BELOW_USER}/app.slice.`);
    assert.equal(kernel.files.get(`${BELOW_USER}/app.slice/cgroup.subtree_control`)?.trim(), "cpu memory");
    await enforcer.createGroup("a");
    assert.ok(kernel.dirs.has(`${BELOW_USER}/app.slice/openwhisk-harvest-100-0/a`));
  });

  it("takes the slice above when the nearest has processes", async () => {
    const kernel = delegatedUser();
    kernel.pids.set(7, `${BELOW_USER}/app.slice`);
    assert.equal((await detect(kernel)).reason, `cgroup v2, below ${BELOW_USER}.`);
  });

  it("names every group that was tried when an ordinary user has been delegated nothing", async () => {
    const kernel = delegatedUser({ writable: [] });
    const { enforcement, reason } = await detect(kernel);
    assert.equal(enforcement, "none");
    for (const dir of [`${BELOW_USER}/app.slice`, BELOW_USER, MOUNT]) assert.ok(reason.includes(`${dir} is not writable`), reason);
    assert.deepEqual(kernel.writes, []);
  });

  it("steps aside in a service of its own, and back again on closing", async () => {
    const service = `${MOUNT}/system.slice/harvest.service`;
    const kernel = new FakeKernel({ ownDir: service, writable: [service] });
    kernel.handDownTo(`${MOUNT}/system.slice`);
    kernel.pids.set(101, service);
    const enforcer = await detect(kernel);
    assert.equal(enforcer.enforcement, "cgroup-v2");
    assert.equal(kernel.pids.get(100), `${service}/openwhisk-harvest-supervisor`);
    assert.equal(kernel.pids.get(101), `${service}/openwhisk-harvest-supervisor`);
    await enforcer.createGroup("a");
    await enforcer.close();
    assert.deepEqual([kernel.pids.get(100), kernel.pids.get(101)], [service, service]);
    assert.deepEqual(kernel.fs.childDirs(service), []);
    assert.equal(kernel.files.get(`${service}/cgroup.subtree_control`)?.trim(), "");
  });

  it("never moves processes when the controllers are not there at all (hybrid hosts)", async () => {
    const kernel = new FakeKernel({ realRoot: true, controllers: ["hugetlb"] });
    const { enforcement, reason } = await detect(kernel);
    assert.equal(enforcement, "none");
    assert.match(reason, /lacks the controllers cpu, memory/);
    assert.deepEqual(kernel.writes, []);
  });

  it("says that it is read-only inside a container with Docker's defaults", async () => {
    const kernel = new FakeKernel({ writable: [] });
    const { enforcement, reason } = await detect(kernel);
    assert.equal(enforcement, "none");
    assert.match(reason, /\/sys\/fs\/cgroup is not writable/);
  });
});

describe("cgroup v2: what stays behind", () => {
  it("leaves nothing after close, and kills what still runs", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const enforcer = await detect(kernel);
    const group = await enforcer.createGroup("a");
    kernel.pids.set(200, MOUNT);
    await group.add(200);
    await enforcer.close();
    assert.ok(!kernel.pids.has(200));
    assert.deepEqual(kernel.fs.childDirs(MOUNT), []);
    await assert.rejects(enforcer.createGroup("b"), { code: "OWH_NO_CGROUP" });
  });

  it("our-groups.G1, our-groups.G2: clears groups of dead owners and no others", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    kernel.pids.set(300, MOUNT);
    const bases = ["openwhisk-harvest-299-0", "openwhisk-harvest-300-0", "openwhisk-harvest-xyz", "docker"];
    for (const base of bases) {
      kernel.fs.makeDir(`${MOUNT}/${base}`);
      kernel.fs.makeDir(`${MOUNT}/${base}/a`);
    }
    kernel.pids.set(400, `${MOUNT}/openwhisk-harvest-299-0/a`);
    await detect(kernel);
    assert.ok(!kernel.pids.has(400), "an orphan of the dead owner is killed");
    assert.deepEqual(kernel.fs.childDirs(MOUNT).sort(), [
      "docker",
      "openwhisk-harvest-100-0",
      "openwhisk-harvest-300-0",
      "openwhisk-harvest-xyz",
    ]);
  });

  it("our-groups.G2: a group that holds a process of another PID namespace is left alone", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    kernel.fs.makeDir(`${MOUNT}/openwhisk-harvest-299-0`);
    kernel.pids.set(0, `${MOUNT}/openwhisk-harvest-299-0`);
    await detect(kernel);
    assert.ok(kernel.dirs.has(`${MOUNT}/openwhisk-harvest-299-0`));
  });

  it("several enforcers of one process do not meet", async () => {
    const kernel = new FakeKernel({ realRoot: true });
    const [one, two] = [await detect(kernel), await detect(kernel)];
    await Promise.all([one.createGroup("a"), two.createGroup("a")]);
    await assert.rejects(one.createGroup("a"), { code: "OWH_CONFLICT" });
    await one.close();
    assert.ok(kernel.dirs.has(`${MOUNT}/openwhisk-harvest-100-1/a`));
  });

  it("refuses names that could leave the place of our groups", async () => {
    const enforcer = await detect(new FakeKernel({ realRoot: true }));
    for (const name of ["", "..", "a/b", "cgroup.procs", "-x", "a".repeat(200)])
      await assert.rejects(enforcer.createGroup(name), { code: "OWH_BAD_REQUEST" });
  });
});
