//! Golden pictures, and texts that try to leave their labels.

use tailrace_core::{
    identity::PipelineId,
    manifest::parse::parse,
    name::Name,
    observe::status::State,
    registry::{Begun, Pipeline, Revision},
};

use super::{draw::*, model::*};

const RANK: &str = r#"
name: rank
input: { stream: SHOP, subjects: ["shop.events.>", "shop.*.late"] }
partitions: 4
steps:
  - { name: check, plugin: validator@1.0.0 }
  - { name: score, plugin: ranker@1.1.0-rc.1, grants: [state, vectors, sketches] }
vectors: { items: { dimensions: 32, metric: dot } }
sketches:
  users: { kind: distinct, value: { json: /user } }
  scores: { kind: quantiles }
output: { subject: "shop.ranked.{key}" }
"#;
const MAIL: &str = r#"
name: mail
input: { stream: TR_shop_rank, subjects: ["shop.ranked.>"] }
steps:
  - { name: write, plugin: mailer@2.0.0, grants: [state] }
"#;

fn registered(manifest: &str) -> (PipelineId, Pipeline) {
    let manifest = parse(manifest.as_bytes()).unwrap();
    let id = PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: manifest.name.clone(),
    };
    let active = Revision {
        number: 3,
        manifest,
        plugins: std::collections::BTreeMap::new(),
        applied_ms: 0,
        rolled_back_to: None,
        begun: Begun::default(),
    };
    (id, Pipeline::new(active, 0))
}

fn picture(manifests: &[&str], detail: Detail) -> Graph {
    let registered: Vec<_> = manifests.iter().map(|manifest| registered(manifest)).collect();
    let drawn = registered.iter().map(|(id, pipeline)| Drawn {
        id,
        pipeline,
        state: State::Running,
    });
    draw(&drawn.collect::<Vec<_>>(), detail)
}

fn golden(name: &str, shown: &str) {
    let path = format!("{}/src/query/graph/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(known, shown, "run with BLESS=1 to renew {name}");
}

#[test]
fn a_pipeline_is_drawn_as_committed() {
    let graph = picture(&[RANK], Detail::Steps);
    golden("pipeline.mmd", &graph.mermaid());
    golden("pipeline.dot", &graph.dot());
    let json = serde_json::to_string_pretty(&graph).unwrap();
    golden("pipeline.json", &format!("{json}\n"));
}

#[test]
fn what_one_pipeline_keeps_is_an_edge_to_the_one_that_reads_it() {
    const LOOK: &str = r#"
name: look
input: { stream: SHOP, subjects: ["shop.seen"] }
tables:
  scores: { pipeline: rank, state: score, stream: TR_shop_rank }
  items: { pipeline: rank, vectors: items, stream: TR_shop_rank }
  gone: { pipeline: nobody, state: score, stream: TR_shop_nobody }
"#;
    let rows = |detail: Detail| {
        let edges = picture(&[LOOK, RANK], detail).edges.into_iter();
        let rows = edges.filter(|edge| edge.kind == EdgeKind::Rows);
        rows.map(|edge| (edge.from, edge.to)).collect::<Vec<_>>()
    };
    let edge = |from: &str| (from.to_owned(), "pipeline/look".to_owned());
    assert_eq!(rows(Detail::Pipelines), [edge("pipeline/rank")]);
    assert_eq!(
        rows(Detail::Steps),
        [edge("state/rank/score"), edge("vectors/rank/items")]
    );
}

#[test]
fn a_tenant_is_drawn_as_committed() {
    let graph = picture(&[RANK, MAIL], Detail::Pipelines);
    golden("tenant.mmd", &graph.mermaid());
    golden("tenant.dot", &graph.dot());
    let json = serde_json::to_string_pretty(&graph).unwrap();
    golden("tenant.json", &format!("{json}\n"));
}

#[test]
fn an_output_feeds_the_inputs_that_its_subjects_overlap_and_no_others() {
    let other = MAIL
        .replace("name: mail", "name: other")
        .replace("ranked", "refused");
    let elsewhere = MAIL
        .replace("name: mail", "name: elsewhere")
        .replace("TR_shop_rank", "ARCHIVE");
    let graph = picture(&[RANK, MAIL, &other, &elsewhere], Detail::Pipelines);
    let fed: Vec<_> = graph
        .edges
        .iter()
        .filter(|edge| edge.kind == EdgeKind::Feeds)
        .map(|edge| (edge.from.as_str(), edge.to.as_str()))
        .collect();
    assert_eq!(fed, [("output/rank", "pipeline/mail")]);
}

#[test]
fn every_edge_ends_at_a_node_and_no_node_is_there_twice() {
    for graph in [
        picture(&[RANK], Detail::Steps),
        picture(
            &[RANK, MAIL, RANK.replace("rank\n", "rank-2\n").as_str()],
            Detail::Steps,
        ),
    ] {
        let ids: std::collections::BTreeSet<_> = graph.nodes.iter().map(|node| &node.id).collect();
        assert_eq!(ids.len(), graph.nodes.len());
        for edge in &graph.edges {
            assert!(ids.contains(&edge.from) && ids.contains(&edge.to), "{edge:?}");
        }
    }
}

/// A picture without what stands between quotes.
fn skeleton(text: &str) -> String {
    let (mut kept, mut inside, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            c if !inside => kept.push(c),
            _ => {}
        }
    }
    assert!(!inside, "a quote is left open: {text}");
    kept
}

/// What a subject, a stream's name or a plugin's version might hold, and worse.
const HOSTILE: [&str; 12] = [
    "a\"];evil->n0;n1[label=\"b",
    "a\\",
    "a\\\"",
    "a\"]\nn9[\"b",
    "`**bold**`",
    "<script>alert(1)</script>",
    "<img/src=x/onerror=alert(1)>",
    "#quot;#35;&quot;&#34;",
    "}}subgraph{{%%{init:{}}%%",
    "click-n0-\"javascript:alert(1)\"",
    "\\N\\G\\l",
    "a\u{202e}b\u{0}\u{1b}[31m\r",
];

#[test]
fn no_text_leaves_its_label() {
    let tame = picture(&[RANK], Detail::Steps);
    for hostile in HOSTILE {
        let mut graph = tame.clone();
        for node in &mut graph.nodes {
            match &mut node.kind {
                NodeKind::Subject { pattern, .. } => pattern.push_str(hostile),
                NodeKind::Step { version, .. } => version.push_str(hostile),
                NodeKind::Output { subject, .. } => subject.push_str(hostile),
                _ => {}
            }
        }
        assert_eq!(skeleton(&graph.dot()), skeleton(&tame.dot()), "{hostile:?}");
        let mermaid = graph.mermaid();
        assert_eq!(skeleton(&mermaid), skeleton(&tame.mermaid()), "{hostile:?}");
        for bad in [
            "<script", "<img", "`", "\\", "#quot", "%%", "\u{1b}", "\u{202e}", "\u{0}", "\r",
        ] {
            assert!(!mermaid.contains(bad), "{bad:?}: {mermaid}");
        }
        assert!(!graph.dot().contains(['\u{1b}', '\u{0}', '\r']), "{hostile:?}");
    }
}
