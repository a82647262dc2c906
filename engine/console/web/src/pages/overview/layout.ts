// Places the nodes of the flow: layers from left to right, by dagre. Only the names of nodes and edges decide,
// so the picture stands still while numbers change.
import { Graph as Layered, layout } from '@dagrejs/dagre';
import type { Graph, GraphNode } from '../../api/shapes/graph';

/** Beyond this many pipelines a picture says less than a list, and its layout takes seconds. */
export const MOST_DRAWN = 60;
export const SIZE = { pipeline: { width: 184, height: 56 }, subject: { width: 168, height: 28 } };
const MARGIN = 8;
const KINDS = new Set(['reads', 'feeds', 'publishes', 'rows']);

export interface Box extends GraphNode {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Arrow {
  key: string;
  kind: string;
  /** The pipeline whose rate it carries. */
  pipeline: string | undefined;
  path: string;
  middle: { x: number; y: number };
}

export interface Picture {
  width: number;
  height: number;
  boxes: Box[];
  arrows: Arrow[];
}

interface Point {
  x: number;
  y: number;
}

/** What is drawn of a graph: subjects, pipelines and outputs. Dead letters are a number on their pipeline. */
export function drawn(graph: Graph, wanted: (pipeline: string) => boolean): Graph {
  const kept = (node: GraphNode) =>
    node.kind === 'subject' ||
    ((node.kind === 'pipeline' || node.kind === 'output') && wanted(node.pipeline ?? ''));
  const nodes = graph.nodes.filter(kept);
  const ids = new Set(nodes.map(({ id }) => id));
  const edges = graph.edges.filter(({ from, to, kind }) => KINDS.has(kind) && ids.has(from) && ids.has(to));
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  return { nodes: nodes.filter(({ id, kind }) => kind === 'pipeline' || used.has(id)), edges };
}

/** Names a graph's shape: equal for graphs that are drawn alike. */
export function shapeOf(graph: Graph): string {
  return JSON.stringify([graph.nodes.map(({ id }) => id), graph.edges.map(({ from, to }) => [from, to])]);
}

export function picture(graph: Graph): Picture {
  const layered = new Layered();
  layered.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 56, marginx: MARGIN, marginy: MARGIN });
  layered.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    layered.setNode(node.id, { ...(node.kind === 'pipeline' ? SIZE.pipeline : SIZE.subject) });
  }
  for (const edge of graph.edges) layered.setEdge(edge.from, edge.to);
  layout(layered);
  const size = layered.graph() as { width?: number; height?: number };
  return {
    width: size.width ?? 0,
    height: size.height ?? 0,
    boxes: graph.nodes.map((node) => ({ ...node, ...(layered.node(node.id) as Omit<Box, keyof GraphNode>) })),
    arrows: graph.edges.map((edge) => {
      const { points } = layered.edge(edge.from, edge.to) as { points: Point[] };
      const end = edge.kind === 'publishes' ? edge.from : edge.to;
      return {
        key: `${edge.from} ${edge.to}`,
        kind: edge.kind,
        // Rows of a table are no events, so no rate is theirs.
        pipeline: edge.kind === 'rows' ? undefined : graph.nodes.find(({ id }) => id === end)?.pipeline,
        path: curve(points),
        middle: points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 },
      };
    }),
  };
}

/** A smooth line through the points, without overshooting them. */
function curve(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let before = first;
  const parts = rest.map((point) => {
    const half = (before.x + point.x) / 2;
    const part = `C${half} ${before.y} ${half} ${point.y} ${point.x} ${point.y}`;
    before = point;
    return part;
  });
  return `M${first.x} ${first.y}${parts.join('')}`;
}
