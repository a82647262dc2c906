//! From what is registered to the picture. Pure.
//!
//! An output feeds an input where the input's stream is the one that holds the output and their
//! subjects overlap: two streams cannot hold one subject, so nothing else can reach it. Hence a
//! pipeline is fed by at most one other, and the picture grows with the pipelines, not with their
//! square.
//!
//! Why: docs/decisions/0037-edges-of-the-graph.md

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::{
    grant::Grant,
    identity::PipelineId,
    manifest::{PipelineManifest, PipelineTable, StepManifest},
    observe::status::State,
    registry::Pipeline,
    subject,
};

use crate::query::graph::model::{Edge, EdgeKind, Graph, Node, NodeKind};

/// How much is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[schemars(rename = "GraphDetail")]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Pipelines with what they read and write.
    #[default]
    Pipelines,
    /// Their steps and what these keep, too.
    Steps,
}

/// A pipeline that is to be drawn.
pub struct Drawn<'a> {
    /// Which.
    pub id: &'a PipelineId,
    /// As it is registered.
    pub pipeline: &'a Pipeline,
    /// What it is doing.
    pub state: State,
}

/// Draws these pipelines of one tenant.
pub fn draw(pipelines: &[Drawn<'_>], detail: Detail) -> Graph {
    let outputs = outputs(pipelines);
    let mut canvas = Canvas::default();
    for drawn in pipelines {
        canvas.sources(drawn, &outputs);
    }
    for drawn in pipelines {
        canvas.pipeline(drawn, detail);
    }
    for drawn in pipelines {
        canvas.tables(drawn, detail);
    }
    Graph {
        nodes: canvas.nodes,
        edges: canvas.edges,
    }
}

/// The streams of the pipelines that publish: whose they are, and on which subjects.
fn outputs<'a>(pipelines: &[Drawn<'a>]) -> BTreeMap<String, (&'a PipelineId, String)> {
    let published = pipelines.iter().filter_map(|drawn| {
        let pattern = drawn.pipeline.active.manifest.output.as_ref()?.pattern();
        Some((subject::stream_name(drawn.id), (drawn.id, pattern)))
    });
    published.collect()
}

#[derive(Default)]
struct Canvas {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Subjects that are there already: several pipelines may read one.
    subjects: BTreeSet<String>,
}

fn place(kind: &str, id: &PipelineId) -> String {
    format!("{kind}/{}", id.pipeline)
}

fn part(kind: &str, id: &PipelineId, name: &impl std::fmt::Display) -> String {
    format!("{kind}/{}/{name}", id.pipeline)
}

impl Canvas {
    fn node(&mut self, place: &str, owner: Option<&PipelineId>, kind: NodeKind) {
        self.nodes.push(Node {
            id: place.to_owned(),
            pipeline: owner.map(|id| id.pipeline.clone()),
            kind,
        });
    }

