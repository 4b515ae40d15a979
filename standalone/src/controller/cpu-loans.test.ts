import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuLoans } from "./cpu-loans.js";

const who = (transactionId: string, namespace = "guest") => ({ transactionId, user: { subject: namespace, namespace, authkey: "a:b" } });

test("1: an activation lends to one other at a time", () => {
  const loans = new CpuLoans();
  loans.enter(who("t"), 0.5);
  const loan = loans.borrow(who("t"));
  assert.equal(loan?.cpuCores, 0.5);
  assert.equal(loans.borrow(who("t")), undefined);
  loan?.giveBack();
  assert.equal(loans.borrow(who("t"))?.cpuCores, 0.5);
});

test("1: one that runs on a loan may lend it on", () => {
  const loans = new CpuLoans();
  loans.enter(who("t"), 0.5);
  loans.borrow(who("t"));
  loans.enter(who("t"), 0.25);
  assert.equal(loans.borrow(who("t"))?.cpuCores, 0.25);
});

test("2: neither another transaction nor another namespace gets anything", () => {
  const loans = new CpuLoans();
  loans.enter(who("t"), 0.5);
  assert.equal(loans.borrow(who("u")), undefined);
  assert.equal(loans.borrow(who("t", "other")), undefined);
});

test("3: what has ended lends nothing", () => {
  const loans = new CpuLoans();
  loans.enter(who("t"), 0.5)();
  assert.equal(loans.borrow(who("t")), undefined);
});
