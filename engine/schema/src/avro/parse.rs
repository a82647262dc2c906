//! From the text of an Avro schema to numbered types. Names resolve as in the standard: by namespace, to types that
//! stand before or in a schema that was pushed.

use super::default::Defaults;
use super::model::{AvroSchema, Fields, Name, RecordField, Shape, Symbols, Type, TypeId};
use crate::bounds::{MAX_DEPTH, MAX_PARTS, MAX_VALUES};
use crate::error::{Place, SchemaError};
use crate::json::{Json, read};

/// The largest `fixed`. It is allocated for every value.
const MAX_FIXED: usize = 1024 * 1024;

/// The most branches of a union: each value of it looks through them.
const MAX_BRANCHES: usize = 256;

/// Parses a schema. References bring the named types that it uses without declaring them, in any order.
pub(super) fn parse(text: &str, references: &[(&str, &str)]) -> Result<AvroSchema, SchemaError> {
    let mut schema = AvroSchema::default();
    let mut waiting = Vec::new();
    for (name, text) in references {
        waiting.push((*name, document(text).map_err(|fault| fault.within(name))?));
    }
    while !waiting.is_empty() {
        let (before, mut still, mut fault) = (waiting.len(), Vec::new(), None);
        for (name, json) in waiting {
            let mark = (schema.types.len(), schema.names.clone());
            if let Err(reason) = Parser::new(&mut schema).whole(&json) {
                // It may need a type of a reference behind it.
                schema.types.truncate(mark.0);
                schema.names = mark.1;
                fault.get_or_insert_with(|| reason.within(name));
                still.push((name, json));
            }
        }
        if let (Some(fault), true) = (fault, still.len() == before) {
            return Err(fault);
        }
        waiting = still;
    }
    let json = document(text)?;
    let root = Parser::new(&mut schema).whole(&json)?;
    schema.root = root;
    Ok(schema)
}

/// The text is JSON, or the bare name of a primitive type.
fn document(text: &str) -> Result<Json, SchemaError> {
    let bare = text.trim();
    if !bare.is_empty()
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_')
    {
        return Ok(Json::text(bare));
    }
    read(text.as_bytes()).map_err(|fault| SchemaError::new(fault.place, fault.what))
}

struct Parser<'s> {
    schema: &'s mut AvroSchema,
    path: Vec<String>,
    /// Records whose defaults are checked once all types are known.
    records: Vec<(TypeId, Vec<String>)>,
}

impl<'s> Parser<'s> {
    fn new(schema: &'s mut AvroSchema) -> Self {
        Self {
            schema,
            path: Vec::new(),
            records: Vec::new(),
        }
    }

    fn whole(&mut self, json: &Json) -> Result<TypeId, SchemaError> {
        let root = self.of(json, "")?;
        let records = std::mem::take(&mut self.records);
        let mut defaults = Defaults::new(self.schema, MAX_VALUES);
        for (record, path) in records {
            let Shape::Record(_, fields) = self.schema.shape(record) else {
                continue;
            };
            for (index, field) in fields.list.iter().enumerate() {
                let Some(default) = &field.default else { continue };
                if let Err(what) = defaults.value(field.of, default) {
                    let place =
                        path.iter()
                            .cloned()
                            .chain(["fields".into(), index.to_string(), "default".into()]);
                    return Err(SchemaError::new(Place::segments(place), what));
                }
            }
        }
        Ok(root)
    }

    fn fault(&self, what: impl Into<String>) -> SchemaError {
        SchemaError::new(Place::segments(&self.path), what)
    }

    fn under<T>(
        &mut self,
        segment: &impl ToString,
        parse: impl FnOnce(&mut Self) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        self.path.push(segment.to_string());
        let parsed = parse(self)?;
        self.path.pop();
        Ok(parsed)
    }

    fn add(&mut self, shape: Shape, decimal: Option<(usize, usize)>) -> Result<TypeId, SchemaError> {
        if self.schema.types.len() >= MAX_PARTS {
            return Err(self.fault(format!(
                "a schema has at most {MAX_PARTS} types, with those that it refers to"
            )));
        }
        self.schema.types.push(Type { shape, decimal });
        Ok(self.schema.types.len() - 1)
    }

