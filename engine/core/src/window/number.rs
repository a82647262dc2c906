//! A number as it is added up and compared: exact, as decimal digits, as long as those of a decimal are enough. So sums
//! of money are right, and do not depend on the order of the events.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::extract::Scalar;

/// A number that is finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) enum Number {
    /// Of at most 28 digits.
    Exact(Decimal),
    /// Any other.
    Near(f64),
}

/// A [`Number`] in state.
#[derive(Serialize, Deserialize)]
enum Written {
    Exact([u8; 16]),
    Near(f64),
}

impl From<Number> for Written {
    fn from(number: Number) -> Self {
        match number {
            Number::Exact(exact) => Self::Exact(exact.serialize()),
            Number::Near(near) => Self::Near(near),
        }
    }
}

impl From<Written> for Number {
    fn from(written: Written) -> Self {
        match written {
            Written::Exact(bytes) => Self::Exact(Decimal::deserialize(bytes)),
            Written::Near(near) => Self::Near(near),
        }
    }
}

impl Number {
    pub(super) const ZERO: Self = Self::Exact(Decimal::ZERO);

    /// A number, or a text that reads as one.
    pub(super) fn read(value: &Scalar<'_>) -> Option<Self> {
        let text = match value {
            Scalar::Number(text) => text,
            Scalar::Text(text) => &**text,
            Scalar::Bool(_) | Scalar::Nested => return None,
        };
        // Digits with underscores between them are numbers to the parsers below, and to nobody else here.
        if text.contains('_') {
            return None;
        }
        let exact = Decimal::from_str_exact(text).ok();
        if let Some(exact) = exact.or_else(|| Decimal::from_scientific(text).ok()) {
            return Some(Self::Exact(exact.normalize()));
        }
        let near: f64 = text.parse().ok()?;
        near.is_finite().then_some(Self::Near(near))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if let (Self::Exact(one), Self::Exact(other)) = (self, other)
            && let Some(sum) = one.checked_add(other)
        {
            return Self::Exact(sum);
        }
        Self::Near(self.near() + other.near())
    }

    pub(super) fn near(self) -> f64 {
        match self {
            Self::Exact(exact) => exact.to_string().parse().unwrap_or(f64::NAN),
            Self::Near(near) => near,
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one.cmp(other),
            _ => self.near().total_cmp(&other.near()),
        }
    }

    /// As JSON.
    pub(super) fn json(self) -> String {
        match self {
            Self::Exact(exact) => exact.normalize().to_string(),
            Self::Near(near) => json_of(near),
        }
    }
}

/// A float as JSON; `null` for what is no number.
pub(super) fn json_of(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(numbers: &[&str]) -> String {
        let read = |text: &&str| Number::read(&Scalar::Number(text)).unwrap();
        numbers.iter().map(read).fold(Number::ZERO, Number::plus).json()
    }

    #[test]
    fn sums_are_exact_where_decimals_reach() {
        assert_eq!(sum(&["0.1", "0.2"]), "0.3");
        assert_eq!(sum(&["12.34", "0.66"]), "13");
        assert_eq!(sum(&["9007199254740993", "1"]), "9007199254740994");
        assert_eq!(sum(&["1e3", "-1E3"]), "0");
        assert_eq!(sum(&["1e300", "1"]), "1e+300");
        assert_eq!(
            sum(&["79228162514264337593543950335", "1"]),
            "7.922816251426434e+28"
        );
    }

    #[test]
    fn what_is_no_number_is_none() {
        for value in [
            Scalar::Text("x".into()),
            Scalar::Bool(true),
            Scalar::Nested,
            Scalar::Number("1e999"),
        ] {
            assert_eq!(Number::read(&value), None, "{value:?}");
        }
        assert_eq!(Number::read(&Scalar::Text("1.50".into())).unwrap().json(), "1.5");
    }

    #[test]
    fn a_number_survives_state() {
        for text in ["-12.5", "1e250"] {
            let number = Number::read(&Scalar::Number(text)).unwrap();
            let bytes = postcard::to_stdvec(&number).unwrap();
            assert_eq!(postcard::from_bytes::<Number>(&bytes).unwrap(), number);
        }
    }
}
