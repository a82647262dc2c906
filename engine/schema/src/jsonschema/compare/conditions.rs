//! `if`, `then` and `else`.

use super::Comparison;
use super::parts::inner;
use crate::jsonschema::documents::Located;

impl<'a> Comparison<'a> {
    /// The same condition may widen what it leads to. Of another one nothing can be proven.
    pub(super) fn condition(&mut self, to: Located<'a>, from: Located<'a>) {
        let branches = ["then", "else"];
        let leads = branches.iter().any(|branch| to.json.get(branch).is_some());
        let Some(now) = to.json.get("if").filter(|_| leads) else {
            return;
        };
        let now = inner(self.reader, to, now);
        let is_same = from.json.get("if").is_some_and(|before| {
            let before = inner(self.writer, from, before);
            self.same(now, before)
        });
        if !is_same {
            return self.under(&["if"], |comparison| {
                comparison.found("CONDITION_CHANGED", "the condition is new or another one");
            });
        }
        for branch in branches {
            let Some(now) = to.json.get(branch) else { continue };
            let now = inner(self.reader, to, now);
            self.under(&[branch], |comparison| match from.json.get(branch) {
                Some(before) => {
                    let before = inner(comparison.writer, from, before);
                    comparison.schemas(now, before);
                }
                None if comparison.takes_all(now) => {}
                None => comparison.found("CONDITION_CHANGED", format!("{branch} is new")),
            });
        }
    }
}
