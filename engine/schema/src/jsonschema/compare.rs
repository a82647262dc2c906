//! Whether a reader's JSON Schema takes what a writer's has let through: the rules of Confluent's registry, by their
//! names. They compare schemas keyword by keyword; two schemas that say the same in other words are told apart.

mod arrays;
mod content;
mod objects;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::documents::{Documents, Located};
use super::{JsonSchema, gather};
use crate::bounds::{MAX_COMPARISONS, MAX_DEPTH};
use crate::difference::{Difference, Differences};
use crate::json::{Decimal, Json};

/// Everything that `reader` does not take of what `writer` lets through.
pub(crate) fn differences(reader: &JsonSchema, writer: &JsonSchema) -> Vec<Difference> {
    let gathered = (
        gather(&reader.document, &reader.references),
        gather(&writer.document, &writer.references),
    );
    let (Ok((reader, to)), Ok((writer, from))) = gathered else {
        return Vec::new();
    };
    let mut comparison = Comparison {
        reader: &reader,
        writer: &writer,
        seen: HashSet::new(),
        trials: HashMap::new(),
        spent: 0,
        found: Differences::default(),
        path: Vec::new(),
    };
    comparison.schemas(to, from);
    if comparison.spent > MAX_COMPARISONS {
        let what = format!("comparing the schemas takes more than {MAX_COMPARISONS} steps");
        comparison.found.push("TOO_COMPLEX", &[], what);
    }
    comparison.found.into_vec()
}

type Pair = (*const Json, *const Json);

/// Keywords that only say something to people.
const ANNOTATIONS: [&str; 16] = [
    "$id",
    "$schema",
    "$anchor",
    "$dynamicAnchor",
    "$comment",
    "$defs",
    "definitions",
    "$vocabulary",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
];

struct Comparison<'a> {
    reader: &'a Documents<'a>,
    writer: &'a Documents<'a>,
    /// Pairs that were compared or are being compared: a schema may contain itself.
    seen: HashSet<Pair>,
    trials: HashMap<Pair, bool>,
    spent: usize,
    found: Differences,
    path: Vec<String>,
}

