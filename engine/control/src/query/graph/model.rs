//! The model of a picture: nodes and edges, as JSON shows them.

use std::collections::BTreeMap;

use serde::Serialize;
use tailrace_core::{
    grant::Grant,
    manifest::Delivery,
    name::Name,
    observe::status::State,
    vectors::{Metric, Search},
};

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Graph {
    /// In the order of the flow, pipeline by pipeline.
    pub nodes: Vec<Node>,
    /// In the order of their first nodes.
    pub edges: Vec<Edge>,
}

/// A thing in the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GraphNode")]
pub struct Node {
    /// Unique in the picture and stable: `step/clicks/rank`.
    pub id: String,
    /// The pipeline that it is a part of; none for a subject that comes from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Name>,
    /// What it is.
    #[serde(flatten)]
    pub kind: NodeKind,
}

/// The kinds of things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GraphNodeKind")]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NodeKind {
    /// Subjects that publishers write to.
    Subject {
        /// The stream that holds them, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        stream: Option<String>,
        /// The pattern.
        pattern: String,
    },
    /// A pipeline.
    Pipeline {
        /// Its active revision.
        revision: u64,
        /// Its partitions.
        partitions: u32,
        /// What it promises.
        delivery: Delivery,
        /// What it is doing on the engine that answers.
        status: State,
    },
    /// A step.
    Step {
        /// Its name.
        step: Name,
        /// Its plugin's name.
        plugin: Name,
        /// Its plugin's version.
        version: String,
        /// What it may use.
        grants: Vec<Grant>,
    },
    /// The keyed state of a step.
    State {
        /// The step that it belongs to.
        step: Name,
    },
    /// A collection of embeddings.
    Vectors {
        /// Its name.
        collection: Name,
        /// Length of its vectors.
        dimensions: u32,
        /// How two are compared.
        metric: Metric,
        /// How it is searched.
        search: Search,
    },
    /// An approximate metric.
    Sketch {
        /// Its name.
        sketch: Name,
        /// What it measures: `quantiles`, `distinct`, …
        measures: String,
    },
    /// Where results go.
    Output {
        /// The subject as the tenant wrote it, `{key}` and all.
        subject: String,
        /// The pattern that holds every subject it may become.
        pattern: String,
    },
    /// Events that could not be processed.
    DeadLetters {
        /// Where they lie.
        subject: String,
    },
}

/// What goes from one thing to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GraphEdge")]
pub struct Edge {
    /// A node's identifier.
    pub from: String,
    /// A node's identifier.
    pub to: String,
    /// What goes there.
    pub kind: EdgeKind,
}

/// The kinds of ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GraphEdgeKind")]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// Events of a subject into a pipeline.
    Reads,
    /// Results of one pipeline into another, because their subjects overlap.
    Feeds,
    /// Events from step to step.
    Flows,
    /// A step and what it keeps.
    Uses,
    /// The engine itself measures the events of a pipeline.
    Measures,
    /// Results.
    Publishes,
    /// Events that could not be processed.
    Fails,
    /// Dead letters that are sent again.
    Redrives,
    /// What one pipeline keeps is a table of another.
    Rows,
}

impl EdgeKind {
    /// As the pictures show it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Feeds => "feeds",
            Self::Flows => "flows",
            Self::Uses => "uses",
            Self::Measures => "measures",
            Self::Publishes => "publishes",
            Self::Fails => "fails",
            Self::Redrives => "redrives",
            Self::Rows => "rows",
        }
    }

    /// Whether it is beside the flow of results.
    pub(super) fn is_aside(self) -> bool {
        matches!(
            self,
            Self::Uses | Self::Measures | Self::Fails | Self::Redrives | Self::Rows
        )
    }
}

impl Node {
    /// What the pictures write into it: lines that are not escaped yet.
    pub(super) fn lines(&self) -> Vec<String> {
        let own = |name: &Option<Name>| name.as_ref().map(Name::to_string).unwrap_or_default();
        match &self.kind {
            NodeKind::Subject { stream, pattern } => {
                let stream = stream.as_ref().map(|stream| format!("stream {stream}"));
                [Some(pattern.clone()), stream].into_iter().flatten().collect()
            }
            NodeKind::Pipeline {
                revision, partitions, ..
            } => vec![
                own(&self.pipeline),
                format!("revision {revision}, partitions {partitions}"),
            ],
            NodeKind::Step {
                step,
                plugin,
                version,
                ..
            } => vec![step.to_string(), format!("{plugin}@{version}")],
            NodeKind::State { step } => vec!["state".to_owned(), step.to_string()],
            NodeKind::Vectors {
                collection,
                dimensions,
                ..
            } => vec!["vectors".to_owned(), format!("{collection} ({dimensions})")],
            NodeKind::Sketch { sketch, measures } => vec![measures.clone(), sketch.to_string()],
            NodeKind::Output { subject, .. } => vec!["output".to_owned(), subject.clone()],
            NodeKind::DeadLetters { .. } => vec!["dead letters".to_owned(), own(&self.pipeline)],
        }
    }
}

impl Graph {
    /// The edges, by the indices of their nodes.
    pub(super) fn ways(&self) -> Vec<(usize, usize, EdgeKind)> {
        let places = self.nodes.iter().enumerate();
        let places: BTreeMap<&str, usize> = places.map(|(index, node)| (node.id.as_str(), index)).collect();
        let way = |edge: &Edge| {
            let (from, to) = (places.get(edge.from.as_str())?, places.get(edge.to.as_str())?);
            Some((*from, *to, edge.kind))
        };
        self.edges.iter().filter_map(way).collect()
    }

    /// The pipelines in the order of their first nodes, with the indices of what is a part of them.
    pub(super) fn groups(&self) -> Vec<(&Name, Vec<usize>)> {
        let mut groups: Vec<(&Name, Vec<usize>)> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(pipeline) = &node.pipeline else { continue };
            match groups.last_mut() {
                Some((last, members)) if *last == pipeline => members.push(index),
                _ => groups.push((pipeline, vec![index])),
            }
        }
        groups
    }
}
