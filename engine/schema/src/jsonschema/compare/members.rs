//! Members by pattern, names of members, and what members depend on.

use super::Comparison;
use super::content::{Content, rest_of_object};
use super::parts::{inner, members};
use crate::json::Json;
use crate::jsonschema::documents::Located;
use crate::jsonschema::pattern;

impl<'a> Comparison<'a> {
    pub(super) fn patterns(&mut self, to: Located<'a>, from: Located<'a>) {
        let (now, before) = (
            members(to, "patternProperties"),
            members(from, "patternProperties"),
        );
        for (pattern, schema) in now {
            let schema = inner(self.reader, to, schema);
            match before.iter().find(|(same, _)| same == pattern) {
                Some((_, before)) => {
                    let before = inner(self.writer, from, before);
                    self.under(&["patternProperties", pattern], |comparison| {
                        comparison.schemas(schema, before);
                    });
                }
                None => self.added_pattern(from, pattern, schema),
            }
        }
        for (pattern, schema) in before {
            if !now.iter().any(|(same, _)| same == pattern) {
                let schema = inner(self.writer, from, schema);
                self.removed_pattern(to, pattern, schema);
            }
        }
    }

    /// A pattern that is new takes all members that it may meet: those with a name, those of other patterns, others.
    fn added_pattern(&mut self, from: Located<'a>, pattern: &str, now: Located<'a>) {
        if self.takes_all(now) {
            return;
        }
        let regex = pattern::compile(pattern).ok();
        let may_meet = |name: &str| regex.as_ref().is_none_or(|regex| regex.is_match(name));
        let named = members(from, "properties").iter();
        let mut met: Vec<&Json> = named
            .filter(|(name, _)| may_meet(name))
            .map(|(_, schema)| schema)
            .collect();
        met.extend(
            members(from, "patternProperties")
                .iter()
                .map(|(_, schema)| schema),
        );
        let mut is_taken = met
            .into_iter()
            .all(|before| self.takes(now, inner(self.writer, from, before)));
        is_taken &= match rest_of_object(self.writer, from) {
            Content::Open => false,
            Content::Closed => true,
            Content::Partial(before) => self.takes(now, before),
        };
        if !is_taken {
            self.under(&["patternProperties", pattern], |comparison| {
                let what = "the pattern is new, and members that it meets could be more before";
                comparison.found("PATTERN_PROPERTY_ADDED", what);
            });
        }
    }

    fn removed_pattern(&mut self, to: Located<'a>, pattern: &str, before: Located<'a>) {
        let is_taken = match rest_of_object(self.reader, to) {
            Content::Open => true,
            Content::Closed => *before.json == Json::Bool(false),
            Content::Partial(now) => self.takes(now, before),
        };
        if !is_taken {
            self.under(&["patternProperties"], |comparison| {
                let what =
                    format!("the pattern {pattern:?} is gone, and its members are not taken otherwise");
                comparison.found("PATTERN_PROPERTY_REMOVED", what);
            });
        }
    }

    pub(super) fn property_names(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = to.json.get("propertyNames") else {
            return;
        };
        let now = inner(self.reader, to, now);
        let before = from.json.get("propertyNames");
        self.under(&["propertyNames"], |comparison| match before {
            Some(before) => {
                let before = inner(comparison.writer, from, before);
                comparison.schemas(now, before);
            }
            None if comparison.takes_all(now) => {}
            None => comparison.found("PROPERTY_NAMES_ADDED", "members could have any name before"),
        });
    }

    pub(super) fn dependencies(&mut self, to: Located<'a>, from: Located<'a>) {
        for (name, now) in dependent(to.json, true) {
            let before = dependent(from.json, true)
                .into_iter()
                .find(|(same, _)| *same == name);
            let has = |names: &Json, one: &Json| names.elements().contains(one);
            let rule = match before {
                None => "DEPENDENCY_ARRAY_ADDED",
                Some((_, before)) if now.elements().iter().all(|one| has(before, one)) => continue,
                Some((_, before)) if before.elements().iter().all(|one| has(now, one)) => {
                    "DEPENDENCY_ARRAY_EXTENDED"
                }
                Some(_) => "DEPENDENCY_ARRAY_CHANGED",
            };
            self.under(&["dependentRequired", name], |comparison| {
                comparison.found(rule, "more members are needed");
            });
        }
        for (name, now) in dependent(to.json, false) {
            let now = inner(self.reader, to, now);
            let before = dependent(from.json, false)
                .into_iter()
                .find(|(same, _)| *same == name);
            self.under(&["dependentSchemas", name], |comparison| match before {
                Some((_, before)) => {
                    let before = inner(comparison.writer, from, before);
                    comparison.schemas(now, before);
                }
                None => comparison.found("DEPENDENCY_SCHEMA_ADDED", "the schema for this member is new"),
            });
        }
    }
}

/// What members depend on: names of others, or a schema. `dependencies` of older drafts holds both.
fn dependent(json: &Json, is_names: bool) -> Vec<(&str, &Json)> {
    let keyword = if is_names {
        "dependentRequired"
    } else {
        "dependentSchemas"
    };
    let of = |keyword: &str| json.get(keyword).map(Json::members).unwrap_or_default();
    let older = of("dependencies").iter();
    let older = older.filter(|(_, value)| matches!(value, Json::Array(_)) == is_names);
    let all = of(keyword).iter().chain(older);
    all.map(|(name, value)| (name.as_str(), value)).collect()
}
