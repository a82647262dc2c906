// The states of many pipelines.
import { describe, expect, it } from 'vitest';
import type { ListedPipeline, StateName } from '../../api/shapes/pipeline';
import { byTrouble, statesOf } from './states';

const of = (name: string, state: StateName): ListedPipeline => ({ name, state, revision: 1, partitions: 1 });
const LIST = [of('b', 'running'), of('a', 'running'), of('d', 'parked'), of('c', 'paused')];

describe('pipelines', () => {
  it('in trouble come first', () => {
    expect(byTrouble(LIST).map(({ name }) => name)).toEqual(['d', 'c', 'a', 'b']);
  });

  it('are counted by state', () => {
    expect(statesOf(LIST)).toEqual([
      { state: 'parked', count: 1 },
      { state: 'paused', count: 1 },
      { state: 'running', count: 2 },
    ]);
  });
});
