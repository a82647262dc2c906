// The picture of the flow.
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../api/shapes/graph';
import { drawn, picture, shapeOf } from './layout';

const graph: Graph = {
  nodes: [
    { id: 'subject/S/a.>', kind: 'subject', pattern: 'a.>' },
    { id: 'subject/S/unread', kind: 'subject', pattern: 'unread' },
    { id: 'pipeline/one', kind: 'pipeline', pipeline: 'one' },
    { id: 'output/one', kind: 'output', pipeline: 'one', subject: 'b' },
    { id: 'dead-letters/one', kind: 'dead-letters', pipeline: 'one' },
    { id: 'pipeline/two', kind: 'pipeline', pipeline: 'two' },
  ],
  edges: [
    { from: 'subject/S/a.>', to: 'pipeline/one', kind: 'reads' },
    { from: 'pipeline/one', to: 'output/one', kind: 'publishes' },
    { from: 'output/one', to: 'pipeline/two', kind: 'feeds' },
    { from: 'pipeline/one', to: 'dead-letters/one', kind: 'fails' },
  ],
};

describe('the picture', () => {
  it('shows pipelines and the subjects between them', () => {
    const shown = drawn(graph, () => true);
    expect(shown.nodes.map(({ id }) => id)).toEqual([
      'subject/S/a.>',
      'pipeline/one',
      'output/one',
      'pipeline/two',
    ]);
    expect(shown.edges.map(({ kind }) => kind)).toEqual(['reads', 'publishes', 'feeds']);
  });

  it('goes from left to right', () => {
    const { boxes, arrows } = picture(drawn(graph, () => true));
    const xs = boxes.map(({ x }) => x);
    expect([...xs].sort((a, b) => a - b)).toEqual(xs);
    expect(arrows.map(({ pipeline }) => pipeline)).toEqual(['one', 'one', 'two']);
  });

  it('holds a circle', () => {
    const circle: Graph = {
      nodes: graph.nodes.filter(({ kind }) => kind === 'pipeline'),
      edges: [
        { from: 'pipeline/one', to: 'pipeline/two', kind: 'feeds' },
        { from: 'pipeline/two', to: 'pipeline/one', kind: 'feeds' },
      ],
    };
    expect(picture(circle).arrows).toHaveLength(2);
  });

  it('has the shape of its names', () => {
    expect(shapeOf(graph)).toBe(shapeOf(structuredClone(graph)));
    expect(shapeOf(graph)).not.toBe(shapeOf(drawn(graph, () => true)));
  });
});
