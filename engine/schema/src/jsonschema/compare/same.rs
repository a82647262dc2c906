//! Whether two schemas say the same, word by word, with all that they refer to.

use super::parts::{ANNOTATIONS, inner, referred, resolved};
use super::{Comparison, Pair};
use crate::bounds::{MAX_COMPARISONS, MAX_DEPTH};
use crate::json::Json;
use crate::jsonschema::documents::{LISTS, Located, MAPS, SCHEMAS};

impl<'a> Comparison<'a> {
    pub(super) fn same(&mut self, to: Located<'a>, from: Located<'a>) -> bool {
        let (to, from) = (resolved(self.reader, to), resolved(self.writer, from));
        let pair: Pair = (to.json, from.json);
        if let Some(same) = self.same.get(&pair) {
            return *same;
        }
        self.spent += 1;
        self.depth += 1;
        // A pair under way is taken for the same, so circles close.
        self.same.insert(pair, true);
        let is_bounded = self.spent <= MAX_COMPARISONS && self.depth <= MAX_DEPTH;
        let same = is_bounded && self.same_keywords(to, from);
        self.depth -= 1;
        self.same.insert(pair, same);
        same
    }

    fn same_keywords(&mut self, to: Located<'a>, from: Located<'a>) -> bool {
        let is_object = |json: &Json| matches!(json, Json::Object(_));
        if !is_object(to.json) || !is_object(from.json) {
            return to.json.equals(from.json);
        }
        let asserts = self.formats.0 || self.formats.1;
        let says = |keyword: &str| !ANNOTATIONS.contains(&keyword) || (asserts && keyword == "format");
        let mut keywords = to.json.members().iter().chain(from.json.members());
        keywords.all(|(keyword, _)| !says(keyword) || self.same_keyword(keyword, to, from))
    }

    pub(super) fn same_keyword(&mut self, keyword: &str, to: Located<'a>, from: Located<'a>) -> bool {
        let (now, before) = match (to.json.get(keyword), from.json.get(keyword)) {
            (None, None) => return true,
            (Some(now), Some(before)) => (now, before),
            _ => return false,
        };
        let (reader, writer) = (self.reader, self.writer);
        let mut same = |now: &'a Json, before: &'a Json| {
            matches!(now, Json::Array(_)) && now.equals(before)
                || self.same(inner(reader, to, now), inner(writer, from, before))
        };
        if SCHEMAS.contains(&keyword) {
            return same(now, before);
        }
        if LISTS.contains(&keyword) {
            let (now, before) = (now.elements(), before.elements());
            return now.len() == before.len()
                && now.iter().zip(before).all(|(now, before)| same(now, before));
        }
        if MAPS.contains(&keyword) {
            let is_in =
                |(name, now): &'a (String, Json)| before.get(name).is_some_and(|before| same(now, before));
            return now.members().len() == before.members().len() && now.members().iter().all(is_in);
        }
        match keyword {
            "$ref" => match (referred(reader, to), referred(writer, from)) {
                (Some(now), Some(before)) => self.same(now, before),
                _ => false,
            },
            "$dynamicRef" => self.is_unchanged && now.equals(before),
            "format" => self.formats.0 == self.formats.1 && now.equals(before),
            _ => now.equals(before),
        }
    }
}
