//! Keywords of arrays.

use super::Comparison;
use super::content::{Content, content_of_array};
use super::parts::{inner, resolved};
use super::plain::number;
use crate::json::{Decimal, Json};
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
        self.containing(to, from);
    }

    fn containing(&mut self, to: Located<'a>, from: Located<'a>) {
        let Some(now) = to.json.get("contains") else {
            return;
        };
        let now = inner(self.reader, to, now);
        let Some(before) = from.json.get("contains") else {
            return self.under(&["contains"], |comparison| {
                comparison.found("SCHEMA_ADDED", "the array must contain something now");
            });
        };
        let before = inner(self.writer, from, before);
        self.under(&["contains"], |comparison| {
            comparison.schemas(now, before);
            // Elements that count now and did not count before may be too many.
            let is_bounded = to.json.get("maxContains").is_some();
            if is_bounded && !comparison.turned(|turned| turned.schemas(before, now)) {
                comparison.found(
                    "TYPE_CHANGED",
                    "more elements count than before, up to maxContains",
                );
            }
        });
        let least = |json: &Json| number(json, "minContains");
        let one = Decimal::of("1");
        let (least_now, least_before) = (least(to.json), least(from.json));
        let rule = match least_before {
            Some(_) => "MIN_CONTAINS_INCREASED",
            None => "MIN_CONTAINS_ADDED",
        };
        if least_now.unwrap_or(one.clone()) > least_before.unwrap_or(one) {
            self.under(&["minContains"], |comparison| {
                comparison.found(rule, "more elements must match now");
            });
        }
    }

    pub(super) fn added_item(&mut self, from: Located<'a>, now: Located<'a>) {
        match content_of_array(self.writer, from) {
            Content::Open if self.takes_all(resolved(self.reader, now)) => {}
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
