//! Whether a config is what its schema says, with the path of the first field that is not.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    kinds::Kinds,
    resolve::{Lookups, beside, each, element, member},
};

/// Levels of schemas within schemas; a schema that refers to itself ends there.
const MAX_DEPTH: usize = 200;
/// Longest value that a message repeats.
const SHOWN_CHARS: usize = 60;

/// What is wrong with a config, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The way to the field from the config itself: `.schema.fields.user` or `.codes[0]`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "config{}: {}", self.path, self.message)
    }
}

/// Checks a config by a whole schema.
pub(super) fn check(root: &Value, config: &Value) -> Result<(), Misfit> {
    let looks = &Lookups::new();
    Checker { root, looks }.check(root, config, "", 0)
}

/// Whether a value fits a schema within a whole.
pub(super) fn fits(root: &Value, schema: &Value, value: &Value, looks: &Lookups) -> bool {
    Checker { root, looks }.check(schema, value, "", 0).is_ok()
}

struct Checker<'s> {
    root: &'s Value,
    looks: &'s Lookups,
}

type Checked = Result<(), Misfit>;

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Checked {
        if depth > MAX_DEPTH || !self.looks.take() {
            return Ok(());
        }
        if *schema == Value::Bool(false) {
            return misfit(path, "nothing may be here");
        }
        for schema in beside(self.root, schema) {
            check_kind(schema, value, path)?;
            check_bounds(schema, value, path)?;
            match value {
                Value::Object(fields) => self.check_fields(schema, fields, path, depth)?,
                Value::Array(list) => self.check_list(schema, list, path, depth)?,
                _ => {}
            }
            self.check_choices(schema, value, path, depth)?;
        }
        Ok(())
    }

    fn check_fields(&self, schema: &Value, fields: &Map<String, Value>, path: &str, depth: usize) -> Checked {
        let mut required = each(schema, "required").filter_map(Value::as_str);
        if let Some(name) = required.find(|name| !fields.contains_key(*name)) {
            return misfit(path, format!("the field `{name}` is missing"));
        }
        for (name, value) in fields {
            let within = format!("{path}.{name}");
            match member(schema, name) {
                // Patterns may allow it.
                Some(Value::Bool(false)) if schema.get("patternProperties").is_none() => {
                    return misfit(&within, unknown(schema));
                }
                Some(Value::Bool(_)) | None => {}
                Some(schema) => self.check(schema, value, &within, depth + 1)?,
            }
        }
        Ok(())
    }

    fn check_list(&self, schema: &Value, list: &[Value], path: &str, depth: usize) -> Checked {
        for (index, value) in list.iter().enumerate() {
            if let Some(schema) = element(schema, index) {
                self.check(schema, value, &format!("{path}[{index}]"), depth + 1)?;
            }
        }
        Ok(())
    }

    fn check_choices(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Checked {
        for schema in each(schema, "allOf") {
            self.check(schema, value, path, depth + 1)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            let forms: Vec<&Value> = each(schema, keyword).collect();
            if !forms.is_empty() {
                self.check_forms(&forms, value, path, depth)?;
            }
        }
        let holds = |schema: &Value| self.check(schema, value, path, depth + 1).is_ok();
        if schema.get("not").is_some_and(holds) {
            return misfit(path, format!("{} is what may not be here", shown(value)));
        }
        if let Some(condition) = schema.get("if") {
            let branch = if holds(condition) { "then" } else { "else" };
            if let Some(schema) = schema.get(branch) {
                self.check(schema, value, path, depth + 1)?;
            }
        }
        Ok(())
    }

    /// One of several forms is enough. Of those that the value is not, the one that is of its type says why.
    fn check_forms(&self, forms: &[&Value], value: &Value, path: &str, depth: usize) -> Checked {
        let mut kinds = Kinds::NONE;
        let mut closest: Option<Misfit> = None;
        for form in forms {
            match self.check(form, value, path, depth + 1) {
                Ok(()) => return Ok(()),
                Err(misfit) => {
                    let own = self.kinds(form);
                    kinds = kinds.or(own);
                    let is_deeper = |known: &Misfit| misfit.path.len() > known.path.len();
                    if own.meet(Kinds::of(value)) && closest.as_ref().is_none_or(is_deeper) {
                        closest = Some(misfit);
                    }
                }
            }
        }
        match closest {
            Some(closest) => Err(closest),
            None => misfit(
                path,
                format!("must be {}, not {}", kinds.in_words(), shown(value)),
            ),
        }
    }

    /// The types that a form takes, as far as it says so at once.
    fn kinds(&self, form: &Value) -> Kinds {
        let said = beside(self.root, form).filter_map(|schema| schema.get("type"));
        said.map(Kinds::of_keyword).fold(Kinds::ALL, Kinds::and)
    }
}

