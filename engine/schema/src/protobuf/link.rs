//! From declared files to one schema: every name is resolved by the scopes around it, every feature by the features
//! around it.

use std::collections::{HashMap, HashSet};

use super::declare::{Features, FieldDecl, FileDecl, Label, MessageDecl, Presence, Syntax, TypeDecl};
use super::model::{Enum, Field, Kind, Message, Named, ProtobufSchema};
use crate::bounds::MAX_PARTS;
use crate::error::{Place, SchemaError};

/// Links the files; the messages at the top of `main` are those that payloads are.
pub(super) fn link(files: &[FileDecl], main: usize) -> Result<ProtobufSchema, SchemaError> {
    let mut linker = Linker {
        schema: ProtobufSchema::default(),
        parts: 0,
        waiting: Vec::new(),
        extending: Vec::new(),
    };
    for (number, file) in files.iter().enumerate() {
        let features = file.features.within(Features::of(file.syntax));
        let within = |fault: SchemaError| {
            if number == main {
                fault
            } else {
                fault.within(&file.name)
            }
        };
        let tops = linker.file(file, features).map_err(within)?;
        if number == main {
            linker.schema.tops = tops;
            linker.schema.package.clone_from(&file.package);
        }
    }
    for (number, file) in files.iter().enumerate() {
        let within = |fault: SchemaError| {
            if number == main {
                fault
            } else {
                fault.within(&file.name)
            }
        };
        linker.resolve(&file.name).map_err(within)?;
    }
    Ok(linker.schema)
}

struct Linker<'f> {
    schema: ProtobufSchema,
    parts: usize,
    waiting: Vec<Waiting<'f>>,
    extending: Vec<Waiting<'f>>,
}

/// A field whose type is not resolved yet.
struct Waiting<'f> {
    file: &'f str,
    syntax: Syntax,
    scope: String,
    /// The message that it belongs to, or the name of the one that it extends.
    target: Result<usize, &'f str>,
    field: &'f FieldDecl,
    features: Features,
}

