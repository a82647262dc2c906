//! Whether a reader's schema reads what a writer's has written: the standard's resolution, as Confluent's registry
//! judges it. A reader's decimal of another scale is a difference here too, for the standard does not match it.

use std::collections::{HashMap, HashSet};

use super::model::{AvroSchema, RecordField, Shape, TypeId};
use crate::bounds::MAX_COMPARISONS;
use crate::difference::{Difference, Differences};

/// Everything that `reader` cannot read of what `writer` writes.
pub(crate) fn differences(reader: &AvroSchema, writer: &AvroSchema) -> Vec<Difference> {
    let mut comparison = Comparison::new(reader, writer);
    comparison.types(reader.root, writer.root);
    if comparison.spent > MAX_COMPARISONS {
        let what = format!("comparing the schemas takes more than {MAX_COMPARISONS} steps");
        comparison.found.push("TOO_COMPLEX", &[], what);
    }
    comparison.found.into_vec()
}

struct Comparison<'a> {
    reader: &'a AvroSchema,
    writer: &'a AvroSchema,
    /// Pairs that were compared or are being compared: a record may contain itself.
    seen: HashSet<(TypeId, TypeId)>,
    /// Whether a branch reads a type. A pair under way is taken for readable, so circles close.
    trials: HashMap<(TypeId, TypeId), bool>,
    /// Pairs that were looked at, in trials too.
    spent: usize,
    found: Differences,
    path: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(reader: &'a AvroSchema, writer: &'a AvroSchema) -> Self {
        Self {
            reader,
            writer,
            seen: HashSet::new(),
            trials: HashMap::new(),
            spent: 0,
            found: Differences::default(),
            path: Vec::new(),
        }
    }

    fn found(&mut self, rule: &'static str, what: String) {
        self.found.push(rule, &self.path, what);
    }

    fn under(&mut self, segment: &impl ToString, compare: impl FnOnce(&mut Self)) {
        self.path.push(segment.to_string());
        compare(self);
        self.path.pop();
    }

    fn types(&mut self, read: TypeId, written: TypeId) {
        self.spent += 1;
        if self.spent > MAX_COMPARISONS || !self.seen.insert((read, written)) {
            return;
        }
        let (reader, writer) = (self.reader, self.writer);
        let (to, from) = (&reader.types[read], &writer.types[written]);
        match (&to.shape, &from.shape) {
            (_, Shape::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    self.under(&index, |comparison| comparison.types(read, *branch));
                }
            }
            (Shape::Union(branches), _) => self.branch(branches, written),
            (Shape::Array(to), Shape::Array(from)) => {
                self.under(&"items", |comparison| comparison.types(*to, *from));
            }
            (Shape::Map(to), Shape::Map(from)) => {
                self.under(&"values", |comparison| comparison.types(*to, *from));
            }
            (Shape::Fixed(to, size), Shape::Fixed(from, written)) => {
                if !to.reads(from) {
                    self.found("NAME_MISMATCH", format!("{} was {}", to.full, from.full));
                }
                if size != written {
                    self.found(
                        "FIXED_SIZE_MISMATCH",
                        format!("the size is {size} and was {written}"),
                    );
                }
            }
            (
                Shape::Enum {
                    name: to,
                    symbols,
                    default,
                },
                Shape::Enum {
                    name: from,
                    symbols: written,
                    ..
                },
            ) => {
                if !to.reads(from) {
                    self.found("NAME_MISMATCH", format!("{} was {}", to.full, from.full));
                }
                let missing: Vec<&str> = written
                    .list
                    .iter()
                    .filter(|symbol| symbols.position(symbol).is_none())
                    .map(String::as_str)
                    .collect();
                if !missing.is_empty() && default.is_none() {
                    let what = format!("the enum lacks {} and has no default", missing.join(", "));
                    self.under(&"symbols", |comparison| {
                        comparison.found("MISSING_ENUM_SYMBOLS", what);
                    });
                }
            }
            (Shape::Record(to, fields), Shape::Record(from, written)) => {
                if !to.reads(from) {
                    self.found("NAME_MISMATCH", format!("{} was {}", to.full, from.full));
                }
                self.fields(&fields.list, &written.list);
            }
            (to, from) if !to.matches(from) && !to.promotes(from) => {
                self.found("TYPE_MISMATCH", format!("{} reads no {}", to.word(), from.word()));
            }
            _ => {}
        }
        if let (Some((_, to)), Some((_, from))) = (to.decimal, from.decimal)
            && to != from
        {
            self.found(
                "DECIMAL_SCALE_MISMATCH",
                format!("the scale is {to} and was {from}"),
            );
        }
    }

    /// A union reads what any of its branches reads.
    fn branch(&mut self, branches: &[TypeId], written: TypeId) {
        let shape = self.writer.shape(written);
        let similar = |branch: &&TypeId| {
            let to = self.reader.shape(**branch);
            to.word() == shape.word() || to.promotes(shape)
        };
        let similar: Vec<TypeId> = branches.iter().filter(similar).copied().collect();
        if !similar.into_iter().any(|branch| self.reads(branch, written)) {
            let name = self.writer.branch_name(written).to_owned();
            self.found(
                "MISSING_UNION_BRANCH",
                format!("no branch of the union reads {name}"),
            );
        }
    }

    fn reads(&mut self, branch: TypeId, written: TypeId) -> bool {
        if let Some(reads) = self.trials.get(&(branch, written)) {
            return *reads;
        }
        self.trials.insert((branch, written), true);
        let mut trial = Comparison::new(self.reader, self.writer);
        (trial.trials, trial.spent) = (std::mem::take(&mut self.trials), self.spent);
        trial.types(branch, written);
        let reads = trial.found.is_empty();
        (self.trials, self.spent) = (trial.trials, trial.spent);
        self.trials.insert((branch, written), reads);
        reads
    }

    fn fields(&mut self, fields: &[RecordField], written: &[RecordField]) {
        for (index, field) in fields.iter().enumerate() {
            let by_name = written.iter().find(|from| from.name == field.name);
            let from = by_name.or_else(|| written.iter().find(|from| field.reads(&from.name)));
            self.path.extend(["fields".to_owned(), index.to_string()]);
            match from {
                Some(from) => self.under(&"type", |comparison| comparison.types(field.of, from.of)),
                None if field.default.is_none() => {
                    let what = format!("the field {} is new and has no default", field.name);
                    self.found("READER_FIELD_MISSING_DEFAULT_VALUE", what);
                }
                None => {}
            }
            self.path.truncate(self.path.len() - 2);
        }
    }
}