fn check_kind(schema: &Value, value: &Value, path: &str) -> Checked {
    if let Some(keyword) = schema.get("type") {
        let kinds = Kinds::of_keyword(keyword);
        if !kinds.meet(Kinds::of(value)) {
            return misfit(
                path,
                format!("must be {}, not {}", kinds.in_words(), shown(value)),
            );
        }
    }
    let constant = schema.get("const").map(std::slice::from_ref);
    let allowed = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    match constant.or(allowed) {
        Some(allowed) if !allowed.contains(value) => {
            let allowed: Vec<_> = allowed.iter().map(shown).collect();
            misfit(
                path,
                format!("must be {}, not {}", allowed.join(" or "), shown(value)),
            )
        }
        _ => Ok(()),
    }
}

fn check_bounds(schema: &Value, value: &Value, path: &str) -> Checked {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let (measured, least, most, what) = match value {
        Value::Number(number) => (number.as_f64().unwrap_or_default(), "minimum", "maximum", ""),
        Value::String(text) => (
            text.chars().count() as f64,
            "minLength",
            "maxLength",
            " characters",
        ),
        Value::Array(list) => (list.len() as f64, "minItems", "maxItems", " entries"),
        _ => return Ok(()),
    };
    if bound(least).is_some_and(|least| measured < least) {
        let least = bound(least).unwrap_or_default();
        return misfit(
            path,
            format!("is {measured}{what}; at least {least} are asked for"),
        );
    }
    if bound(most).is_some_and(|most| measured > most) {
        let most = bound(most).unwrap_or_default();
        return misfit(path, format!("is {measured}{what}; at most {most} are allowed"));
    }
    if !value.is_number() {
        return Ok(());
    }
    if bound("exclusiveMinimum").is_some_and(|least| measured <= least) {
        let least = bound("exclusiveMinimum").unwrap_or_default();
        return misfit(path, format!("is {measured}; more than {least} is asked for"));
    }
    if bound("exclusiveMaximum").is_some_and(|most| measured >= most) {
        let most = bound("exclusiveMaximum").unwrap_or_default();
        return misfit(path, format!("is {measured}; less than {most} is asked for"));
    }
    Ok(())
}

fn unknown(schema: &Value) -> String {
    let known = schema.get("properties").and_then(Value::as_object);
    let names: Vec<_> = known
        .into_iter()
        .flatten()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if names.is_empty() {
        "no such field; none is taken here".to_owned()
    } else {
        format!("no such field; there are {}", names.join(", "))
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => "fields with values".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    };
    text.chars().take(SHOWN_CHARS).collect()
}

