//! Whether a reader's JSON Schema takes what a writer's has let through: the rules of Confluent's registry, by their
//! names. They compare schemas keyword by keyword; two schemas that say the same in other words are told apart.
//!
//! All keywords of a schema hold together. So each keyword of the reader is judged alone: by what stands beside it in
//! the writer, or by one of the schemas that the writer's must match as well. No proof is a difference.

mod arrays;
mod combined;
mod conditions;
mod content;
mod disjoint;
mod dynamic;
mod members;
mod objects;
mod parts;
mod plain;
mod same;
mod unevaluated;

use std::collections::{HashMap, HashSet};

use parts::{choices, inner, needed, resolved, takes_all};

use super::documents::{Documents, Located};
use super::{JsonSchema, gather};
use crate::bounds::{MAX_COMPARISONS, MAX_DEPTH};
use crate::difference::{Difference, Differences};
use crate::json::Json;

/// Everything that `reader` does not take of what `writer` lets through.
pub(crate) fn differences(reader: &JsonSchema, writer: &JsonSchema) -> Vec<Difference> {
    let gathered = (
        gather(&reader.document, &reader.references),
        gather(&writer.document, &writer.references),
    );
    let (Ok((to_documents, to)), Ok((from_documents, from))) = gathered else {
        return Vec::new();
    };
    let is_unchanged = is_unchanged(reader, writer);
    let mut comparison = Comparison::new(&to_documents, &from_documents);
    comparison.formats = (reader.asserts_formats, writer.asserts_formats);
    comparison.is_unchanged = is_unchanged;
    if !(is_unchanged || reader.validates && writer.validates) {
        let what =
            "a dialect without the vocabulary of validation: only the same schema is sure to be compatible";
        comparison.found("TYPE_CHANGED", what);
    }
    comparison.schemas(to, from);
    if comparison.spent > MAX_COMPARISONS {
        let what = format!("comparing the schemas takes more than {MAX_COMPARISONS} steps");
        comparison.found.push("TOO_COMPLEX", &[], what);
    }
    comparison.found.into_vec()
}

/// Whether both are the same to the last keyword, with all that they refer to.
fn is_unchanged(reader: &JsonSchema, writer: &JsonSchema) -> bool {
    let documents = |schema: &JsonSchema| -> Vec<(String, String)> {
        let references = schema.references.iter();
        let mut all: Vec<_> = references
            .map(|(name, json)| (name.clone(), json.canonical()))
            .collect();
        all.sort();
        all.push((String::new(), schema.document.canonical()));
        all
    };
    reader.asserts_formats == writer.asserts_formats && documents(reader) == documents(writer)
}

type Pair = (*const Json, *const Json);

/// Levels of schemas within schemas that are searched for one that explains a keyword: more is written by no one.
const MAX_NESTED_PARTS: usize = 4;

/// Compares some keywords of two schemas.
type Group<'a> = fn(&mut Comparison<'a>, Located<'a>, Located<'a>);

