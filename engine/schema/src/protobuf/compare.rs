//! Whether a reader's messages read what a writer's have written: the rules of Confluent's registry for Protobuf. What
//! only changes names in code is no difference: on the wire, numbers count.

use std::collections::HashSet;

use super::model::{Field, Kind, Message, Named, ProtobufSchema, Scalar};
use crate::bounds::MAX_COMPARISONS;
use crate::difference::{Difference, Differences};

/// Everything that `reader` cannot read of what `writer` writes.
pub(crate) fn differences(reader: &ProtobufSchema, writer: &ProtobufSchema) -> Vec<Difference> {
    let mut comparison = Comparison {
        reader,
        writer,
        seen: HashSet::new(),
        found: Differences::default(),
        path: Vec::new(),
    };
    if reader.package != writer.package {
        let what = format!("the package is {:?} and was {:?}", reader.package, writer.package);
        comparison.found("PACKAGE_CHANGED", what);
    }
    for top in &writer.tops {
        comparison.removed_or_changed(*top);
    }
    comparison.found.into_vec()
}

struct Comparison<'a> {
    reader: &'a ProtobufSchema,
    writer: &'a ProtobufSchema,
    seen: HashSet<(usize, usize)>,
    found: Differences,
    path: Vec<String>,
}

/// A name without the package of its file, so that a change of the package is told once.
fn without_package<'n>(schema: &ProtobufSchema, name: &'n str) -> &'n str {
    let rest = name
        .strip_prefix(&schema.package)
        .and_then(|name| name.strip_prefix('.'));
    rest.unwrap_or(name)
}

