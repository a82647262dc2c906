//! What a scalar is by itself.

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlScalar {
    /// Its text, without quotes and with its escapes read.
    pub text: String,
    /// Whether it may be something else than text: it bears neither quotes nor a tag that says so.
    pub is_plain: bool,
}

/// What a plain scalar is where its place does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// None of these.
    Text,
}

impl YamlScalar {
    /// What it is by itself.
    pub fn resolve(&self) -> Plain {
        if self.is_plain {
            resolve(&self.text)
        } else {
            Plain::Text
        }
    }
}

/// The core schema of YAML 1.2. Digits with a leading zero are text, against the letter of it: they are postcodes
/// and article numbers, and no number that anybody writes. Whole numbers that 64 bits do not hold are text too: they
/// are identifiers, and as numbers they would lose digits.
fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        _ => {}
    }
    let (is_negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let infinity = if is_negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
        return Plain::Float(infinity);
    }
    let number = prefixed(text).or_else(|| number(is_negative, unsigned));
    number.unwrap_or(Plain::Text)
}

/// `0o14` and `0xC`.
fn prefixed(text: &str) -> Option<Plain> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(digits), _) => (digits, 8),
        (_, Some(digits)) => (digits, 16),
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let number = i128::from_str_radix(digits, radix).ok().filter(|_| is_number);
    number.filter(fits).map(Plain::Integer)
}

/// Whether JSON's whole numbers hold it, as Rust and most others read them.
fn fits(number: &i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(number)
}

fn number(is_negative: bool, unsigned: &str) -> Option<Plain> {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    let is_empty = whole.is_empty() && fraction.is_none_or(str::is_empty);
    if has_leading_zero || is_empty || !are_digits(whole) || !are_digits(fraction.unwrap_or_default()) {
        return None;
    }
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    if exponent.is_some_and(|digits| digits.is_empty() || !are_digits(digits)) {
        return None;
    }
    let sign = if is_negative { -1 } else { 1 };
    if fraction.is_none() && exponent.is_none() {
        let whole = whole.parse::<i128>().ok().map(|whole| sign * whole);
        return whole.filter(fits).map(Plain::Integer);
    }
    let float: f64 = unsigned.parse().ok()?;
    Some(Plain::Float(sign as f64 * float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_those_of_the_core_schema() {
        for (text, is) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("Null", Plain::Null),
            ("true", Plain::Bool(true)),
            ("FALSE", Plain::Bool(false)),
            ("0", Plain::Integer(0)),
            ("-0", Plain::Integer(0)),
            ("+12", Plain::Integer(12)),
            ("-19", Plain::Integer(-19)),
            ("0o14", Plain::Integer(12)),
            ("0xC", Plain::Integer(12)),
            ("18446744073709551615", Plain::Integer(i128::from(u64::MAX))),
            ("-9223372036854775808", Plain::Integer(i128::from(i64::MIN))),
            ("0.", Plain::Float(0.0)),
            ("-0.5", Plain::Float(-0.5)),
            (".5", Plain::Float(0.5)),
            ("1e3", Plain::Float(1_000.0)),
            ("+12e03", Plain::Float(12_000.0)),
            ("-2E+05", Plain::Float(-200_000.0)),
            (".inf", Plain::Float(f64::INFINITY)),
            ("-.INF", Plain::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(resolve(text), is, "{text:?}");
        }
        assert!(matches!(resolve(".nan"), Plain::Float(number) if number.is_nan()));
    }

    #[test]
    fn all_else_is_text() {
        for text in [
            "NO",
            "no",
            "yes",
            "on",
            "off",
            "y",
            "tRue",
            "nULL",
            "08001",
            "00",
            "-08",
            "007.5",
            "01e5",
            "1_000",
            "0b11",
            "0x",
            "0o8",
            "-0x1",
            "1e",
            "e3",
            ".",
            "-",
            "+",
            "1.2.3",
            "12:30:45",
            "0xZZ",
            "inf",
            "nan",
            "Infinity",
            "1 2",
            "٣",
            "18446744073709551616",
            "-9223372036854775809",
            "0x10000000000000000",
            "123456789012345678901234567890123456789012",
        ] {
            assert_eq!(resolve(text), Plain::Text, "{text:?}");
        }
    }

    #[test]
    fn what_is_quoted_is_text() {
        let quoted = YamlScalar {
            text: "1".into(),
            is_plain: false,
        };
        assert_eq!(quoted.resolve(), Plain::Text);
    }
}
