//! Applying the rules of a value: its type, after conversion where that is allowed, then its bounds.

use crate::{
    json::{Item, Json, Number},
    problem::{Problem, shown},
    rules::{Bounds, Shape, ValueRule},
    timestamp,
};

impl ValueRule {
    /// Brings a value into form; whether it had to change.
    pub(crate) fn apply(&self, value: &mut Json<'_>) -> Result<bool, Problem> {
        if value.is_null() && self.nullable {
            return Ok(false);
        }
        let is_changed = self.apply_shape(value)?;
        if self.one_of.is_empty() || self.one_of.iter().any(|allowed| is_same(allowed, value)) {
            return Ok(is_changed);
        }
        let allowed = Json::List(self.one_of.iter().cloned().map(Item::of).collect());
        Err(Problem::new(
            "not-allowed",
            format!("is {}, not one of {allowed}", shown(&value.to_string())),
        ))
    }

    fn apply_shape(&self, value: &mut Json<'_>) -> Result<bool, Problem> {
        match &self.shape {
            Shape::Any => Ok(false),
            Shape::Object(rule) => match value {
                Json::Object(object) => rule.apply(object),
                other => Err(wrong_type("an object", other)),
            },
            Shape::List { length, items } => match value {
                Json::List(list) => apply_list(list, *length, items.as_deref()),
                other => Err(wrong_type("a list", other)),
            },
            shape => self.apply_scalar(shape, value),
        }
    }

    fn apply_scalar(&self, shape: &Shape, value: &mut Json<'_>) -> Result<bool, Problem> {
        let converted = converted(shape, value, self.convert);
        if let Some(converted) = converted {
            *value = converted;
            check_scalar(shape, value)?;
            return Ok(true);
        }
        check_scalar(shape, value)?;
        Ok(false)
    }
}

fn apply_list(
    list: &mut [Item<'_>],
    length: Bounds<usize>,
    items: Option<&ValueRule>,
) -> Result<bool, Problem> {
    check_length(list.len(), length, "entries")?;
    let Some(items) = items else { return Ok(false) };
    let mut is_changed = false;
    for (index, entry) in list.iter_mut().enumerate() {
        let applied = entry.change(|value| items.apply(value));
        is_changed |= applied.map_err(|problem| problem.in_entry(index))?;
    }
    Ok(is_changed)
}

/// The value in the type of the shape, where it is of another and that is without doubt.
fn converted(shape: &Shape, value: &Json<'_>, convert: bool) -> Option<Json<'static>> {
    if let Shape::Timestamp { unit, .. } = shape {
        let ms = Json::Number(timestamp::to_ms(value, *unit, convert)?.into());
        return (ms != *value).then_some(ms);
    }
    if !convert {
        return None;
    }
    match (shape, value) {
        (Shape::Text { .. }, Json::Number(number)) => Some(Json::Text(number.to_string().into())),
        (Shape::Text { .. }, Json::Boolean(truth)) => Some(Json::Text(truth.to_string().into())),
        (Shape::Number { is_whole, .. }, Json::Text(text)) => {
            let number = Number::parse(text.trim())?;
            let whole = number.made_whole().filter(|_| *is_whole);
            Some(Json::Number(whole.unwrap_or(number)))
        }
        (Shape::Number { is_whole: true, .. }, Json::Number(number)) => number.made_whole().map(Json::Number),
        (Shape::Boolean, Json::Text(text)) => truth(text),
        (Shape::Boolean, Json::Number(number)) => truth(number.as_str()),
        _ => None,
    }
}

fn truth(text: &str) -> Option<Json<'static>> {
    match text {
        "true" | "1" => Some(Json::Boolean(true)),
        "false" | "0" => Some(Json::Boolean(false)),
        _ => None,
    }
}

fn check_scalar(shape: &Shape, value: &Json<'_>) -> Result<(), Problem> {
    match (shape, value) {
        (Shape::Text { length, pattern }, Json::Text(text)) => {
            check_length(text.chars().count(), *length, "characters")?;
            match pattern {
                Some(pattern) if !pattern.is_match(text) => {
                    let reason = format!(
                        "is {:?}, which does not match {:?}",
                        shown(text),
                        pattern.as_str()
                    );
                    Err(Problem::new("pattern-mismatch", reason))
                }
                _ => Ok(()),
            }
        }
        (Shape::Text { .. }, other) => Err(wrong_type("text", other)),
        (Shape::Number { is_whole: true, .. }, Json::Number(number)) if !number.is_whole() => {
            Err(wrong_type("a whole number", value))
        }
        (Shape::Number { range, .. } | Shape::Timestamp { range, .. }, Json::Number(number)) => {
            check_range(number, *range)
        }
        (Shape::Number { is_whole, .. }, other) => Err(wrong_type(
            if *is_whole { "a whole number" } else { "a number" },
            other,
        )),
        (Shape::Timestamp { .. }, other) => Err(wrong_type("a time", other)),
        (Shape::Boolean, other) if !matches!(other, Json::Boolean(_)) => {
            Err(wrong_type("true or false", other))
        }
        (Shape::Boolean | Shape::Any | Shape::Object(_) | Shape::List { .. }, _) => Ok(()),
    }
}

fn check_range(number: &Number<'_>, range: Bounds<f64>) -> Result<(), Problem> {
    if number.as_f64().is_some_and(|float| range.hold(&float)) {
        return Ok(());
    }
    Err(Problem::new(
        "out-of-range",
        format!("is {}, outside {}", shown(number.as_str()), between(range)),
    ))
}

fn check_length(length: usize, bounds: Bounds<usize>, what: &str) -> Result<(), Problem> {
    if bounds.hold(&length) {
        return Ok(());
    }
    Err(Problem::new(
        "wrong-length",
        format!("has {length} {what}, outside {}", between(bounds)),
    ))
}

fn between<T: ToString>(bounds: Bounds<T>) -> String {
    let shown = |bound: Option<T>| bound.map_or_else(String::new, |bound| bound.to_string());
    format!("{}..{}", shown(bounds.min), shown(bounds.max))
}

fn wrong_type(wanted: &str, value: &Json<'_>) -> Problem {
    Problem::new(
        "wrong-type",
        format!("must be {wanted}, not {}", shown(&kind_of(value))),
    )
}

/// Scalars as they are; of an object or list only what it is, for it may be large.
fn kind_of(value: &Json<'_>) -> String {
    match value {
        Json::Object(_) => "an object".to_owned(),
        Json::List(_) => "a list".to_owned(),
        Json::Text(text) => format!("text {:?}", shown(text)),
        scalar => shown(&scalar.to_string()),
    }
}

/// Equal, with 1 and 1.0 the same.
fn is_same(left: &Json<'_>, right: &Json<'_>) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.is_same(right),
        _ => left == right,
    }
}
