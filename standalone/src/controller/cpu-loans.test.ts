import assert from "node:assert/strict";
import { test } from "node:test";
import { LENT_CPU_CORES } from "../messages.js";
import { CpuLoans, type LenderTerms } from "./cpu-loans.js";

const transaction = (transactionId: string, namespace = "guest") => ({
  transactionId,
  user: { subject: namespace, namespace, authkey: "a:b" },
});

/** A lender whose limit and permits are noted. */
function lender(cpuCores: number, invoker = 0) {
  const state = { shrunk: false, released: 0 };
  const terms: LenderTerms = {
    invoker,
    cpuCores,
    shrink: () => {
      state.shrunk = true;
      return () => {
        state.shrunk = false;
      };
    },
    release: () => {
      state.released++;
    },
  };
  return { state, terms };
}

test("cpu-loans.1: an activation lends to one other at a time", () => {
  const loans = new CpuLoans();
  loans.enter(transaction("t"), lender(0.5).terms);
  const loan = loans.borrow(transaction("t"));
  assert.equal(loan?.cpuCores, 0.5 - LENT_CPU_CORES);
  assert.equal(loans.borrow(transaction("t")), undefined);
  loan?.giveBack();
  assert.ok(loans.borrow(transaction("t")));
});

test("cpu-loans.1: one that runs on a loan may lend it on, until too little is left", () => {
  const loans = new CpuLoans();
  loans.enter(transaction("t"), lender(0.5).terms);
  loans.borrow(transaction("t"));
  loans.enter(transaction("t"), lender(0.25).terms);
  assert.equal(loans.borrow(transaction("t"))?.cpuCores, 0.2);
  loans.enter(transaction("t"), lender(0.1).terms);
  assert.equal(loans.borrow(transaction("t")), undefined);
});

test("cpu-loans.2: neither another transaction nor another namespace gets anything, and the loan is for the lender's invoker", () => {
  const loans = new CpuLoans();
  loans.enter(transaction("t"), lender(0.5, 3).terms);
  assert.equal(loans.borrow(transaction("u")), undefined);
  assert.equal(loans.borrow(transaction("t", "other")), undefined);
  assert.equal(loans.borrow(transaction("t"))?.invoker, 3);
});

test("cpu-loans.3: what has ended lends nothing", () => {
  const loans = new CpuLoans();
  const { state, terms } = lender(0.5);
  loans.enter(transaction("t"), terms)();
  assert.equal(loans.borrow(transaction("t")), undefined);
  assert.equal(state.released, 1);
});

test("cpu-loans.4: the lender's limit shrinks while it lends", () => {
  const loans = new CpuLoans();
  const { state, terms } = lender(0.5);
  loans.enter(transaction("t"), terms);
  const loan = loans.borrow(transaction("t"));
  assert.equal(state.shrunk, true);
  loan?.giveBack();
  assert.equal(state.shrunk, false);
});

test("cpu-loans.4: a lender that ends before its loan is back releases what it holds when it is back, once", () => {
  const loans = new CpuLoans();
  const { state, terms } = lender(0.5);
  const ended = loans.enter(transaction("t"), terms);
  const loan = loans.borrow(transaction("t"));
  ended();
  assert.equal(state.released, 0);
  loan?.giveBack();
  loan?.giveBack();
  assert.equal(state.released, 1);
});
