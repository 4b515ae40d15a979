/** What the figures are drawn with: scales, axes and escaping. Pure text. */

/** Told apart by people with any colour vision (Okabe and Ito's palette). */
export const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000"];

export const PLOT = { width: 460, height: 260, left: 56, right: 12, top: 10, bottom: 40 } as const;
export const INNER_WIDTH = PLOT.width - PLOT.left - PLOT.right;
export const INNER_HEIGHT = PLOT.height - PLOT.top - PLOT.bottom;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

/** Pixels of a share 0..1 on the vertical axis. */
export function yOfShare(share: number): number {
  return PLOT.top + (1 - share) * INNER_HEIGHT;
}

/** A figure of the common size. */
export function figure(label: string, content: string): string {
  return `<svg viewBox="0 0 ${PLOT.width} ${PLOT.height}" role="img" aria-label="${escapeHtml(label)}">\n${content}\n</svg>`;
}

/** Shares 0 to 1 with lines across. */
export function shareAxis(): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const y = yOfShare(share).toFixed(1);
      return `<line x1="${PLOT.left}" x2="${PLOT.width - PLOT.right}" y1="${y}" y2="${y}" stroke="#0002"/><text x="${PLOT.left - 6}" y="${Number(y) + 4}" text-anchor="end">${share * 100} %</text>`;
    })
    .join("");
}

/** A logarithmic horizontal axis; values below the smallest power of ten stand at its left end. */
export interface LogScale {
  readonly fromPower: number;
  readonly toPower: number;
}

/** Spans these values, at most seven powers of ten below the largest. */
export function logScaleOf(values: readonly number[]): LogScale {
  const positive = values.filter((v) => v > 0);
  if (positive.length === 0) return { fromPower: -1, toPower: 0 };
  const toPower = Math.ceil(Math.log10(Math.max(...positive)) + 1e-9);
  const fromPower = Math.floor(Math.log10(Math.min(...positive)));
  return { fromPower: Math.min(Math.max(fromPower, toPower - 7), toPower - 1), toPower };
}

export function xOfLog({ fromPower, toPower }: LogScale, value: number): number {
  const power = value > 0 ? Math.log10(value) : Number.NEGATIVE_INFINITY;
  const share = Math.min(1, Math.max(0, (power - fromPower) / (toPower - fromPower)));
  return PLOT.left + share * INNER_WIDTH;
}

export function logAxis(scale: LogScale, title: string): string {
  const bottom = PLOT.top + INNER_HEIGHT;
  const ticks: string[] = [];
  for (let power = scale.fromPower; power <= scale.toPower; power++) {
    const x = xOfLog(scale, 10 ** power).toFixed(1);
    ticks.push(
      `<line x1="${x}" x2="${x}" y1="${PLOT.top}" y2="${bottom + 4}" stroke="#0002"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${labelOfPower(power)}</text>`,
    );
  }
  return `${ticks.join("")}<text x="${PLOT.left + INNER_WIDTH / 2}" y="${PLOT.height - 6}" text-anchor="middle">${escapeHtml(title)}</text>`;
}

function labelOfPower(power: number): string {
  return power >= -3 && power <= 5 ? String(Number((10 ** power).toPrecision(1))) : `1e${power}`;
}
