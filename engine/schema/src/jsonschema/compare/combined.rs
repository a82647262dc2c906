//! `oneOf`, `anyOf` and `allOf`.

use super::Comparison;
use super::disjoint::{Side, is_disjoint};
use super::parts::combination;
use crate::jsonschema::documents::Located;

const CRITERIA: [&str; 3] = ["oneOf", "anyOf", "allOf"];

impl<'a> Comparison<'a> {
    pub(super) fn one_of(&mut self, to: Located<'a>, from: Located<'a>) {
        self.combined("oneOf", to, from);
    }

    pub(super) fn any_of(&mut self, to: Located<'a>, from: Located<'a>) {
        self.combined("anyOf", to, from);
    }

    pub(super) fn all_of(&mut self, to: Located<'a>, from: Located<'a>) {
        self.combined("allOf", to, from);
    }

    fn combined(&mut self, criterion: &'static str, to: Located<'a>, from: Located<'a>) {
        let Some(now) = combination(self.reader, to, criterion) else {
            return;
        };
        if let Some(before) = combination(self.writer, from, criterion) {
            return self.combinations((criterion, &now), (criterion, &before));
        }
        if self.takes_whole(criterion, &now, from) {
            return;
        }
        let other = CRITERIA
            .into_iter()
            .find_map(|other| Some((other, combination(self.writer, from, other)?)));
        match other {
            Some((other, before)) => self.combinations((criterion, &now), (other, &before)),
            None => self.found(
                "TYPE_CHANGED",
                format!("{criterion} does not take what the schema took"),
            ),
        }
    }

    /// Whether a combination takes all that a schema lets through.
    fn takes_whole(&mut self, criterion: &str, now: &[Located<'a>], from: Located<'a>) -> bool {
        match criterion {
            "allOf" => now.iter().all(|schema| self.takes(*schema, from)),
            "anyOf" => now.iter().any(|schema| self.takes(*schema, from)),
            _ => (0..now.len()).any(|one| {
                let mut others = (0..now.len()).filter(|other| *other != one);
                self.takes(now[one], from) && others.all(|other| self.never_meet(now[other], from))
            }),
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
        let owner = self.matching(to.1, from.1);
        let matched = owner.iter().flatten().count();
        if matched < now.min(before) {
            let what = format!("only {matched} of the {before} schemas of {} are taken", from.0);
            return self.found("COMBINED_TYPE_SUBSCHEMAS_CHANGED", what);
        }
        if to.0 == "oneOf" && !self.is_exclusive(to.1, from, &owner) {
            let what = "a value may match two of the schemas now, and oneOf takes it no more";
            self.found("COMBINED_TYPE_SUBSCHEMAS_CHANGED", what);
        }
    }

    /// Whether what one schema takes matches no other: they cannot meet, or the other one was there before and did
    /// not match either.
    fn is_exclusive(
        &mut self,
        to: &[Located<'a>],
        from: (&'static str, &[Located<'a>]),
        owner: &[Option<usize>],
    ) -> bool {
        for (now, before) in owner.iter().enumerate() {
            let Some(before) = *before else { continue };
            for (other, schema) in to.iter().enumerate().filter(|(other, _)| *other != now) {
                let was_there = from.0 == "oneOf"
                    && (0..from.1.len()).any(|one| one != before && self.same(*schema, from.1[one]));
                if !was_there && !self.never_meet(to[other], from.1[before]) {
                    return false;
                }
            }
        }
        true
    }

    fn never_meet(&self, to: Located<'a>, from: Located<'a>) -> bool {
        let side = |documents, located| Side { documents, located };
        is_disjoint(side(self.reader, to), side(self.writer, from))
    }

    /// The schema of the other side that each has for its own, as many as possible (augmenting paths, Kuhn 1955).
    fn matching(&mut self, to: &[Located<'a>], from: &[Located<'a>]) -> Vec<Option<usize>> {
        let mut takes = Vec::with_capacity(from.len());
        for before in from {
            let row: Vec<usize> = (0..to.len())
                .filter(|now| self.takes(to[*now], *before))
                .collect();
            takes.push(row);
        }
        let mut owner: Vec<Option<usize>> = vec![None; to.len()];
        for before in 0..from.len() {
            let mut visited = vec![false; to.len()];
            augment(before, &takes, &mut owner, &mut visited);
        }
        owner
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
