//! A number as it is written: a float would lose digits of a long one.

use std::{borrow::Cow, fmt};

/// Beyond this a float no longer names one whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number of JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number<'a>(Cow<'a, str>);

impl<'a> Number<'a> {
    /// Text that the parser has found to be a number.
    pub(crate) fn of(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Text that may be one, as JSON writes them: no hexadecimal, no infinity.
    pub(crate) fn parse(text: &str) -> Option<Number<'static>> {
        // The parser takes blanks around it.
        let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            && text.ends_with(|last: char| last.is_ascii_digit());
        let number: f64 = serde_json::from_str(text).ok().filter(|_| is_number)?;
        number.is_finite().then(|| Number(Cow::Owned(text.to_owned())))
    }

    /// Whether it is written as a whole number. `5.0` is not.
    pub(crate) fn is_whole(&self) -> bool {
        !self.0.contains(['.', 'e', 'E'])
    }

    /// `5.0` as 5; none for a fraction, and for what is written whole already.
    pub(crate) fn made_whole(&self) -> Option<Number<'static>> {
        let float = self.as_f64().filter(|_| !self.is_whole())?;
        (float.fract() == 0.0 && float.abs() <= EXACT).then(|| Number::from(float as i64))
    }

    /// None beyond what a float holds.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|float: &f64| float.is_finite())
    }

    /// Equal, with 1 and 1.0 the same, and two long whole numbers by all their digits.
    pub(crate) fn is_same(&self, other: &Number<'_>) -> bool {
        if self.is_whole() && other.is_whole() {
            return self.0 == other.0;
        }
        self.as_f64() == other.as_f64()
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<i64> for Number<'static> {
    fn from(number: i64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

impl From<serde_json::Number> for Number<'static> {
    fn from(number: serde_json::Number) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_are_compared_by_their_digits() {
        for (one, other, is_same) in [
            ("1", "1.0", true),
            ("1e3", "1000", true),
            ("0.5", "5e-1", true),
            ("18446744073709551616", "18446744073709551617", false),
            ("18446744073709551616", "18446744073709551616", true),
            ("1", "2", false),
        ] {
            assert_eq!(
                Number::of(one).is_same(&Number::of(other)),
                is_same,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn text_is_a_number_as_json_writes_it() {
        for (text, is_number) in [
            ("5", true),
            ("-0.5e3", true),
            ("18446744073709551617", true),
            ("1e999", false),
            ("NaN", false),
            ("0x10", false),
            ("+5", false),
            ("05", false),
            ("5 ", false),
            ("", false),
            ("\"5\"", false),
        ] {
            assert_eq!(Number::parse(text).is_some(), is_number, "{text}");
        }
    }

    #[test]
    fn only_what_is_not_written_whole_is_made_whole() {
        for (text, whole) in [
            ("5.0", Some("5")),
            ("5e2", Some("500")),
            ("5", None),
            ("5.5", None),
            ("1e300", None),
        ] {
            let made = Number::of(text).made_whole();
            assert_eq!(made.as_ref().map(Number::as_str), whole, "{text}");
        }
    }
}