impl<'a> Comparison<'a> {
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
        let (to, from) = (resolved(self.reader, to), resolved(self.writer, from));
        self.spent += 1;
        let pair: Pair = (to.json, from.json);
        if self.spent > MAX_COMPARISONS || self.path.len() > MAX_DEPTH || !self.seen.insert(pair) {
            return;
        }
        if takes_all(to.json) || *from.json == Json::Bool(false) {
            return;
        }
        if takes_all(from.json) || *to.json == Json::Bool(false) {
            return self.found("TYPE_CHANGED", "the schema takes less than everything now");
        }
        if self.combined(to, from) {
            return;
        }
        self.types(to.json, from.json);
        self.values(to.json, from.json);
        self.bounds(to.json, from.json);
        self.objects(to, from);
        self.arrays(to, from);
        self.negation(to, from);
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
        let mut trial = Comparison {
            reader: self.reader,
            writer: self.writer,
            seen: HashSet::new(),
            trials: std::mem::take(&mut self.trials),
            spent: self.spent,
            found: Differences::default(),
            path: Vec::new(),
        };
        trial.schemas(to, from);
        let takes = trial.found.is_empty();
        (self.trials, self.spent) = (trial.trials, trial.spent);
        self.trials.insert(pair, takes);
        takes
    }

    /// Compares what is combined of other schemas. Says whether nothing else is left to compare.
    fn combined(&mut self, to: Located<'a>, from: Located<'a>) -> bool {
        let (now, before) = (combination(self.reader, to), combination(self.writer, from));
        match (now, before) {
            (None, None) => false,
            (Some((criterion, schemas)), None) => {
                let taking = schemas.iter().filter(|schema| self.takes(**schema, from)).count();
                let is_taken = if criterion == "allOf" {
                    taking == schemas.len()
                } else {
                    taking > 0
                };
                if !is_taken {
                    self.found(
                        "TYPE_CHANGED",
                        format!("{criterion} does not take what the schema took"),
                    );
                }
                true
            }
            (None, Some((criterion, schemas))) => {
                let taken = schemas.iter().filter(|schema| self.takes(to, **schema)).count();
                let is_taken = if criterion == "allOf" {
                    taken > 0
                } else {
                    taken == schemas.len()
                };
                if !is_taken {
                    self.found(
                        "TYPE_CHANGED",
                        format!("the schema does not take what {criterion} took"),
                    );
                }
                true
            }
            (Some((now, to_all)), Some((before, from_all))) => {
                self.combinations((now, &to_all), (before, &from_all));
                false
            }
        }
    }

    fn combinations(&mut self, to: (&'static str, &[Located<'a>]), from: (&'static str, &[Located<'a>])) {
        let is_single = to.1.len() == 1 && from.1.len() == 1;
        if to.0 != from.0 && to.0 != "anyOf" && !is_single {
            return self.found("COMBINED_TYPE_CHANGED", format!("{} was {}", to.0, from.0));
        }
        let (now, before) = (to.1.len(), from.1.len());
        match (to.0, now.cmp(&before)) {
            ("allOf", std::cmp::Ordering::Greater) => {
                return self.found(
                    "PRODUCT_TYPE_EXTENDED",
                    format!("allOf has {now} schemas and had {before}"),
                );
            }
            ("anyOf" | "oneOf", std::cmp::Ordering::Less) => {
                return self.found(
                    "SUM_TYPE_NARROWED",
                    format!("{} has {now} schemas and had {before}", to.0),
                );
            }
            _ => {}
        }
        let matched = self.matching(to.1, from.1);
        if matched < now.min(before) {
            let what = format!("only {matched} of the {before} schemas of {} are taken", from.0);
            self.found("COMBINED_TYPE_SUBSCHEMAS_CHANGED", what);
        }
    }

    /// How many schemas find one of their own on the other side (augmenting paths, Kuhn 1955).
    fn matching(&mut self, to: &[Located<'a>], from: &[Located<'a>]) -> usize {
        let mut takes = Vec::with_capacity(from.len());
        for before in from {
            let row: Vec<usize> = (0..to.len())
                .filter(|now| self.takes(to[*now], *before))
                .collect();
            takes.push(row);
        }
        let mut owner: Vec<Option<usize>> = vec![None; to.len()];
        let mut matched = 0;
        for before in 0..from.len() {
            let mut visited = vec![false; to.len()];
            matched += usize::from(augment(before, &takes, &mut owner, &mut visited));
        }
        matched
    }

    fn types(&mut self, to: &Json, from: &Json) {
        let (now, before) = (types(to), types(from));
        let Some(now) = now else { return };
        let Some(before) = before else {
            return self.found("TYPE_CHANGED", "the schema has types now and had none");
        };
        let taken = |name: &&&str| now.contains(**name) || (**name == "integer" && now.contains("number"));
        let kept = before.iter().filter(taken).count();
        if kept == before.len() {
            return;
        }
        let narrows = before.contains("number") && now.contains("integer");
        let words = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        let rule = match (kept, narrows) {
            (_, true) => "TYPE_NARROWED",
            (0, false) => "TYPE_CHANGED",
            (_, false) => "SUM_TYPE_NARROWED",
        };
        self.under(&["type"], |comparison| {
            comparison.found(
                rule,
                format!("the type is {} and was {}", words(&now), words(&before)),
            );
        });
    }

    fn values(&mut self, to: &Json, from: &Json) {
        let (now, before) = (values(to), values(from));
        let (rule, what) = match (now, before) {
            (None, _) => return,
            (Some(_), None) => ("ENUM_ARRAY_ADDED", "the values are listed now and were not"),
            (Some(now), Some(before)) => {
                let missing = before
                    .iter()
                    .filter(|one| !now.iter().any(|other| other.equals(one)))
                    .count();
                let extra = now
                    .iter()
                    .any(|one| !before.iter().any(|other| other.equals(one)));
                match (missing, extra) {
                    (0, _) => return,
                    (_, false) => ("ENUM_ARRAY_NARROWED", "values are gone"),
                    (_, true) => ("ENUM_ARRAY_CHANGED", "values are gone, and others came"),
                }
            }
        };
        self.under(&["enum"], |comparison| comparison.found(rule, what));
    }

    fn bounds(&mut self, to: &Json, from: &Json) {
        const UPPER: [(&str, &str, &str); 6] = [
            ("maxLength", "MAX_LENGTH_ADDED", "MAX_LENGTH_DECREASED"),
            ("maximum", "MAXIMUM_ADDED", "MAXIMUM_DECREASED"),
            (
                "exclusiveMaximum",
                "EXCLUSIVE_MAXIMUM_ADDED",
                "EXCLUSIVE_MAXIMUM_DECREASED",
            ),
            ("maxItems", "MAX_ITEMS_ADDED", "MAX_ITEMS_DECREASED"),
            (
                "maxProperties",
                "MAX_PROPERTIES_ADDED",
                "MAX_PROPERTIES_DECREASED",
            ),
            ("maxContains", "MAX_CONTAINS_ADDED", "MAX_CONTAINS_DECREASED"),
        ];
        const LOWER: [(&str, &str, &str); 6] = [
            ("minLength", "MIN_LENGTH_ADDED", "MIN_LENGTH_INCREASED"),
            ("minimum", "MINIMUM_ADDED", "MINIMUM_INCREASED"),
            (
                "exclusiveMinimum",
                "EXCLUSIVE_MINIMUM_ADDED",
                "EXCLUSIVE_MINIMUM_INCREASED",
            ),
            ("minItems", "MIN_ITEMS_ADDED", "MIN_ITEMS_INCREASED"),
            (
                "minProperties",
                "MIN_PROPERTIES_ADDED",
                "MIN_PROPERTIES_INCREASED",
            ),
            ("minContains", "MIN_CONTAINS_ADDED", "MIN_CONTAINS_INCREASED"),
        ];
        for (is_upper, rules) in [(true, UPPER), (false, LOWER)] {
            for (keyword, added, tightened) in rules {
                let (Some(now), before) = (number(to, keyword), number(from, keyword)) else {
                    continue;
                };
                let rule = match before {
                    None => added,
                    Some(before) if (is_upper && now < before) || (!is_upper && now > before) => tightened,
                    Some(_) => continue,
                };
                self.under(&[keyword], |comparison| {
                    comparison.found(rule, format!("{keyword} is {now} now"));
                });
            }
        }
        if let Some(now) = number(to, "multipleOf") {
            let rule = match number(from, "multipleOf") {
                None => Some("MULTIPLE_OF_ADDED"),
                Some(before) if before.is_multiple_of(&now) == Some(true) => None,
                Some(before) if now.is_multiple_of(&before) == Some(true) => Some("MULTIPLE_OF_EXPANDED"),
                Some(_) => Some("MULTIPLE_OF_CHANGED"),
            };
            if let Some(rule) = rule {
                self.under(&["multipleOf"], |comparison| {
                    comparison.found(rule, format!("multipleOf is {now} now"));
                });
            }
        }
        match (to.get("pattern"), from.get("pattern")) {
            (Some(now), before) if before != Some(now) => {
                let rule = if before.is_some() {
                    "PATTERN_CHANGED"
                } else {
                    "PATTERN_ADDED"
                };
                self.under(&["pattern"], |comparison| {
                    comparison.found(rule, "the pattern is new");
                });
            }
            _ => {}
        }
        let is_unique = |json: &Json| json.get("uniqueItems") == Some(&Json::Bool(true));
        if is_unique(to) && !is_unique(from) {
            self.under(&["uniqueItems"], |comparison| {
                comparison.found("UNIQUE_ITEMS_ADDED", "elements must differ now");
            });
        }
    }

    fn negation(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = to.json.get("not") else { return };
        // What was excluded must exclude at least as much: the direction turns round.
        let is_kept = from.json.get("not").is_some_and(|before| {
            let mut turned = Comparison {
                reader: self.writer,
                writer: self.reader,
                seen: HashSet::new(),
                trials: HashMap::new(),
                spent: self.spent,
                found: Differences::default(),
                path: Vec::new(),
            };
            turned.schemas(inner(self.writer, from, before), inner(self.reader, to, now));
            self.spent = turned.spent;
            turned.found.is_empty()
        });
        if !is_kept {
            self.under(&["not"], |comparison| {
                comparison.found("NOT_TYPE_EXTENDED", "more is excluded now");
            });
        }
    }
}

