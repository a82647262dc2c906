//! Subjects: which exist, which match which, and which are the engine's own. A tenant's text never
//! becomes a subject unchecked.

use crate::{
    identity::{PartitionId, PipelineId},
    name::Name,
};

/// Longest subject or pattern accepted; NATS itself allows more, nobody needs it.
const MAX_LENGTH: usize = 512;

/// A text that is no subject, or no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a subject: {why}")]
pub struct SubjectError {
    shown: String,
    why: &'static str,
}

/// Checks a pattern: tokens parted by dots, `*` for one token, `>` for all the rest.
pub fn check_pattern(pattern: &str) -> Result<(), SubjectError> {
    let fail = |why| {
        Err(SubjectError {
            shown: pattern.chars().take(64).collect(),
            why,
        })
    };
    if pattern.is_empty() || pattern.len() > MAX_LENGTH {
        return fail("it must have 1 to 512 bytes");
    }
    let tokens: Vec<&str> = pattern.split('.').collect();
    for (index, token) in tokens.iter().enumerate() {
        let last = index + 1 == tokens.len();
        match *token {
            "" => return fail("it has an empty token (two dots in a row, or one at an end)"),
            ">" if !last => return fail("\">\" stands for all the rest, so only at the end"),
            "*" | ">" => {}
            token if token.contains(['*', '>']) => {
                return fail("\"*\" and \">\" stand for whole tokens, not for parts of one");
            }
            token if token.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                return fail("it has white space or a control character");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks a subject to publish on: a pattern without wildcards.
pub fn check_subject(subject: &str) -> Result<(), SubjectError> {
    check_pattern(subject)?;
    if subject.split('.').any(|token| token == "*" || token == ">") {
        let why = "it has a wildcard, and one publishes on one subject";
        return Err(SubjectError {
            shown: subject.chars().take(64).collect(),
            why,
        });
    }
    Ok(())
}

/// Whether every subject that `inner` matches is matched by `outer` too.
pub fn covers(outer: &str, inner: &str) -> bool {
    let mut inner_tokens = inner.split('.');
    for outer_token in outer.split('.') {
        match (outer_token, inner_tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(token)) if token != ">" => {}
            (token, Some(other)) if token == other => {}
            _ => return false,
        }
    }
    inner_tokens.next().is_none()
}

/// Whether some subject is matched by both patterns.
pub fn overlap(one: &str, other: &str) -> bool {
    let mut one_tokens = one.split('.');
    let mut other_tokens = other.split('.');
    loop {
        match (one_tokens.next(), other_tokens.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// Patterns that match the same subjects, of which no two overlap, as a stream wants them: each that another one covers
/// is left out, and so is the later of two that overlap otherwise.
pub fn widest(patterns: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for pattern in patterns {
        if kept.iter().any(|known| covers(known, &pattern)) {
            continue;
        }
        kept.retain(|known| !covers(&pattern, known));
        if !kept.iter().any(|known| overlap(known, &pattern)) {
            kept.push(pattern);
        }
    }
    kept.sort_unstable();
    kept
}

/// Makes one subject token of any text: what a token cannot hold is percent-encoded.
pub fn token(text: &str) -> String {
    use std::fmt::Write as _;
    let mut token = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '%') {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                let _ = write!(token, "%{byte:02X}");
            }
        } else {
            token.push(c);
        }
    }
    if token.is_empty() { "%".to_owned() } else { token }
}

/// Name of the stream that holds a pipeline's outputs, dead letters and commits. Names have no
/// underscore, so two pipelines never share one.
pub fn stream_name(pipeline: &PipelineId) -> String {
    format!("TR_{}_{}", pipeline.tenant, pipeline.pipeline)
}

/// The pipeline whose own stream bears this name.
pub fn owner_of_stream(name: &str) -> Option<PipelineId> {
    let (tenant, pipeline) = name.strip_prefix("TR_")?.split_once('_')?;
    Some(PipelineId {
        tenant: Name::new(tenant).ok()?,
        pipeline: Name::new(pipeline).ok()?,
    })
}

/// Name of a stream that a tenant made, as the broker has it.
pub fn tenant_stream_name(tenant: &Name, stream: &Name) -> String {
    format!("IN_{tenant}_{stream}")
}

/// Whether a stream, by its name, is of another tenant: then that it exists is not this one's business.
pub fn is_anothers(stream: &str, tenant: &Name) -> bool {
    ["TR_", "IN_"]
        .iter()
        .filter_map(|kind| stream.strip_prefix(kind))
        .any(|rest| {
            !rest
                .strip_prefix(tenant.as_str())
                .is_some_and(|rest| rest.starts_with('_'))
        })
}

/// Everything of a pipeline that is the engine's own.
pub fn own_pattern(pipeline: &PipelineId) -> String {
    format!("tr.{}.{}.>", pipeline.tenant, pipeline.pipeline)
}

/// Where a partition's commit records go.
pub fn commit_subject(partition: &PartitionId) -> String {
    let PipelineId { tenant, pipeline } = &partition.pipeline;
    format!("tr.{tenant}.{pipeline}.commit.{}", partition.partition)
}

/// The commit subjects of all partitions.
pub fn commit_pattern(pipeline: &PipelineId) -> String {
    format!("tr.{}.{}.commit.*", pipeline.tenant, pipeline.pipeline)
}

/// Where a pipeline's dead letters go.
pub fn dead_subject(pipeline: &PipelineId) -> String {
    format!("tr.{}.{}.dead", pipeline.tenant, pipeline.pipeline)
}

/// Where a dead letter is sent again: a subject of its own, so that it is taken once and never again.
pub fn redrive_subject(pipeline: &PipelineId, letter: u64) -> String {
    format!("tr.{}.{}.redrive.{letter}", pipeline.tenant, pipeline.pipeline)
}

/// The dead letter that is sent again on this subject; none where engines had one subject for all.
pub fn redriven_letter(subject: &str) -> Option<u64> {
    subject.rsplit('.').next()?.parse().ok()
}

/// Where an order to the partitions goes: they take it as they take dead letters that are sent again.
pub fn order_subject(pipeline: &PipelineId, token: &str) -> String {
    format!("tr.{}.{}.redrive.{token}", pipeline.tenant, pipeline.pipeline)
}

/// Where dead letters are sent again, and were by engines that had one subject for all.
pub fn redrive_patterns(pipeline: &PipelineId) -> Vec<String> {
    let before = format!("tr.{}.{}.redrive", pipeline.tenant, pipeline.pipeline);
    vec![format!("{before}.*"), before]
}

/// Whether a pattern reaches subjects that no tenant may name: the engine's, JetStream's, the server's.
pub fn is_reserved(pattern: &str) -> bool {
    ["tr.>", "$JS.>", "$SYS.>", "$KV.>", "$O.>", "$NRG.>", "_INBOX.>"]
        .iter()
        .any(|reserved| overlap(pattern, reserved))
        || pattern.starts_with('$')
        || pattern.starts_with('_')
}

/// What the engine's own key-value buckets begin with.
const ENGINES_BUCKETS: &str = "tailrace";

/// Whether a key-value bucket is the engine's own.
pub fn is_engines_bucket(bucket: &str) -> bool {
    bucket.starts_with(ENGINES_BUCKETS)
}

/// Whether a pattern reaches keys of one key-value bucket only, and that is not the engine's own.
pub fn is_in_a_bucket(pattern: &str) -> bool {
    let within = pattern.strip_prefix("$KV.").and_then(|rest| rest.split_once('.'));
    within.is_some_and(|(bucket, _)| !matches!(bucket, "*" | ">") && !is_engines_bucket(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_patterns_hold_the_same_and_do_not_overlap() {
        for (given, kept) in [
            (["a.>", "b", "a.*"], &["a.>", "b"][..]),
            (["a.*", "b", "a.>"], &["a.>", "b"]),
            (["a.*.b", "a.b.*", "a.*.b"], &["a.*.b"]),
        ] {
            assert_eq!(widest(given.map(str::to_owned)), kept);
        }
    }

    #[test]
    fn patterns_cover_and_overlap_as_the_broker_has_it() {
        for (outer, inner) in [
            ("a.>", "a.b"),
            ("a.>", "a.b.c"),
            ("a.*", "a.b"),
            ("a.*", "a.*"),
            (">", "a.>"),
            ("a.b", "a.b"),
        ] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [
            ("a.>", "a"),
            ("a.*", "a.>"),
            ("a.*", "a.b.c"),
            ("a.b", "a.*"),
            ("a", "b"),
        ] {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
        assert!(overlap("a.*.c", "a.b.*") && overlap("a.>", "*.b") && overlap(">", "x"));
        assert!(!overlap("a.b", "a.c") && !overlap("a.>", "a") && !overlap("a.*", "a.b.c"));
    }

    #[test]
    fn any_key_becomes_one_token() {
        assert_eq!(token("383"), "383");
        assert_eq!(token("a.b c*>%\r\n"), "a%2Eb%20c%2A%3E%25%0D%0A");
        assert_eq!(token(""), "%");
        assert_eq!(token("Фёдор"), "Фёдор");
        for text in ["x", "a.b", ">", "", "\0", "\u{a0}"] {
            assert_eq!(check_subject(&token(text)), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn nobody_reaches_the_engine_or_the_server() {
        for bad in [
            ">",
            "*.x",
            "tr.shop.p.dead",
            "tr.>",
            "$JS.API.>",
            "$SYS.x",
            "_INBOX.x",
            "*.>",
        ] {
            assert!(is_reserved(bad), "{bad}");
        }
        for (pattern, is_one) in [
            ("$KV.customers.>", true),
            ("$KV.customers.ann", true),
            ("$KV.customers", false),
            ("$KV.*.ann", false),
            ("$KV.>", false),
            ("$KV.tailrace_registry.>", false),
            ("shop.>", false),
        ] {
            assert_eq!(is_in_a_bucket(pattern), is_one, "{pattern}");
        }
        for good in ["shop.>", "trace.x", "shop.*.b"] {
            assert!(!is_reserved(good), "{good}");
        }
        for bad in ["", "a..b", ".a", "a.", "a b", "a.>.b", "a>", "a\r\nb"] {
            assert!(check_pattern(bad).is_err(), "{bad:?}");
        }
    }
}