fn misfit(path: &str, message: impl Into<String>) -> Checked {
    Err(Misfit {
        path: path.to_owned(),
        message: message.into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn misfit_of(schema: &Value, config: &Value) -> Option<String> {
        check(schema, config).err().map(|misfit| misfit.to_string())
    }

    #[test]
    fn the_first_field_that_is_wrong_is_named_with_what_would_be_right() {
        let schema = json!({
            "type": "object",
            "properties": {
                "schema": { "$ref": "#/$defs/Object" },
                "rate": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
                "size": { "type": ["integer", "null"], "minimum": 1 },
                "mode": { "enum": ["fast", "exact"] },
                "codes": { "type": "array", "items": { "type": "string", "minLength": 2 }, "maxItems": 2 },
                "pair": { "prefixItems": [{ "type": "string" }], "items": { "type": "boolean" } }
            },
            "required": ["rate"],
            "additionalProperties": false,
            "$defs": { "Object": {
                "type": "object",
                "properties": { "fields": { "additionalProperties": { "$ref": "#/$defs/Object" } } }
            } }
        });
        for (config, error) in [
            (json!({}), Some("config: the field `rate` is missing")),
            (json!([]), Some("config: must be fields with values, not a list")),
            (json!({"rate": 0.5}), None),
            (json!({"rate": 1}), None),
            (
                json!({"rate": "1"}),
                Some("config.rate: must be a number, not \"1\""),
            ),
            (
                json!({"rate": 0}),
                Some("config.rate: is 0; more than 0 is asked for"),
            ),
            (
                json!({"rate": 2}),
                Some("config.rate: is 2; at most 1 are allowed"),
            ),
            (json!({"rate": 1, "size": null}), None),
            (json!({"rate": 1, "size": 5.0}), None),
            (
                json!({"rate": 1, "size": 5.5}),
                Some("config.size: must be a whole number or null, not 5.5"),
            ),
            (
                json!({"rate": 1, "size": 0}),
                Some("config.size: is 0; at least 1 are asked for"),
            ),
            (
                json!({"rate": 1, "mode": "slow"}),
                Some("config.mode: must be \"fast\" or \"exact\", not \"slow\""),
            ),
            (
                json!({"rate": 1, "codes": ["ab", 8001]}),
                Some("config.codes[1]: must be text, not 8001"),
            ),
            (
                json!({"rate": 1, "codes": ["a"]}),
                Some("config.codes[0]: is 1 characters; at least 2 are asked for"),
            ),
            (
                json!({"rate": 1, "codes": ["ab", "ab", "ab"]}),
                Some("config.codes: is 3 entries; at most 2 are allowed"),
            ),
            (json!({"rate": 1, "pair": ["a", true]}), None),
            (
                json!({"rate": 1, "pair": [true, true]}),
                Some("config.pair[0]: must be text, not true"),
            ),
            (
                json!({"rate": 1, "pair": ["a", 1]}),
                Some("config.pair[1]: must be true or false, not 1"),
            ),
            (
                json!({"rate": 1, "schema": {"fields": {"a": {"fields": {"b": 5}}}}}),
                Some("config.schema.fields.a.fields.b: must be fields with values, not 5"),
            ),
        ] {
            assert_eq!(misfit_of(&schema, &config).as_deref(), error, "{config}");
        }
        let unknown = misfit_of(&schema, &json!({"rate": 1, "rates": 2})).unwrap();
        assert!(
            unknown.starts_with("config.rates: no such field; there are `codes`, `mode`"),
            "{unknown}"
        );
    }

    #[test]
    fn one_of_several_forms_is_enough_and_the_closest_says_what_is_wrong() {
        let schema = json!({ "properties": {
            "at": { "oneOf": [
                { "const": "all" },
                { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] }
            ] },
            "maybe": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "not": { "not": { "type": "string" } },
            "kind": { "if": { "type": "string" }, "then": { "minLength": 1 }, "else": { "type": "integer" } },
            "all": { "allOf": [{ "type": "integer" }, { "minimum": 3 }] },
            "never": false
        } });
        for (config, error) in [
            (
                json!({"at": "all", "maybe": null, "not": 1, "kind": 1, "all": 3}),
                None,
            ),
            (json!({"at": {"n": 1}}), None),
            (
                json!({"at": {"n": "x"}}),
                Some("config.at.n: must be a whole number, not \"x\""),
            ),
            (
                json!({"maybe": 5}),
                Some("config.maybe: must be text or null, not 5"),
            ),
            (
                json!({"not": "x"}),
                Some("config.not: \"x\" is what may not be here"),
            ),
            (
                json!({"kind": ""}),
                Some("config.kind: is 0 characters; at least 1 are asked for"),
            ),
            (
                json!({"kind": 1.5}),
                Some("config.kind: must be a whole number, not 1.5"),
            ),
            (
                json!({"all": 2}),
                Some("config.all: is 2; at least 3 are asked for"),
            ),
            (
                json!({"never": 1}),
                Some("config.never: no such field; there are `all`, `at`, `kind`, `maybe`, `never`, `not`"),
            ),
        ] {
            assert_eq!(misfit_of(&schema, &config).as_deref(), error, "{config}");
        }
    }

    #[test]
    fn a_schema_that_leads_in_a_circle_or_nowhere_says_nothing() {
        for schema in [
            json!({ "$ref": "#" }),
            json!({ "allOf": [{ "$ref": "#" }] }),
            json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }], "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] }),
            json!({ "$ref": "#/$defs/None" }),
            json!({ "$ref": "https://example.com/schema" }),
            json!({ "type": 5, "enum": "x", "properties": [], "items": 1, "required": {} }),
        ] {
            assert_eq!(
                misfit_of(&schema, &json!({"a": [1, {"b": null}]})),
                None,
                "{schema}"
            );
        }
    }
}