struct Comparison<'a> {
    reader: &'a Documents<'a>,
    writer: &'a Documents<'a>,
    /// Whether `format` asserts: in the reader, in the writer.
    formats: (bool, bool),
    is_unchanged: bool,
    /// Pairs that were compared or are being compared: a schema may contain itself.
    seen: HashSet<Pair>,
    /// The same in their order, so that an attempt can be taken back.
    log: Vec<Pair>,
    trials: HashMap<Pair, bool>,
    same: HashMap<Pair, bool>,
    spent: usize,
    /// Comparisons on top of each other.
    depth: usize,
    found: Differences,
    path: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(reader: &'a Documents<'a>, writer: &'a Documents<'a>) -> Self {
        Self {
            reader,
            writer,
            formats: (false, false),
            is_unchanged: false,
            seen: HashSet::new(),
            log: Vec::new(),
            trials: HashMap::new(),
            same: HashMap::new(),
            spent: 0,
            depth: 0,
            found: Differences::default(),
            path: Vec::new(),
        }
    }

    fn found(&mut self, rule: &'static str, what: impl Into<String>) {
        self.found.push(rule, &self.path, what.into());
    }

    fn under(&mut self, segments: &[&str], compare: impl FnOnce(&mut Self)) {
        self.path
            .extend(segments.iter().map(|segment| (*segment).to_owned()));
        compare(self);
        self.path.truncate(self.path.len() - segments.len());
    }

    fn schemas(&mut self, to: Located<'a>, from: Located<'a>) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.spent = MAX_COMPARISONS + 1;
        } else {
            self.pair(resolved(self.reader, to), resolved(self.writer, from));
        }
        self.depth -= 1;
    }

    fn pair(&mut self, to: Located<'a>, from: Located<'a>) {
        self.spent += 1;
        let pair: Pair = (to.json, from.json);
        if self.spent > MAX_COMPARISONS || !self.seen.insert(pair) {
            return;
        }
        self.log.push(pair);
        if self.takes_all(to) || *from.json == Json::Bool(false) {
            return;
        }
        if takes_all(from.json, false) || *to.json == Json::Bool(false) {
            return self.found("TYPE_CHANGED", "the schema takes less than everything now");
        }
        let groups: [Group<'a>; 14] = [
            Self::reference,
            Self::dynamic_reference,
            Self::one_of,
            Self::any_of,
            Self::all_of,
            Self::types,
            Self::values,
            Self::bounds,
            Self::formats,
            Self::objects,
            Self::arrays,
            Self::negation,
            Self::condition,
            Self::unevaluated,
        ];
        for group in groups {
            if !self.is_covered(group, to, from, 0) {
                group(self, to, from);
            }
        }
    }

    fn takes_all(&self, to: Located<'a>) -> bool {
        takes_all(to.json, self.formats.0)
    }

    /// Whether keywords take what a part of the older schema lets through: the whole lets through no more.
    fn is_covered(&mut self, group: Group<'a>, to: Located<'a>, from: Located<'a>, depth: usize) -> bool {
        if depth > MAX_NESTED_PARTS {
            return false;
        }
        let is_taken = |comparison: &mut Self, part: Located<'a>| {
            let part = resolved(comparison.writer, part);
            comparison.is_quiet(|comparison| group(comparison, to, part))
                || comparison.is_covered(group, to, part, depth + 1)
        };
        let all = needed(self.writer, from);
        if all.into_iter().any(|part| is_taken(self, part)) {
            return true;
        }
        choices(self.writer, from)
            .into_iter()
            .any(|branches| branches.into_iter().all(|branch| is_taken(self, branch)))
    }

    /// Whether a comparison finds nothing. It leaves nothing behind.
    fn is_quiet(&mut self, compare: impl FnOnce(&mut Self)) -> bool {
        let (mark, found) = (self.log.len(), std::mem::take(&mut self.found));
        self.spent += 1;
        compare(self);
        let is_quiet = std::mem::replace(&mut self.found, found).is_empty();
        for pair in self.log.drain(mark..) {
            self.seen.remove(&pair);
        }
        is_quiet
    }

    /// Whether one schema takes what another lets through, without telling why not.
    fn takes(&mut self, to: Located<'a>, from: Located<'a>) -> bool {
        let (to, from) = (resolved(self.reader, to), resolved(self.writer, from));
        let pair: Pair = (to.json, from.json);
        if let Some(takes) = self.trials.get(&pair) {
            return *takes;
        }
        // A pair under way is taken for compatible, so circles close.
        self.trials.insert(pair, true);
        let (seen, log) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.log));
        let takes = self.is_quiet(|comparison| comparison.schemas(to, from));
        (self.seen, self.log) = (seen, log);
        self.trials.insert(pair, takes);
        takes
    }

    /// The comparison the other way round.
    fn turned(&mut self, compare: impl FnOnce(&mut Self)) -> bool {
        let mut turned = Comparison {
            formats: (self.formats.1, self.formats.0),
            is_unchanged: self.is_unchanged,
            spent: self.spent,
            depth: self.depth,
            ..Comparison::new(self.writer, self.reader)
        };
        compare(&mut turned);
        self.spent = turned.spent;
        turned.found.is_empty()
    }

    fn negation(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = to.json.get("not") else { return };
        let now = inner(self.reader, to, now);
        // What was excluded must exclude at least as much: the direction turns round.
        let is_kept = from.json.get("not").is_some_and(|before| {
            let before = inner(self.writer, from, before);
            self.turned(|turned| turned.schemas(before, now))
        });
        if !is_kept {
            self.under(&["not"], |comparison| {
                comparison.found("NOT_TYPE_EXTENDED", "more is excluded now");
            });
        }
    }
}
