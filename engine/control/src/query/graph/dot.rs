//! The picture in DOT, for Graphviz. In a quoted text, DOT reads quotes, escapes after a backslash, and
//! HTML entities; those three are escaped, and control characters are shown by their number.

use std::fmt::Write as _;

use crate::query::graph::model::{Graph, Node, NodeKind};

impl Graph {
    /// As DOT.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph flow {\n  rankdir=LR;\n");
        for (index, node) in self.nodes.iter().enumerate() {
            if node.pipeline.is_none() {
                let _ = writeln!(text, "  {}", statement(index, node));
            }
        }
        for (number, (pipeline, members)) in self.groups().into_iter().enumerate() {
            let name = quoted(pipeline.as_str());
            let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label=\"{name}\";");
            for index in members {
                if let Some(node) = self.nodes.get(index) {
                    let _ = writeln!(text, "    {}", statement(index, node));
                }
            }
            text.push_str("  }\n");
        }
        for (from, to, kind) in self.ways() {
            let style = if kind.is_aside() { ", style=dashed" } else { "" };
            let word = kind.word();
            let _ = writeln!(text, "  n{from} -> n{to} [label=\"{word}\"{style}];");
        }
        text.push_str("}\n");
        text
    }
}

fn statement(index: usize, node: &Node) -> String {
    let lines: Vec<String> = node.lines().iter().map(|line| quoted(line)).collect();
    let shape = match &node.kind {
        NodeKind::Subject { .. } | NodeKind::Output { .. } => "oval",
        NodeKind::Pipeline { .. } => "hexagon",
        NodeKind::Step { .. } => "box",
        NodeKind::State { .. } | NodeKind::Vectors { .. } | NodeKind::Sketch { .. } => "cylinder",
        NodeKind::DeadLetters { .. } => "note",
    };
    format!("n{index} [shape={shape}, label=\"{}\"];", lines.join("\\n"))
}

/// A text that stays inside its quotes and means itself.
fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '&' => safe.push_str("&amp;"),
            c if c.is_control() => drop(write!(safe, "&#{};", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}