fn below(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

impl<'f> Linker<'f> {
    fn count(&mut self, parts: usize) -> Result<(), SchemaError> {
        self.parts += parts;
        if self.parts > MAX_PARTS {
            let what =
                format!("a schema has at most {MAX_PARTS} messages, fields and values, with its imports");
            return Err(SchemaError::new(Place::default(), what));
        }
        Ok(())
    }

    fn declare(&mut self, name: &str, named: Named) -> Result<(), SchemaError> {
        if self.schema.names.insert(name.to_owned(), named).is_some() {
            return Err(SchemaError::new(
                Place::default(),
                format!("{name} is declared twice"),
            ));
        }
        Ok(())
    }

    fn file(&mut self, file: &'f FileDecl, features: Features) -> Result<Vec<usize>, SchemaError> {
        let mut tops = Vec::new();
        for declared in &file.enums {
            self.enumeration(declared, &file.package, features)?;
        }
        for declared in &file.messages {
            tops.push(self.message(file, declared, &file.package, features)?);
        }
        self.extensions(file, &file.extensions, &file.package, features);
        Ok(tops)
    }

    fn extensions(
        &mut self,
        file: &'f FileDecl,
        extensions: &'f [(String, FieldDecl)],
        scope: &str,
        features: Features,
    ) {
        for (extended, field) in extensions {
            self.extending.push(Waiting {
                file: &file.name,
                syntax: file.syntax,
                scope: scope.to_owned(),
                target: Err(extended),
                field,
                features: field.features.within(features),
            });
        }
    }

    fn enumeration(
        &mut self,
        declared: &'f super::declare::EnumDecl,
        scope: &str,
        features: Features,
    ) -> Result<(), SchemaError> {
        self.count(1 + declared.values.len())?;
        let name = below(scope, &declared.name);
        let features = declared.features.within(features);
        let is_open = features.open_enum == Some(true);
        if let (true, Some((first, number))) = (is_open, declared.values.first())
            && *number != 0
        {
            let what = format!("the first value of the enum {name} must be 0, {first} is {number}");
            return Err(SchemaError::new(Place::default(), what));
        }
        let number = self.schema.enums.len();
        let mut by_number = HashMap::new();
        for (value, code) in &declared.values {
            by_number.entry(*code).or_insert_with(|| value.clone());
        }
        self.schema.enums.push(Enum {
            name: name.clone(),
            first: declared
                .values
                .first()
                .map_or(String::new(), |(value, _)| value.clone()),
            by_name: declared.values.iter().cloned().collect(),
            by_number,
            is_open,
        });
        self.declare(&name, Named::Enum(number))
    }

    fn message(
        &mut self,
        file: &'f FileDecl,
        declared: &'f MessageDecl,
        scope: &str,
        features: Features,
    ) -> Result<usize, SchemaError> {
        self.count(1 + declared.fields.len())?;
        let name = below(scope, &declared.name);
        if declared.is_message_set {
            let what = format!(
                "{name} is a message set, an encoding from before Protobuf was public; it is not read here"
            );
            return Err(SchemaError::new(Place::default(), what));
        }
        let features = declared.features.within(features);
        let number = self.schema.messages.len();
        self.schema.messages.push(Message {
            name: name.clone(),
            ..Message::default()
        });
        self.declare(&name, Named::Message(number))?;
        for inner in &declared.enums {
            self.enumeration(inner, &name, features)?;
        }
        let mut nested = Vec::new();
        for inner in &declared.messages {
            nested.push(self.message(file, inner, &name, features)?);
        }
        for field in &declared.fields {
            self.waiting.push(Waiting {
                file: &file.name,
                syntax: file.syntax,
                scope: name.clone(),
                target: Ok(number),
                field,
                features: field.features.within(features),
            });
        }
        self.extensions(file, &declared.extensions, &name, features);
        let message = &mut self.schema.messages[number];
        message.oneofs.clone_from(&declared.oneofs);
        message.nested = nested;
        message.is_map_entry = declared.is_map_entry;
        Ok(number)
    }

    /// Resolves the fields of one file, its extensions after its messages.
    fn resolve(&mut self, file: &str) -> Result<(), SchemaError> {
        let all: Vec<Waiting<'f>> = self
            .waiting
            .extract_if(.., |waiting| waiting.file == file)
            .collect();
        let extending: Vec<Waiting<'f>> = self
            .extending
            .extract_if(.., |waiting| waiting.file == file)
            .collect();
        for waiting in all.iter().chain(&extending) {
            let place = waiting
                .field
                .line
                .map_or_else(Place::default, |(line, column)| Place::line(line, column));
            self.field(waiting)
                .map_err(|what| SchemaError::new(place, what))?;
        }
        Ok(())
    }

    fn field(&mut self, waiting: &Waiting<'f>) -> Result<(), String> {
        let (declared, features) = (waiting.field, waiting.features);
        let (message, is_extension) = match waiting.target {
            Ok(message) => (message, false),
            Err(extended) => match self.find(&waiting.scope, extended) {
                Some(Named::Message(message)) => (message, true),
                _ => return Err(format!("the message {extended} that is extended is not known")),
            },
        };
        let kind = self.kind(waiting)?;
        let mut field = made(declared, kind, features, waiting.syntax);
        if is_extension {
            let name = below(&waiting.scope, &declared.name);
            (field.json_name, field.name) = (format!("[{name}]"), format!("[{name}]"));
        }
        let is_entry = matches!(kind, Kind::Message(inner) if self.schema.messages[inner].is_map_entry);
        if is_entry || self.schema.messages[message].is_map_entry {
            // Maps and their entries are written as they always were.
            (field.is_delimited, field.is_packed) = (false, false);
            field.has_presence |= self.schema.messages[message].is_map_entry;
        }
        let target = &mut self.schema.messages[message];
        if field.oneof.is_some_and(|oneof| oneof >= target.oneofs.len()) {
            return Err(format!("the oneof of {} does not exist", declared.name));
        }
        let index = target.fields.len();
        if target.by_number.insert(field.number, index).is_some() {
            return Err(format!(
                "{} has two fields numbered {}",
                target.name, field.number
            ));
        }
        for name in [&field.json_name, &field.name] {
            match target.by_name.insert(name.clone(), index) {
                Some(other) if other != index => {
                    return Err(format!("{} has two fields named {name} in JSON", target.name));
                }
                _ => {}
            }
        }
        target.fields.push(field);
        Ok(())
    }

    fn kind(&self, waiting: &Waiting<'f>) -> Result<Kind, String> {
        match &waiting.field.of {
            TypeDecl::Scalar(scalar) => Ok(Kind::Scalar(*scalar)),
            TypeDecl::Named(name) => match self.find(&waiting.scope, name) {
                Some(Named::Message(message)) => Ok(Kind::Message(message)),
                Some(Named::Enum(number)) => Ok(Kind::Enum(number)),
                None => Err(format!(
                    "the type {name} is not known; import its file and name it as a reference"
                )),
            },
        }
    }

    /// A name as it is meant in a scope: the innermost scope that has it.
    fn find(&self, scope: &str, name: &str) -> Option<Named> {
        if let Some(full) = name.strip_prefix('.') {
            return self.schema.names.get(full).copied();
        }
        let mut scope = scope;
        loop {
            if let Some(named) = self.schema.names.get(&below(scope, name)) {
                return Some(*named);
            }
            if scope.is_empty() {
                return None;
            }
            scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }
}

fn made(declared: &FieldDecl, kind: Kind, features: Features, syntax: Syntax) -> Field {
    let is_repeated = declared.label == Some(Label::Repeated);
    let is_message = matches!(kind, Kind::Message(_));
    let is_in_oneof = declared.oneof.is_some() || declared.is_optional_in_proto3;
    let is_required =
        declared.label == Some(Label::Required) || features.presence == Some(Presence::Required);
    let explicit = features.presence != Some(Presence::Implicit) || is_message || is_in_oneof;
    let packed = declared.packed.or(features.packed) == Some(true);
    let is_plain_edition = matches!(syntax, Syntax::Edition(_));
    let is_delimited =
        declared.is_group || (is_plain_edition && is_message && features.delimited == Some(true));
    Field {
        name: declared.name.clone(),
        json_name: declared
            .json_name
            .clone()
            .unwrap_or_else(|| json_name(&declared.name)),
        number: declared.number,
        kind,
        is_repeated,
        is_required: is_required && !is_repeated,
        has_presence: explicit && !is_repeated,
        is_packed: is_repeated && packed && kind.can_be_packed(),
        is_delimited,
        oneof: declared.oneof.filter(|_| !declared.is_optional_in_proto3),
    }
}

/// `some_field` is `someField`.
fn json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut is_next_upper = false;
    for character in name.chars() {
        if character == '_' {
            is_next_upper = true;
        } else {
            json.push(if is_next_upper {
                character.to_ascii_uppercase()
            } else {
                character
            });
            is_next_upper = false;
        }
    }
    json
}

/// The files that one file needs, itself included, each once.
pub(super) fn closure(
    main: FileDecl,
    mut find: impl FnMut(&str) -> Option<Result<FileDecl, SchemaError>>,
) -> Result<Vec<FileDecl>, SchemaError> {
    let mut files = vec![main];
    let mut known = HashSet::from([files[0].name.clone()]);
    let mut at = 0;
    while at < files.len() {
        for import in files[at].imports.clone() {
            if !known.insert(import.clone()) {
                continue;
            }
            let Some(file) = find(&import) else {
                let what =
                    format!("{import} is not among what was pushed; push it and name it as a reference");
                let fault = SchemaError::new(Place::default(), what);
                return Err(if at == 0 {
                    fault
                } else {
                    fault.within(&files[at].name)
                });
            };
            files.push(file.map_err(|fault| fault.within(&import))?);
        }
        at += 1;
    }
    Ok(files)
}