fn augment(before: usize, takes: &[Vec<usize>], owner: &mut [Option<usize>], visited: &mut [bool]) -> bool {
    for now in &takes[before] {
        if std::mem::replace(&mut visited[*now], true) {
            continue;
        }
        let is_free = match owner[*now] {
            None => true,
            Some(other) => augment(other, takes, owner, visited),
        };
        if is_free {
            owner[*now] = Some(before);
            return true;
        }
    }
    false
}

/// The schema behind its references. A circle of nothing but references is the schema itself.
fn resolved<'d>(documents: &Documents<'d>, mut located: Located<'d>) -> Located<'d> {
    for _ in 0..MAX_DEPTH {
        let Some(reference) = located.json.get("$ref").and_then(Json::as_str) else {
            break;
        };
        let Some((target, _)) = documents.find(located.resource, reference) else {
            break;
        };
        located = target;
    }
    located
}

fn inner<'d>(documents: &Documents<'d>, outer: Located<'d>, json: &'d Json) -> Located<'d> {
    Located {
        json,
        resource: documents.resource_of(json, outer.resource),
    }
}

fn members<'d>(located: Located<'d>, keyword: &str) -> &'d [(String, Json)] {
    located.json.get(keyword).map(Json::members).unwrap_or_default()
}

fn takes_all(json: &Json) -> bool {
    match json {
        Json::Bool(takes) => *takes,
        other => other
            .members()
            .iter()
            .all(|(keyword, _)| ANNOTATIONS.contains(&keyword.as_str())),
    }
}

/// The schemas that a schema combines, each once: the same one twice says nothing more.
fn combination<'d>(
    documents: &Documents<'d>,
    located: Located<'d>,
) -> Option<(&'static str, Vec<Located<'d>>)> {
    ["oneOf", "anyOf", "allOf"].into_iter().find_map(|criterion| {
        let schemas = located.json.get(criterion)?.elements();
        let mut known = HashSet::new();
        let distinct = schemas
            .iter()
            .filter(|json| criterion == "oneOf" || known.insert(json.canonical()));
        Some((
            criterion,
            distinct.map(|json| inner(documents, located, json)).collect(),
        ))
    })
}

fn types(json: &Json) -> Option<BTreeSet<&str>> {
    let kind = json.get("type")?;
    Some(
        kind.as_str()
            .into_iter()
            .chain(kind.elements().iter().filter_map(Json::as_str))
            .collect(),
    )
}

fn values(json: &Json) -> Option<&[Json]> {
    json.get("enum")
        .map(Json::elements)
        .or_else(|| json.get("const").map(std::slice::from_ref))
}

fn number(json: &Json, keyword: &str) -> Option<Decimal> {
    match json.get(keyword)? {
        Json::Number(digits) => Some(Decimal::of(digits)),
        _ => None,
    }
}
