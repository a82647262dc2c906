//! Keywords of a value that look into no other schema: types, listed values, bounds, patterns of text.

use std::collections::BTreeSet;

use super::Comparison;
use crate::json::{Decimal, Json};
use crate::jsonschema::documents::Located;
use crate::jsonschema::format;

/// Bounds from above: keyword, the rule where it is new, and where it is lower than before.
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
/// The same from below.
const LOWER: [(&str, &str, &str); 5] = [
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
];

impl<'a> Comparison<'a> {
    pub(super) fn types(&mut self, to: Located<'a>, from: Located<'a>) {
        let (now, before) = (types(to.json), types(from.json));
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

    pub(super) fn values(&mut self, to: Located<'a>, from: Located<'a>) {
        for keyword in ["enum", "const"] {
            self.listed(keyword, to.json, from.json);
        }
    }

    fn listed(&mut self, keyword: &'static str, to: &Json, from: &Json) {
        let Some(now) = listed(to, keyword) else { return };
        // Both at once: the one value of `const` is all that is left.
        let before = listed(from, "const").or_else(|| listed(from, "enum"));
        let (rule, what) = match before {
            None => ("ENUM_ARRAY_ADDED", "the values are listed now and were not"),
            Some(before) => {
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

    pub(super) fn bounds(&mut self, to: Located<'a>, from: Located<'a>) {
        let (to, from) = (to.json, from.json);
        for (is_upper, rules) in [(true, UPPER.as_slice()), (false, LOWER.as_slice())] {
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

    /// `format`, where it asserts. Where the older schema only noted it, any text came through.
    pub(super) fn formats(&mut self, to: Located<'a>, from: Located<'a>) {
        let asserted = |json: &'a Json| {
            let name = json.get("format").and_then(Json::as_str);
            name.filter(|name| format::check(name).is_some())
        };
        let Some(now) = asserted(to.json).filter(|_| self.formats.0) else {
            return;
        };
        if self.formats.1 && asserted(from.json) == Some(now) {
            return;
        }
        self.under(&["format"], |comparison| {
            comparison.found("FORMAT_ASSERTED", format!("texts must be {now:?} now"));
        });
    }
}

pub(super) fn types(json: &Json) -> Option<BTreeSet<&str>> {
    let kind = json.get("type")?;
    Some(
        kind.as_str()
            .into_iter()
            .chain(kind.elements().iter().filter_map(Json::as_str))
            .collect(),
    )
}

/// What `enum` or `const` lists.
pub(super) fn listed<'d>(json: &'d Json, keyword: &str) -> Option<&'d [Json]> {
    let list = json.get(keyword)?;
    Some(if keyword == "enum" {
        list.elements()
    } else {
        std::slice::from_ref(list)
    })
}

pub(super) fn number(json: &Json, keyword: &str) -> Option<Decimal> {
    match json.get(keyword)? {
        Json::Number(digits) => Some(Decimal::of(digits)),
        _ => None,
    }
}