impl Comparison<'_> {
    fn found(&mut self, rule: &'static str, what: String) {
        self.found.push(rule, &self.path, what);
    }

    fn under(&mut self, segment: &str, compare: impl FnOnce(&mut Self)) {
        self.path.push(segment.to_owned());
        compare(self);
        self.path.pop();
    }

    /// A message that the writer declares, and those inside it.
    fn removed_or_changed(&mut self, written: usize) {
        let (reader, writer) = (self.reader, self.writer);
        let from = &writer.messages[written];
        let name = without_package(writer, &from.name).to_owned();
        let same = |to: &&usize| without_package(reader, &reader.messages[**to].name) == name;
        let read = all_declared(reader).into_iter().find(|to| same(&to));
        self.under(&name, |comparison| match read {
            Some(read) => {
                comparison.messages(read, written);
                for inner in from
                    .nested
                    .iter()
                    .filter(|inner| !writer.messages[**inner].is_map_entry)
                {
                    comparison.removed_or_changed(*inner);
                }
            }
            None => comparison.found("MESSAGE_REMOVED", format!("the message {name} is gone")),
        });
    }

    fn messages(&mut self, read: usize, written: usize) {
        if self.seen.len() >= MAX_COMPARISONS || !self.seen.insert((read, written)) {
            return;
        }
        let (to, from) = (&self.reader.messages[read], &self.writer.messages[written]);
        self.oneofs(to, from);
        for field in &from.fields {
            let now = to.by_number.get(&field.number).map(|index| &to.fields[*index]);
            self.under(&field.name, |comparison| match now {
                Some(now) => comparison.fields(now, field),
                None if field.is_required => {
                    comparison.found(
                        "REQUIRED_FIELD_REMOVED",
                        format!("the required field {} is gone", field.name),
                    );
                }
                None if is_in_kept_oneof(from, to, field) => {
                    comparison.found(
                        "ONEOF_FIELD_REMOVED",
                        format!("the field {} of a oneof is gone", field.name),
                    );
                }
                None => {}
            });
        }
        for field in to.fields.iter().filter(|field| field.is_required) {
            if !from.by_number.contains_key(&field.number) {
                self.under(&field.name, |comparison| {
                    comparison.found(
                        "REQUIRED_FIELD_ADDED",
                        format!("the field {} is new and required", field.name),
                    );
                });
            }
        }
    }

    /// Fields that were apart may not come into one `oneof`: of two that were set, one would be lost.
    fn oneofs(&mut self, to: &Message, from: &Message) {
        for (index, name) in to.oneofs.iter().enumerate() {
            let members: Vec<&Field> = to
                .fields
                .iter()
                .filter(|field| field.oneof == Some(index))
                .collect();
            let before = |field: &&Field| {
                from.by_number
                    .get(&field.number)
                    .map(|index| &from.fields[*index])
            };
            let was_apart = |field: &&&Field| before(field).is_some_and(|before| before.oneof.is_none());
            let moved = members.iter().filter(was_apart).count();
            let existed = members
                .iter()
                .any(|field| before(field).is_some_and(|before| before.oneof.is_some()))
                || from.oneofs.contains(name);
            if existed && moved > 0 {
                self.under(name, |comparison| {
                    comparison.found(
                        "FIELD_MOVED_TO_EXISTING_ONEOF",
                        format!("{moved} fields moved into the oneof {name}"),
                    );
                });
            } else if moved > 1 {
                self.under(name, |comparison| {
                    comparison.found(
                        "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
                        format!("{moved} fields moved into the oneof {name}"),
                    );
                });
            }
        }
    }

    fn fields(&mut self, to: &Field, from: &Field) {
        let (reader, writer) = (self.reader, self.writer);
        match (reader.entry(to), writer.entry(from)) {
            (Some(to), Some(from)) => {
                for number in [1, 2] {
                    let part = |message: &Message| {
                        message
                            .by_number
                            .get(&number)
                            .map(|index| message.fields[*index].clone())
                    };
                    if let (Some(to), Some(from)) = (part(to), part(from)) {
                        self.kinds(&to, &from);
                    }
                }
                return;
            }
            (None, None) => {}
            _ => {
                return self.found(
                    "FIELD_KIND_CHANGED",
                    format!("{} is a map in one and none in the other", to.name),
                );
            }
        }
        if to.is_required != from.is_required && to.is_required {
            self.found("REQUIRED_FIELD_ADDED", format!("{} is required now", to.name));
        }
        if to.is_repeated != from.is_repeated {
            let is_text = |field: &Field| {
                matches!(
                    field.kind,
                    Kind::Scalar(Scalar::String | Scalar::Bytes) | Kind::Message(_)
                )
            };
            if !(is_text(to) && is_text(from)) {
                self.found(
                    "FIELD_NUMERIC_LABEL_CHANGED",
                    format!("{} is repeated in one and not in the other", to.name),
                );
            }
        }
        self.kinds(to, from);
    }

    fn kinds(&mut self, to: &Field, from: &Field) {
        match (to.kind, from.kind) {
            (Kind::Scalar(to), Kind::Scalar(from)) => {
                if group(to) != group(from) {
                    let what = format!("{} was {}", to.name(), from.name());
                    self.found("FIELD_SCALAR_KIND_CHANGED", what);
                }
            }
            // An enum is a whole number on the wire.
            (Kind::Enum(_), Kind::Enum(_)) => self.names(to, from),
            (Kind::Enum(_), Kind::Scalar(scalar)) | (Kind::Scalar(scalar), Kind::Enum(_)) => {
                if group(scalar) != group(Scalar::Int32) {
                    self.found(
                        "FIELD_KIND_CHANGED",
                        format!("{} is an enum in one and {} in the other", to.name, scalar.name()),
                    );
                }
            }
            (Kind::Message(read), Kind::Message(written)) => {
                self.names(to, from);
                self.messages(read, written);
            }
            _ => self.found(
                "FIELD_KIND_CHANGED",
                format!("{} is of another kind of type", to.name),
            ),
        }
    }

    fn names(&mut self, to: &Field, from: &Field) {
        let name = |schema: &ProtobufSchema, kind: Kind| match kind {
            Kind::Message(message) => schema.messages[message].name.clone(),
            Kind::Enum(number) => schema.enums[number].name.clone(),
            Kind::Scalar(scalar) => scalar.name(),
        };
        let (now, before) = (name(self.reader, to.kind), name(self.writer, from.kind));
        if without_package(self.reader, &now) != without_package(self.writer, &before) {
            self.found(
                "FIELD_NAMED_TYPE_CHANGED",
                format!("the type is {now} and was {before}"),
            );
        }
    }
}

/// The messages that payloads of a schema may be, and those inside them.
fn all_declared(schema: &ProtobufSchema) -> Vec<usize> {
    let mut all = schema.tops.clone();
    let mut at = 0;
    while at < all.len() {
        all.extend(&schema.messages[all[at]].nested);
        at += 1;
    }
    // A message that moved to an imported file is still read.
    let is_new = |named: &Named| match named {
        Named::Message(message) if !all.contains(message) => Some(*message),
        _ => None,
    };
    let imported: Vec<usize> = schema.names.values().filter_map(is_new).collect();
    all.extend(imported);
    all
}

/// Whether the field stood in a oneof some of whose fields are still there.
fn is_in_kept_oneof(from: &Message, to: &Message, field: &Field) -> bool {
    field.oneof.is_some_and(|oneof| {
        from.fields.iter().any(|other| {
            other.oneof == Some(oneof)
                && other.number != field.number
                && to.by_number.contains_key(&other.number)
        }) || to.oneofs.contains(&from.oneofs[oneof])
    })
}

/// Types that read each other's bytes.
fn group(scalar: Scalar) -> u8 {
    match scalar {
        Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Uint64 | Scalar::Bool => 0,
        Scalar::Sint32 | Scalar::Sint64 => 1,
        Scalar::String | Scalar::Bytes => 2,
        Scalar::Fixed32 | Scalar::Sfixed32 => 3,
        Scalar::Fixed64 | Scalar::Sfixed64 => 4,
        Scalar::Float => 5,
        Scalar::Double => 6,
    }
}