    fn of(&mut self, json: &Json, namespace: &str) -> Result<TypeId, SchemaError> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.fault(format!("a schema has at most {MAX_DEPTH} levels")));
        }
        match json {
            Json::String(word) => match Shape::primitive(word) {
                Some(shape) => self.add(shape, None),
                None => self.named(word, namespace),
            },
            Json::Array(branches) => self.union(branches, namespace),
            Json::Object(_) => self.object(json, namespace),
            other => Err(self.fault(format!(
                "a type is a name, a union or an object, not {}",
                other.kind()
            ))),
        }
    }

    fn named(&self, word: &str, namespace: &str) -> Result<TypeId, SchemaError> {
        let full = if word.contains('.') || namespace.is_empty() {
            word.to_owned()
        } else {
            format!("{namespace}.{word}")
        };
        let found = self
            .schema
            .names
            .get(&full)
            .or_else(|| self.schema.names.get(word))
            .copied();
        let what =
            || format!("the type {full} is not known; declare it before, or name its schema as a reference");
        found.ok_or_else(|| self.fault(what()))
    }

    fn union(&mut self, branches: &[Json], namespace: &str) -> Result<TypeId, SchemaError> {
        let mut types = Vec::with_capacity(branches.len());
        let mut names: Vec<String> = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let of = self.under(&index, |parser| {
                let of = parser.of(branch, namespace)?;
                if matches!(parser.schema.shape(of), Shape::Union(_)) {
                    return Err(parser.fault("a union may not stand directly in a union"));
                }
                let name = parser.schema.branch_name(of).to_owned();
                if names.contains(&name) {
                    return Err(parser.fault(format!("the union has {name} twice")));
                }
                names.push(name);
                Ok(of)
            })?;
            types.push(of);
        }
        if types.len() > MAX_BRANCHES {
            return Err(self.fault(format!("a union has at most {MAX_BRANCHES} branches")));
        }
        if types.is_empty() {
            return Err(self.fault("a union needs a branch"));
        }
        self.add(Shape::Union(types), None)
    }

    fn object(&mut self, json: &Json, namespace: &str) -> Result<TypeId, SchemaError> {
        let Some(kind) = json.get("type") else {
            return Err(self.fault("the member \"type\" is missing"));
        };
        let Some(word) = kind.as_str() else {
            return self.under(&"type", |parser| parser.of(kind, namespace));
        };
        match word {
            "record" | "error" => self.record(json, namespace),
            "enum" => self.enumeration(json, namespace),
            "fixed" => self.fixed(json, namespace),
            "array" | "map" => {
                let member = if word == "array" { "items" } else { "values" };
                let Some(inner) = json.get(member) else {
                    return Err(self.fault(format!("the member {member:?} is missing")));
                };
                let inner = self.under(&member, |parser| parser.of(inner, namespace))?;
                self.add(
                    if word == "array" {
                        Shape::Array(inner)
                    } else {
                        Shape::Map(inner)
                    },
                    None,
                )
            }
            _ => match Shape::primitive(word) {
                Some(shape) => {
                    let decimal = if matches!(shape, Shape::Bytes) {
                        decimal(json, usize::MAX)
                    } else {
                        None
                    };
                    self.add(shape, decimal)
                }
                None => self.under(&"type", |parser| parser.named(word, namespace)),
            },
        }
    }

    /// Full name and aliases, and the namespace for what is inside.
    fn name(&self, json: &Json, namespace: &str) -> Result<(Name, String), SchemaError> {
        let Some(name) = json.get("name").and_then(Json::as_str) else {
            return Err(self.fault("a record, an enum and a fixed need a name"));
        };
        let own = json.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
        let full = qualified(name, own);
        if !full.split('.').all(is_name) {
            return Err(self.fault(format!(
                "{full:?} is no name: letters, digits and _, and no digit first"
            )));
        }
        if Shape::primitive(&full).is_some() {
            return Err(self.fault(format!("{full} is a primitive type and cannot be declared")));
        }
        let inside = full
            .rsplit_once('.')
            .map_or(String::new(), |(namespace, _)| namespace.to_owned());
        let aliases = json.get("aliases").map(Json::elements).unwrap_or_default();
        let aliases = aliases
            .iter()
            .filter_map(Json::as_str)
            .map(|alias| qualified(alias, &inside))
            .collect();
        Ok((Name { full, aliases }, inside))
    }

    fn declare(&mut self, name: &str, of: TypeId) -> Result<(), SchemaError> {
        if self.schema.names.insert(name.to_owned(), of).is_some() {
            return Err(self.fault(format!("the type {name} is declared twice")));
        }
        Ok(())
    }

    fn record(&mut self, json: &Json, namespace: &str) -> Result<TypeId, SchemaError> {
        let (name, inside) = self.name(json, namespace)?;
        let full = name.full.clone();
        let of = self.add(Shape::Record(name.clone(), Fields::default()), None)?;
        self.declare(&full, of)?;
        let Some(Json::Array(members)) = json.get("fields") else {
            return Err(self.fault("a record needs its \"fields\""));
        };
        let mut fields: Vec<RecordField> = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            let field = self.under(&"fields", |parser| {
                parser.under(&index, |parser| parser.field(member, &inside))
            })?;
            if fields.iter().any(|other| other.name == field.name) {
                return Err(self.fault(format!("the record {full} has the field {} twice", field.name)));
            }
            fields.push(field);
        }
        self.schema.types[of].shape = Shape::Record(name, Fields::new(fields));
        self.records.push((of, self.path.clone()));
        Ok(of)
    }

    fn field(&mut self, json: &Json, namespace: &str) -> Result<RecordField, SchemaError> {
        let name = json
            .get("name")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if !is_name(&name) {
            return Err(self.fault(format!(
                "{name:?} is no name of a field: letters, digits and _, and no digit first"
            )));
        }
        let Some(kind) = json.get("type") else {
            return Err(self.fault("the member \"type\" is missing"));
        };
        let of = self.under(&"type", |parser| parser.of(kind, namespace))?;
        let aliases = json.get("aliases").map(Json::elements).unwrap_or_default();
        let aliases = aliases
            .iter()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect();
        Ok(RecordField {
            name,
            aliases,
            of,
            default: json.get("default").cloned(),
        })
    }

    fn enumeration(&mut self, json: &Json, namespace: &str) -> Result<TypeId, SchemaError> {
        let (name, _) = self.name(json, namespace)?;
        let symbols: Vec<String> = json
            .get("symbols")
            .map(Json::elements)
            .unwrap_or_default()
            .iter()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect();
        if symbols.is_empty() || symbols.len() > MAX_PARTS {
            return Err(self.fault(format!("an enum needs its \"symbols\", at most {MAX_PARTS}")));
        }
        let mut sorted: Vec<&String> = symbols.iter().collect();
        sorted.sort_unstable();
        if let Some([twice, ..]) = sorted.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(self.fault(format!("the enum has the symbol {twice} twice")));
        }
        if let Some(symbol) = symbols.iter().find(|symbol| !is_name(symbol)) {
            return Err(self.fault(format!(
                "{symbol:?} is no symbol: letters, digits and _, and no digit first"
            )));
        }
        let default =
            match json.get("default").and_then(Json::as_str) {
                Some(symbol) => {
                    let index = symbols.iter().position(|one| one == symbol);
                    Some(index.ok_or_else(|| {
                        self.fault(format!("the default {symbol:?} is none of the symbols"))
                    })?)
                }
                None => None,
            };
        let full = name.full.clone();
        let of = self.add(
            Shape::Enum {
                name,
                symbols: Symbols::new(symbols),
                default,
            },
            None,
        )?;
        self.declare(&full, of)?;
        Ok(of)
    }

    fn fixed(&mut self, json: &Json, namespace: &str) -> Result<TypeId, SchemaError> {
        let (name, _) = self.name(json, namespace)?;
        let size = json
            .get("size")
            .and_then(Json::as_size)
            .filter(|size| *size <= MAX_FIXED);
        let Some(size) = size else {
            return Err(self.fault(format!("a fixed needs its \"size\", at most {MAX_FIXED}")));
        };
        // The largest number of digits that every value of so many bytes can have.
        let digits = (size * 8).saturating_sub(1) as f64 * std::f64::consts::LOG10_2;
        let full = name.full.clone();
        let of = self.add(Shape::Fixed(name, size), decimal(json, digits as usize))?;
        self.declare(&full, of)?;
        Ok(of)
    }
}

/// Precision and scale of a decimal. One that is not in order is ignored, as the standard has it: plain bytes then.
fn decimal(json: &Json, most: usize) -> Option<(usize, usize)> {
    if json.get("logicalType").and_then(Json::as_str) != Some("decimal") {
        return None;
    }
    let precision = json.get("precision")?.as_size()?;
    let scale = json.get("scale").map_or(Some(0), Json::as_size)?;
    (precision >= 1 && precision <= most.min(1_000) && scale <= precision).then_some((precision, scale))
}

fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
