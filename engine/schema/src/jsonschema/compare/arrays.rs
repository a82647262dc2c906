//! Keywords of arrays.

use super::content::{Content, content_of_array};
use super::{Comparison, inner, resolved, takes_all};
use crate::json::Json;
use crate::jsonschema::documents::Located;

impl<'a> Comparison<'a> {
    pub(super) fn arrays(&mut self, to: Located<'a>, from: Located<'a>) {
        let prefix = |json: &'a Json| json.get("prefixItems").map(Json::elements).unwrap_or_default();
        let (now, before) = (prefix(to.json), prefix(from.json));
        for index in 0..now.len().max(before.len()) {
            let (now, before) = (now.get(index), before.get(index));
            let now = now.map(|now| inner(self.reader, to, now));
            let before = before.map(|before| inner(self.writer, from, before));
            self.under(&["prefixItems", &index.to_string()], |comparison| {
                match (now, before) {
                    (Some(now), Some(before)) => comparison.schemas(now, before),
                    (Some(now), None) => comparison.added_item(from, now),
                    (None, Some(before)) => comparison.removed_item(to, before),
                    (None, None) => {}
                }
            });
        }
        if now.is_empty() && before.is_empty() {
            self.additional(to, from, "items", ["SCHEMA_ADDED", "SCHEMA_ADDED"]);
        } else {
            self.additional(
                to,
                from,
                "items",
                ["ADDITIONAL_ITEMS_REMOVED", "ADDITIONAL_ITEMS_NARROWED"],
            );
        }
        if let Some(now) = to.json.get("contains") {
            let now = inner(self.reader, to, now);
            match from.json.get("contains") {
                Some(before) => {
                    let before = inner(self.writer, from, before);
                    self.under(&["contains"], |comparison| comparison.schemas(now, before));
                }
                None => self.under(&["contains"], |comparison| {
                    comparison.found("SCHEMA_ADDED", "the array must contain something now");
                }),
            }
        }
    }

    pub(super) fn added_item(&mut self, from: Located<'a>, now: Located<'a>) {
        match content_of_array(self.writer, from) {
            Content::Open if takes_all(resolved(self.reader, now).json) => {}
            Content::Open => self.found(
                "ITEM_ADDED_TO_OPEN_CONTENT_MODEL",
                "the element could be anything before",
            ),
            Content::Partial(before) if !self.takes(now, before) => self.found(
                "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                "the element could be more before",
            ),
            _ => {}
        }
    }

    pub(super) fn removed_item(&mut self, to: Located<'a>, before: Located<'a>) {
        match content_of_array(self.reader, to) {
            Content::Closed if *before.json != Json::Bool(false) => {
                self.found(
                    "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL",
                    "the element may not stand there any more",
                );
            }
            Content::Partial(now) if !self.takes(now, before) => self.found(
                "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                "what follows does not take the element",
            ),
            _ => {}
        }
    }
}
