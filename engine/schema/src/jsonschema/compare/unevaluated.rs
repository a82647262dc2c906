//! `unevaluatedProperties` and `unevaluatedItems`: what they meet depends on all schemas at the same place.

use super::Comparison;
use super::parts::{inner, members};
use crate::jsonschema::documents::Located;

/// Keywords with schemas that evaluate members or elements of the same value.
pub(super) const EVALUATING: [&str; 10] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];

impl<'a> Comparison<'a> {
    /// Compatible if all that was evaluated still is, and what is left over was as narrow before.
    pub(super) fn unevaluated(&mut self, to: Located<'a>, from: Located<'a>) {
        for keyword in ["unevaluatedProperties", "unevaluatedItems"] {
            let Some(now) = to.json.get(keyword) else { continue };
            let now = inner(self.reader, to, now);
            if self.takes_all(now) {
                continue;
            }
            let is_kept = if keyword == "unevaluatedProperties" {
                keeps_properties(to, from)
            } else {
                keeps_items(to, from) && self.same_keyword("contains", to, from)
            };
            let is_kept = is_kept && EVALUATING.iter().all(|name| self.same_keyword(name, to, from));
            self.under(&[keyword], |comparison| match from.json.get(keyword) {
                Some(before) if is_kept => {
                    let before = inner(comparison.writer, from, before);
                    comparison.schemas(now, before);
                }
                _ => comparison.found(
                    "UNEVALUATED_NARROWED",
                    format!("{keyword} may let less through now"),
                ),
            });
        }
    }
}

fn keeps_properties(to: Located<'_>, from: Located<'_>) -> bool {
    let has_all = |keyword: &str| {
        let named = |name: &String| members(to, keyword).iter().any(|(same, _)| same == name);
        members(from, keyword).iter().all(|(name, _)| named(name))
    };
    let is_open = |located: Located<'_>| located.json.get("additionalProperties").is_some();
    is_open(to) || (has_all("properties") && has_all("patternProperties") && !is_open(from))
}

fn keeps_items(to: Located<'_>, from: Located<'_>) -> bool {
    let first = |located: Located<'_>| {
        located
            .json
            .get("prefixItems")
            .map_or(0, |list| list.elements().len())
    };
    let has_rest = |located: Located<'_>| located.json.get("items").is_some();
    has_rest(to) || (first(to) >= first(from) && !has_rest(from))
}
