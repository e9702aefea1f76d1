import type { Cell } from "./compare.ts";

const shown = ["dead", "half", "tenth", "hundredth", "page", "late"] as const;
const colours = ["#b3261e", "#d9731a", "#b8960c", "#3f7d3a", "#2b6cb0", "#7b3fa0"] as const;
const [width, left, right, top, rowHeight] = [860, 190, 30, 70, 30];
const decadesMax = 5;

/** Requests that a bad release failed and stable would not have, on a logarithmic scale: one row a tool, one dot a release. */
export function plotHarm(cells: readonly Cell[]): string {
  const arms = [...new Set(cells.map(({ arm }) => arm))];
  const height = top + arms.length * rowHeight + 50;
  const x = (value: number): number => left + (Math.log10(Math.max(1, value)) / decadesMax) * (width - left - right);
  const y = (row: number): number => top + row * rowHeight + rowHeight / 2;
  const text = (at: { x: number; y: number }, words: string, more = ""): string =>
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}"${more}>${words}</text>`;
  const grid = Array.from({ length: decadesMax + 1 }, (_, decade) => {
    const at = x(10 ** decade).toFixed(1);
    const bottom = height - 45;
    const line = `<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}" stroke="#ccc"/>`;
    return line + text({ x: Number(at), y: bottom + 16 }, (10 ** decade).toLocaleString("en-US"), ' text-anchor="middle"');
  });
  const legend = shown.map((name, index) => {
    const at = left + index * 105;
    return `<circle cx="${at}" cy="42" r="5" fill="${colours[index]}"/>${text({ x: at + 10, y: 46 }, name)}`;
  });
  const rows = arms.flatMap((arm, row) => {
    const dots = shown.flatMap((name, index) => {
      const cell = cells.find((each) => each.arm === arm && each.scenario === name);
      if (cell === undefined) return [];
      const isMissed = cell.promoted > cell.runs / 2;
      const paint = `fill="${isMissed ? "white" : colours[index]}" stroke="${colours[index]}" stroke-width="2"`;
      return [`<circle cx="${x(cell.excessRequests.median).toFixed(1)}" cy="${y(row)}" r="5" ${paint}/>`];
    });
    return [text({ x: left - 12, y: y(row) + 4 }, arm, ' text-anchor="end"'), ...dots];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    "<title>Failed requests by tool and kind of bad release</title>",
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(
      { x: 20, y: 22 },
      "Failed requests that stable would not have failed (median; hollow: the release reached everyone)",
      ' font-size="14"',
    ),
    ...legend,
    ...grid,
    ...rows,
    text({ x: left, y: height - 10 }, "requests, logarithmic; 0 is drawn at 1"),
    "</svg>",
    "",
  ].join("\n");
}
