/** Run: agents inside stock runtime images, and the node agent that applies allocations (DESIGN, section 3). */
export {};
