//! `$ref` and `$dynamicRef` beside other keywords.

use super::Comparison;
use super::parts::referred;
use crate::json::Json;
use crate::jsonschema::documents::{Documents, Located};

impl<'a> Comparison<'a> {
    pub(super) fn reference(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = referred(self.reader, to) else {
            return;
        };
        let before = referred(self.writer, from).unwrap_or(from);
        self.under(&["$ref"], |comparison| comparison.schemas(now, before));
    }

    /// The way of an evaluation decides what `$dynamicRef` means, so it is sure only where one schema can be meant.
    pub(super) fn dynamic_reference(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = text(to) else { return };
        if self.is_unchanged {
            return;
        }
        let only = |documents: &'a Documents<'a>, located: Located<'a>, name: &str| {
            let (target, anchor) = documents.find(located.resource, name)?;
            let is_only = anchor.is_none_or(|anchor| anchors(documents, &anchor) == 1);
            is_only.then_some(target)
        };
        let before = text(from).filter(|before| *before == now);
        let pair =
            before.and_then(|before| Some((only(self.reader, to, now)?, only(self.writer, from, before)?)));
        self.under(&["$dynamicRef"], |comparison| match pair {
            Some((now, before)) => comparison.schemas(now, before),
            None => comparison.found("TYPE_CHANGED", "what $dynamicRef means may be another schema now"),
        });
    }
}

fn text(located: Located<'_>) -> Option<&str> {
    located.json.get("$dynamicRef").and_then(Json::as_str)
}

fn anchors(documents: &Documents<'_>, name: &str) -> usize {
    let all = documents.resources.iter().flat_map(|resource| &resource.dynamic);
    all.filter(|(anchor, _)| anchor == name).count()
}
