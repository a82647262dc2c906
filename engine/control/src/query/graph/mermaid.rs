//! The picture as a Mermaid flowchart, for Markdown pages. In a quoted label Mermaid still reads
//! entities, HTML and, after a back quote, Markdown; so every character that is no letter, digit or
//! harmless punctuation is written as the entity of its number.

use std::fmt::Write as _;

use crate::query::graph::model::{Graph, Node, NodeKind};

impl Graph {
    /// As Mermaid.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (index, node) in self.nodes.iter().enumerate() {
            if node.pipeline.is_none() {
                let _ = writeln!(text, "  {}", shape(index, node));
            }
        }
        for (number, (pipeline, members)) in self.groups().into_iter().enumerate() {
            let _ = writeln!(text, "  subgraph g{number}[\"{}\"]", label(pipeline.as_str()));
            for index in members {
                if let Some(node) = self.nodes.get(index) {
                    let _ = writeln!(text, "    {}", shape(index, node));
                }
            }
            text.push_str("  end\n");
        }
        for (from, to, kind) in self.ways() {
            let arrow = if kind.is_aside() { "-.->" } else { "-->" };
            let _ = writeln!(text, "  n{from} {arrow}|{}| n{to}", kind.word());
        }
        text
    }
}

fn shape(index: usize, node: &Node) -> String {
    let lines: Vec<String> = node.lines().iter().map(|line| label(line)).collect();
    let text = lines.join("<br/>");
    let (open, close) = match &node.kind {
        NodeKind::Subject { .. } | NodeKind::Output { .. } => ("([", "])"),
        NodeKind::Pipeline { .. } => ("{{", "}}"),
        NodeKind::Step { .. } => ("[", "]"),
        NodeKind::State { .. } | NodeKind::Vectors { .. } | NodeKind::Sketch { .. } => ("[(", ")]"),
        NodeKind::DeadLetters { .. } => ("[/", "/]"),
    };
    format!("n{index}{open}\"{text}\"{close}")
}

/// A text that means nothing to Mermaid.
fn label(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || " .,-_@()".contains(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    safe
}