    fn edge(&mut self, from: &str, to: &str, kind: EdgeKind) {
        self.edges.push(Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            kind,
        });
    }

    /// What a pipeline reads: outputs of another, or subjects from outside.
    fn sources(&mut self, drawn: &Drawn<'_>, outputs: &BTreeMap<String, (&PipelineId, String)>) {
        let manifest = &drawn.pipeline.active.manifest;
        let reader = place("pipeline", drawn.id);
        let input = (manifest.input.stream.clone(), manifest.input.subjects.clone());
        let tables = manifest.tables.values();
        let tables = tables.filter(|table| table.upstream().is_none());
        let tables = tables.map(|table| (table.stream_name(), table.patterns()));
        let mut feeders = BTreeSet::new();
        for (stream, patterns) in std::iter::once(input).chain(tables) {
            let feeder = stream.as_ref().and_then(|stream| outputs.get(stream));
            for pattern in &patterns {
                match feeder {
                    Some((id, written)) if subject::overlap(written, pattern) => {
                        if feeders.insert(id) {
                            self.edge(&place("output", id), &reader, EdgeKind::Feeds);
                        }
                    }
                    _ => self.source(stream.as_ref(), pattern, &reader),
                }
            }
        }
    }

    /// What of other pipelines is a table of it. Where that is no part of the picture, the pipeline stands for it.
    fn tables(&mut self, drawn: &Drawn<'_>, detail: Detail) {
        let reader = place("pipeline", drawn.id);
        let mut sources = BTreeSet::new();
        for table in drawn.pipeline.active.manifest.tables.values() {
            let Some((pipeline, what)) = table.upstream() else {
                continue;
            };
            let whole = format!("pipeline/{pipeline}");
            let kept = match what {
                PipelineTable::State(step) => format!("state/{pipeline}/{step}"),
                PipelineTable::Vectors(collection) => format!("vectors/{pipeline}/{collection}"),
            };
            let is_drawn = |wanted: &str| self.nodes.iter().any(|node| node.id == wanted);
            let from = if detail == Detail::Steps && is_drawn(&kept) {
                kept
            } else {
                whole
            };
            if is_drawn(&from) {
                sources.insert(from);
            }
        }
        for from in sources {
            self.edge(&from, &reader, EdgeKind::Rows);
        }
    }

    fn source(&mut self, stream: Option<&String>, pattern: &str, reader: &str) {
        let stream = stream.cloned();
        let id = format!("subject/{}/{pattern}", stream.as_deref().unwrap_or_default());
        if self.subjects.insert(id.clone()) {
            let pattern = pattern.to_owned();
            self.node(&id, None, NodeKind::Subject { stream, pattern });
        }
        self.edge(&id, reader, EdgeKind::Reads);
    }

    fn pipeline(&mut self, drawn: &Drawn<'_>, detail: Detail) {
        let Drawn { id, pipeline, state } = drawn;
        let manifest = &pipeline.active.manifest;
        let head = place("pipeline", id);
        let kind = NodeKind::Pipeline {
            revision: pipeline.active.number,
            partitions: manifest.partitions,
            delivery: manifest.delivery,
            status: state.clone(),
        };
        self.node(&head, Some(id), kind);
        let failing = place("dead-letters", id);
        let last = match detail {
            Detail::Pipelines => {
                self.edge(&head, &failing, EdgeKind::Fails);
                head.clone()
            }
            Detail::Steps => self.inside(id, manifest, &head, &failing),
        };
        if let Some(output) = &manifest.output {
            let to = place("output", id);
            let kind = NodeKind::Output {
                subject: output.subject.clone(),
                pattern: output.pattern(),
            };
            self.node(&to, Some(id), kind);
            self.edge(&last, &to, EdgeKind::Publishes);
        }
        let kind = NodeKind::DeadLetters {
            subject: subject::dead_subject(id),
        };
        self.node(&failing, Some(id), kind);
        self.edge(&failing, &head, EdgeKind::Redrives);
    }

    /// Steps, and what they keep; gives the last step.
    fn inside(&mut self, id: &PipelineId, manifest: &PipelineManifest, head: &str, failing: &str) -> String {
        let mut before = head.to_owned();
        for step in &manifest.steps {
            let here = part("step", id, &step.name);
            let kind = NodeKind::Step {
                step: step.name.clone(),
                plugin: step.plugin.name.clone(),
                version: step.plugin.version.to_string(),
                grants: step.grants.clone(),
            };
            self.node(&here, Some(id), kind);
            self.edge(&before, &here, EdgeKind::Flows);
            self.edge(&here, failing, EdgeKind::Fails);
            self.kept(id, manifest, step, &here);
            before = here;
        }
        self.shared(id, manifest, head);
        before
    }

    /// What a step reaches through its grants.
    fn kept(&mut self, id: &PipelineId, manifest: &PipelineManifest, step: &StepManifest, here: &str) {
        if step.grants.contains(&Grant::State) {
            let to = part("state", id, &step.name);
            let kind = NodeKind::State {
                step: step.name.clone(),
            };
            self.node(&to, Some(id), kind);
            self.edge(here, &to, EdgeKind::Uses);
        }
        if step.grants.contains(&Grant::Vectors) {
            for collection in manifest.vectors.keys() {
                self.edge(here, &part("vectors", id, collection), EdgeKind::Uses);
            }
        }
        if step.grants.contains(&Grant::Sketches) {
            for (name, _) in manifest
                .sketches
                .iter()
                .filter(|(_, sketch)| sketch.value.is_none())
            {
                self.edge(here, &part("sketch", id, name), EdgeKind::Uses);
            }
        }
    }

    /// What all steps share.
    fn shared(&mut self, id: &PipelineId, manifest: &PipelineManifest, head: &str) {
        for (name, vectors) in &manifest.vectors {
            let kind = NodeKind::Vectors {
                collection: name.clone(),
                dimensions: vectors.dimensions,
                metric: vectors.metric,
                search: vectors.search,
            };
            self.node(&part("vectors", id, name), Some(id), kind);
        }
        for (name, sketch) in &manifest.sketches {
            let to = part("sketch", id, name);
            let kind = NodeKind::Sketch {
                sketch: name.clone(),
                measures: sketch.kind.to_string(),
            };
            self.node(&to, Some(id), kind);
            if sketch.value.is_some() {
                self.edge(head, &to, EdgeKind::Measures);
            }
        }
    }
}
