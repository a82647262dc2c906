//! References that come back to where they began without going into the value: no payload is ever judged by them.
//!
//! Only what is asked of every payload counts. A circle through a later branch of `anyOf` ends for payloads that an earlier
//! one takes, and `$dynamicRef` may mean another schema at run time. Those are stopped when they are evaluated.

use super::model::{Keyword, Node, Program};

/// A schema on the way that is on it itself, and refers to the next one; none where every way ends.
pub(super) fn circle(program: &Program) -> Option<Node> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnTheWay,
        Ends,
    }
    let mut seen = vec![Seen::Not; program.nodes.len()];
    for start in 0..program.nodes.len() {
        // The schemas on the way, each with those that it asks and were not looked at yet.
        let mut way: Vec<(Node, Vec<Node>)> = Vec::new();
        let mut enters = (seen[start] == Seen::Not).then_some(start);
        loop {
            if let Some(node) = enters.take() {
                seen[node] = Seen::OnTheWay;
                way.push((node, asked(program, node)));
            }
            let Some((node, left)) = way.last_mut() else { break };
            let Some(next) = left.pop() else {
                seen[*node] = Seen::Ends;
                way.pop();
                continue;
            };
            match seen[next] {
                Seen::Not => enters = Some(next),
                Seen::OnTheWay => {
                    let begins = way.iter().position(|(node, _)| *node == next).unwrap_or(0);
                    let mut circle = way[begins..].iter().map(|(node, _)| *node);
                    return circle.find(|node| refers(program, *node)).or(Some(next));
                }
                Seen::Ends => {}
            }
        }
    }
    None
}

/// What a schema asks of the same value, whatever that is.
fn asked(program: &Program, node: Node) -> Vec<Node> {
    let keywords = program.nodes[node].keywords.iter();
    let asked = keywords.flat_map(|keyword| match keyword {
        Keyword::Ref(node) | Keyword::Not(node) | Keyword::If { condition: node, .. } => vec![*node],
        Keyword::AllOf(nodes) => nodes.clone(),
        Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) => nodes.first().copied().into_iter().collect(),
        _ => Vec::new(),
    });
    asked.collect()
}

fn refers(program: &Program, node: Node) -> bool {
    let mut keywords = program.nodes[node].keywords.iter();
    keywords.any(|keyword| matches!(keyword, Keyword::Ref(_)))
}
