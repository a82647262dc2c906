//! From what a pipeline writes to rules. Whatever cannot be meant is refused here, with its path, so
//! that a pipeline with a wrong schema is never deployed.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

use crate::{
    config::{Field, Kind, Length, ObjectSchema, Unknown},
    json::Json,
    rules::{Alias, Bounds, FieldRule, ObjectRule, Shape, ValueRule},
};

/// Levels of nesting in a schema; a payload has no more than 127.
const MAX_DEPTH: usize = 32;
/// Times that an event may bear: 1970 to 9999, in milliseconds. Before 1970 the engine has no time,
/// and after 9999 it is a unit mistaken for another.
const TIME_RANGE: (f64, f64) = (0.0, 253_402_300_799_999.0);

/// The rules of a payload.
pub(crate) fn schema(object: &ObjectSchema) -> Result<ObjectRule, String> {
    object_rule("config.schema", &object.fields, object.unknown, 0)
}

fn object_rule(
    path: &str,
    fields: &BTreeMap<String, Field>,
    unknown: Unknown,
    depth: usize,
) -> Result<ObjectRule, String> {
    if depth > MAX_DEPTH {
        return Err(format!("{path}: nested deeper than {MAX_DEPTH} levels"));
    }
    let rules = fields
        .iter()
        .map(|(name, field)| field_rule(&format!("{path}.fields.{name}"), name, field, depth));
    let rule = ObjectRule {
        fields: rules.collect::<Result<_, _>>()?,
        unknown,
    };
    check_names(path, fields)?;
    Ok(rule)
}

/// A name that means two fields means neither.
fn check_names(path: &str, fields: &BTreeMap<String, Field>) -> Result<(), String> {
    let mut taken: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    for (name, field) in fields {
        for alias in &field.aliases {
            if !taken.insert(alias) {
                return Err(format!(
                    "{path}.fields.{name}.aliases: {alias:?} already names a field"
                ));
            }
        }
    }
    Ok(())
}

fn field_rule(path: &str, name: &str, field: &Field, depth: usize) -> Result<FieldRule, String> {
    let value = value_rule(path, field, depth)?;
    if field.required && field.default.is_some() {
        return Err(format!(
            "{path}: a field with a default is never missing; leave out required"
        ));
    }
    let default = field.default.clone().map(Json::from);
    if let Some(default) = &default {
        let mut applied = default.clone();
        let outcome = value.apply(&mut applied);
        outcome.map_err(|problem| format!("{path}.default: {}", problem.reason()))?;
        if applied != *default {
            return Err(format!("{path}.default: write it in its final form, {applied}"));
        }
    }
    let aliases = field
        .aliases
        .iter()
        .map(|text| alias(path, text))
        .collect::<Result<_, _>>()?;
    Ok(FieldRule {
        name: name.to_owned(),
        aliases,
        required: field.required,
        default,
        value,
    })
}

fn alias(path: &str, text: &str) -> Result<Alias, String> {
    let Some(way) = text.strip_prefix('/') else {
        return Ok(Alias::Beside(text.to_owned()));
    };
    let mut way: Vec<String> = way.split('/').map(str::to_owned).collect();
    match way.pop() {
        Some(name) if !way.is_empty() && !name.is_empty() => Ok(Alias::Inside(way, name)),
        _ => Err(format!(
            "{path}.aliases: {text:?} leads nowhere; write a name, or a place such as /actor/id"
        )),
    }
}

fn value_rule(path: &str, field: &Field, depth: usize) -> Result<ValueRule, String> {
    check_fit(path, field)?;
    let range = Bounds {
        min: field.min,
        max: field.max,
    };
    let Length { min, max } = field.length;
    let length = Bounds { min, max };
    if range.are_empty() || length.are_empty() {
        return Err(format!("{path}: min is greater than max"));
    }
    let shape = match field.kind {
        Kind::Any => Shape::Any,
        Kind::Text => Shape::Text {
            length,
            pattern: pattern(path, field)?,
        },
        Kind::Number | Kind::Integer => Shape::Number {
            range,
            is_whole: field.kind == Kind::Integer,
        },
        Kind::Boolean => Shape::Boolean,
        Kind::Timestamp => {
            let (first, last) = TIME_RANGE;
            let min = field.min.map_or(first, |min| min.max(first));
            let max = field.max.map_or(last, |max| max.min(last));
            let range = Bounds {
                min: Some(min),
                max: Some(max),
            };
            Shape::Timestamp {
                range,
                unit: field.unit.unwrap_or_default(),
            }
        }
        Kind::Object => Shape::Object(object_rule(
            path,
            &field.fields,
            field.unknown.unwrap_or_default(),
            depth + 1,
        )?),
        Kind::List => Shape::List {
            length,
            items: items(path, field, depth)?,
        },
    };
    let one_of = field.one_of.iter().cloned().map(Json::from).collect();
    Ok(ValueRule {
        nullable: field.nullable,
        convert: field.convert,
        one_of,
        shape,
    })
}

fn pattern(path: &str, field: &Field) -> Result<Option<Regex>, String> {
    let compiled = field.pattern.as_deref().map(Regex::new).transpose();
    compiled.map_err(|error| format!("{path}.pattern: {error}"))
}

fn items(path: &str, field: &Field, depth: usize) -> Result<Option<Box<ValueRule>>, String> {
    let Some(items) = &field.items else {
        return Ok(None);
    };
    let path = format!("{path}.items");
    if depth > MAX_DEPTH {
        return Err(format!("{path}: nested deeper than {MAX_DEPTH} levels"));
    }
    if items.required || items.default.is_some() || !items.aliases.is_empty() {
        return Err(format!(
            "{path}: required, default and aliases are for fields, an entry is always there"
        ));
    }
    Ok(Some(Box::new(value_rule(&path, items, depth + 1)?)))
}

/// A bound that the type never looks at was meant for something.
fn check_fit(path: &str, field: &Field) -> Result<(), String> {
    let kind = field.kind;
    let is_numeric = matches!(kind, Kind::Number | Kind::Integer | Kind::Timestamp);
    let is_measured = matches!(kind, Kind::Text | Kind::List);
    for (name, is_set, fits, whom) in [
        (
            "min",
            field.min.is_some(),
            is_numeric,
            "number, integer and timestamp",
        ),
        (
            "max",
            field.max.is_some(),
            is_numeric,
            "number, integer and timestamp",
        ),
        (
            "length",
            field.length != Length::default(),
            is_measured,
            "text and list",
        ),
        ("pattern", field.pattern.is_some(), kind == Kind::Text, "text"),
        ("unit", field.unit.is_some(), kind == Kind::Timestamp, "timestamp"),
        ("fields", !field.fields.is_empty(), kind == Kind::Object, "object"),
        ("unknown", field.unknown.is_some(), kind == Kind::Object, "object"),
        ("items", field.items.is_some(), kind == Kind::List, "list"),
    ] {
        if is_set && !fits {
            return Err(format!("{path}.{name}: only for the type {whom}"));
        }
    }
    Ok(())
}
