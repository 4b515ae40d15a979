/** This machine lacks what a bench needs; its message says what. Nothing is broken, and what was measured elsewhere stays in the page. */
export class MissingHere extends Error {
  override readonly name = "MissingHere";
}
