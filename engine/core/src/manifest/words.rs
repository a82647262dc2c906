//! What serde says, in words that need no knowledge of our types.

use crate::shape::NO_LIST;

/// The field that a message says to be missing.
pub(super) fn missing(message: &str) -> Option<&str> {
    let named = message.strip_prefix("missing field `")?;
    named.split_once('`').map(|(field, _)| field)
}

/// The field that a message says not to be known.
pub(super) fn unknown(message: &str) -> Option<&str> {
    let named = message.strip_prefix("unknown field `")?;
    named.split_once('`').map(|(field, _)| field)
}

/// What is wrong, and what would be right.
pub fn in_words(message: &str) -> String {
    if let Some(field) = missing(message) {
        return format!("the field {field} is missing");
    }
    if let Some(named) = message.strip_prefix("unknown field `")
        && let Some((field, behind)) = named.split_once('`')
    {
        return format!("there is no field {}{}", short(field), choices(behind, "here"));
    }
    if let Some(named) = message.strip_prefix("unknown variant `")
        && let Some((given, behind)) = named.split_once('`')
    {
        return format!("{:?} cannot stand here{}", short(given), choices(behind, ""));
    }
    if let Some((what, place)) = message.rsplit_once(" at line ") {
        return format!("{} at line {place}", in_words(what));
    }
    if let Some(told) = message.strip_prefix("invalid length ")
        && told.contains(", expected struct ")
    {
        return NO_LIST.to_owned();
    }
    if let Some(told) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        && let Some((given, expected)) = told.split_once(", expected ")
    {
        return format!(
            "{} stands where {} is expected",
            short(&plain(given)),
            short(&plain_type(expected))
        );
    }
    short(message)
}

/// `, expected one of `a`, `b``.
fn choices(behind: &str, here: &str) -> String {
    let here = if here.is_empty() {
        String::new()
    } else {
        format!(" {here}")
    };
    let Some(expected) = behind.strip_prefix(", expected ") else {
        return here;
    };
    let expected = expected
        .strip_prefix("one of ")
        .unwrap_or(expected)
        .replace('`', "");
    format!("{here}; there are {}", short(&expected))
}

/// `string "x"`, `integer `5``, `map`.
fn plain(given: &str) -> String {
    let words = [
        ("string ", "the text "),
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("boolean ", "the truth value "),
        ("unit value", "nothing"),
        ("null", "nothing"),
        ("map", "a group of fields"),
        ("sequence", "a list"),
    ];
    let found = words
        .iter()
        .find_map(|(theirs, ours)| Some(format!("{ours}{}", given.strip_prefix(theirs)?)));
    found.unwrap_or_else(|| given.to_owned()).replace('`', "")
}

fn plain_type(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "fields with values, as in { field: value }".to_owned(),
        "map with a single key" => "exactly one field, as in { field: value }".to_owned(),
        "string or map" => "a text, or exactly one field, as in { field: value }".to_owned(),
        other if other.starts_with("struct ") => "fields with values, as in { field: value }".to_owned(),
        other => other.to_owned(),
    }
}

/// Hostile text has an end.
fn short(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_is_told_in_plain_words() {
        for (theirs, ours) in [
            ("missing field `plugin`", "the field plugin is missing"),
            (
                "unknown field `retrys`, expected one of `retries`, `backoff`",
                "there is no field retrys here; there are retries, backoff",
            ),
            (
                "unknown variant `wasi`, expected `state` or `log`",
                "\"wasi\" cannot stand here; there are state or log",
            ),
            (
                "invalid type: string \"x\", expected u32",
                "the text \"x\" stands where a whole number from 0 is expected",
            ),
            (
                "invalid type: integer `5`, expected struct OnError",
                "the number 5 stands where fields with values, as in { field: value } is expected",
            ),
            (
                "invalid length 1, expected struct Pause with 2 elements",
                "a list stands where fields with values are expected, as in { field: value }",
            ),
            (
                "invalid value: map, expected map with a single key",
                "a group of fields stands where exactly one field, as in { field: value } is expected",
            ),
            (
                "invalid type: string \"x\", expected u32 at line 1 column 7",
                "the text \"x\" stands where a whole number from 0 is expected at line 1 column 7",
            ),
            (
                "\"20\" is no duration: write 100ms",
                "\"20\" is no duration: write 100ms",
            ),
        ] {
            assert_eq!(in_words(theirs), ours);
        }
    }
}
