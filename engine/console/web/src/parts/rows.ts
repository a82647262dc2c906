// Which rows of a long table are in view. Only those are made, so that ten thousand scroll like ten.

/** Rows above and below the view, so that scrolling shows no gap. */
const SPARE = 8;

export interface Rows {
  from: number;
  /** The first that is not made. */
  to: number;
}

export function rowsInView(count: number, rowHeight: number, scrolled: number, viewHeight: number): Rows {
  const first = Math.floor(Math.max(0, scrolled) / rowHeight);
  const inView = Math.ceil(viewHeight / rowHeight);
  const from = Math.max(0, Math.min(first, count - inView) - SPARE);
  return { from, to: Math.min(count, Math.max(first, 0) + inView + SPARE) };
}
