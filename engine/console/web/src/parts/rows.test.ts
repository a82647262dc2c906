// The rows in view.
import { describe, expect, it } from 'vitest';
import { rowsInView } from './rows';

describe('the rows in view', () => {
  it('are a few of many, wherever it is scrolled to', () => {
    expect(rowsInView(1000, 40, 0, 400)).toEqual({ from: 0, to: 18 });
    expect(rowsInView(1000, 40, 4000, 400)).toEqual({ from: 92, to: 118 });
    expect(rowsInView(1000, 40, 39_600, 400)).toEqual({ from: 982, to: 1000 });
  });

  it('are all of few', () => {
    expect(rowsInView(3, 40, 0, 400)).toEqual({ from: 0, to: 3 });
    expect(rowsInView(0, 40, 0, 400)).toEqual({ from: 0, to: 0 });
  });

  it('end with the last one where the list grew shorter', () => {
    expect(rowsInView(3, 40, 4000, 400)).toEqual({ from: 0, to: 3 });
  });
});
