/**
 * One pass over a lowered composition: which functions there are, how deep, below which fork, and of what kind their branch is.
 *
 * Depth is the longest chain of functions before a function. What runs after one another adds up, what excludes or
 * accompanies one another (branches of a `parallel`, arms of a conditional) starts at the same depth, and what follows
 * comes after the deepest of them. An `async` is not waited for, so what follows it starts where it started.
 */
import { type BranchKind, branchKindOf, HarvestError } from "@openwhisk-harvest/core";
import type { CompositionNode } from "../composer.js";

/** One branch of a `parallel`, or the body of a `map` or an `async`: a session of its own at run time. */
export interface Branch {
  readonly fork: Fork;
  readonly position: number;
  readonly kind: BranchKind;
}

export interface Fork {
  readonly kind: "parallel" | "map" | "async";
  readonly path: string;
  readonly width: number;
  readonly branches: Branch[];
}

export interface FoundFunction {
  /** As composer writes it: `/_/name`, `/namespace/package/name`. */
  readonly name: string;
  readonly path: string;
  readonly depth: number;
  readonly branch: Branch | undefined;
}

export interface Walked {
  readonly functions: readonly FoundFunction[];
  readonly forks: readonly Fork[];
}

interface Place {
  readonly depth: number;
  readonly branch: Branch | undefined;
}

export function walk(root: CompositionNode): Walked {
  const walking = new Walk();
  walking.visit(root, { depth: 0, branch: undefined });
  return walking;
}

class Walk implements Walked {
  readonly functions: FoundFunction[] = [];
  readonly forks: Fork[] = [];

  /** Visits a node and returns the depth of what follows it. */
  visit(node: CompositionNode | undefined, at: Place): number {
    if (!node) return at.depth;
    switch (node.type) {
      case "action":
        return this.#visitAction(node, at);
      case "parallel":
        return this.#fork("parallel", node, node.components ?? [], at);
      case "map":
        return this.#fork("map", node, [sequenceOf(node)], at);
      case "async":
        this.#fork("async", node, [sequenceOf(node)], at);
        return at.depth;
      case "sequence":
      case "let":
      case "mask":
        return this.#inTurn(node.components ?? [], at);
      case "finally":
        return this.#inTurn([node.body, node.finalizer], at);
      case "try":
        return this.visit(node.handler, { ...at, depth: this.visit(node.body, at) });
      case "if_nosave":
        return this.#visitConditional(node, at);
      case "while_nosave":
        return this.#inTurn([node.test, node.body], at);
      case "dowhile_nosave":
        return this.#inTurn([node.body, node.test], at);
      case "dynamic":
      case "function":
        return at.depth;
      default:
        throw new HarvestError("OWH_BAD_COMPOSITION", `Composer's combinator ${JSON.stringify(node.type)} is not known.`);
    }
  }

  #visitAction(node: CompositionNode, at: Place): number {
    this.functions.push({ name: node.name ?? "", path: node.path ?? "", depth: at.depth, branch: at.branch });
    return at.depth + 1;
  }

  #visitConditional(node: CompositionNode, at: Place): number {
    const arm = { ...at, depth: this.visit(node.test, at) };
    return Math.max(this.visit(node.consequent, arm), this.visit(node.alternate, arm));
  }

  #inTurn(nodes: readonly (CompositionNode | undefined)[], at: Place): number {
    return nodes.reduce((depth, node) => this.visit(node, { ...at, depth }), at.depth);
  }

  #fork(kind: Fork["kind"], node: CompositionNode, bodies: readonly CompositionNode[], at: Place): number {
    const found: Fork = { kind, path: node.path ?? "", width: kind === "parallel" ? bodies.length : 0, branches: [] };
    this.forks.push(found);
    const ends = bodies.map((body, position) => {
      const branch: Branch = { fork: found, position, kind: branchKindOf(body) };
      found.branches.push(branch);
      return this.visit(body, { depth: at.depth, branch });
    });
    return Math.max(at.depth, ...ends);
  }
}

function sequenceOf(node: CompositionNode): CompositionNode {
  return { type: "sequence", components: node.components ?? [] };
}
