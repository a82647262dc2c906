// The flow between pipelines.
export interface GraphNode {
  id: string;
  kind: string;
  pipeline?: string;
  stream?: string;
  pattern?: string;
  subject?: string;
  /** Of a step. */
  plugin?: string;
  version?: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  kind: 'reads' | 'feeds' | 'publishes' | 'fails' | 'redrives' | 'rows' | string;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}
