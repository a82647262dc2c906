//! A number that counts from 1970, in one of four units.
//!
//! The digits are read as they stand, never through a float: `1442018818.771` seconds are exactly that
//! millisecond.

/// What a number counts from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Unit {
    /// All of them, the longest first.
    pub const ALL: [Self; 4] = [Self::S, Self::Ms, Self::Us, Self::Ns];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        }
    }

    /// Powers of ten from this unit to a millisecond.
    const fn shift(self) -> i64 {
        match self {
            Self::S => 3,
            Self::Ms => 0,
            Self::Us => -3,
            Self::Ns => -6,
        }
    }

    /// Reads a number as JSON writes it, in this unit, as milliseconds; what is finer is cut off towards the
    /// past. None for what is no number, and for one beyond 292 million years.
    pub fn to_ms(self, text: &str) -> Option<i64> {
        let number = Number::parse(text)?;
        number.floor(self.shift())
    }
}

/// The parts of a number in text.
struct Number<'t> {
    is_negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent: i64,
}

impl<'t> Number<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        Some(Self {
            is_negative,
            whole: whole.as_bytes(),
            fraction: fraction.as_bytes(),
            exponent,
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        let digits = self.whole.iter().chain(self.fraction);
        digits.map(|digit| digit - b'0')
    }

    /// The greatest whole number that is not above it times ten to the `shift`.
    fn floor(&self, shift: i64) -> Option<i64> {
        // Where the point is among the digits.
        let point = self.exponent + shift + self.whole.len() as i64;
        let leading = self.digits().take_while(|digit| *digit == 0).count() as i64;
        let count = (self.whole.len() + self.fraction.len()) as i64;
        if leading == count {
            return Some(0);
        }
        // More digits than an `i64` has.
        if point - leading > 19 {
            return None;
        }
        let mut whole: i64 = 0;
        for digit in self.digits().take(point.max(0) as usize) {
            whole = whole.checked_mul(10)?.checked_add(digit.into())?;
        }
        for _ in count..point {
            whole = whole.checked_mul(10)?;
        }
        let is_exact = self.digits().skip(point.max(0) as usize).all(|digit| digit == 0);
        Some(match self.is_negative {
            true if is_exact => -whole,
            true => -whole - 1,
            false => whole,
        })
    }
}

/// Beyond a million it is out of every range, so the rest of its digits does not matter.
fn parse_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(1_000_000)
    });
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_in_their_unit() {
        for (text, unit, ms) in [
            ("0", Unit::Ms, Some(0)),
            ("-0", Unit::Ms, Some(0)),
            ("0.000", Unit::S, Some(0)),
            ("0e999999999999999999999", Unit::S, Some(0)),
            ("1442018818", Unit::S, Some(1_442_018_818_000)),
            ("1442018818771", Unit::Ms, Some(1_442_018_818_771)),
            ("1442018818771123", Unit::Us, Some(1_442_018_818_771)),
            ("1442018818771123456", Unit::Ns, Some(1_442_018_818_771)),
            ("18446744073709551615", Unit::Ns, Some(18_446_744_073_709)),
            ("1442018818.771", Unit::S, Some(1_442_018_818_771)),
            ("1442018818.7719999999999999999", Unit::S, Some(1_442_018_818_771)),
            ("1.442018818771e12", Unit::Ms, Some(1_442_018_818_771)),
            ("1.5E+3", Unit::Ms, Some(1_500)),
            ("1500e-3", Unit::S, Some(1_500)),
            ("1500.9", Unit::Ms, Some(1_500)),
            ("0.0005", Unit::S, Some(0)),
            ("-1", Unit::Ms, Some(-1)),
            ("-0.5", Unit::Ms, Some(-1)),
            ("-1.5", Unit::S, Some(-1_500)),
            ("-1500", Unit::Us, Some(-2)),
            ("9223372036854775807", Unit::Ms, Some(i64::MAX)),
            ("9223372036854775808", Unit::Ms, None),
            ("9223372036854775807", Unit::S, None),
            ("1e300", Unit::Ms, None),
            ("1e400", Unit::Ms, None),
            ("1e-400", Unit::S, Some(0)),
            ("", Unit::Ms, None),
            ("-", Unit::Ms, None),
            ("+1", Unit::Ms, None),
            (".5", Unit::S, None),
            ("5.", Unit::S, None),
            ("1e", Unit::S, None),
            ("1 500", Unit::Ms, None),
            ("0x10", Unit::Ms, None),
            ("NaN", Unit::Ms, None),
            ("1_000", Unit::Ms, None),
        ] {
            assert_eq!(unit.to_ms(text), ms, "{text} {}", unit.as_str());
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_those_of_arithmetic(number in any::<i64>()) {
            let text = number.to_string();
            prop_assert_eq!(Unit::Ms.to_ms(&text), Some(number));
            prop_assert_eq!(Unit::S.to_ms(&text), number.checked_mul(1_000));
            prop_assert_eq!(Unit::Us.to_ms(&text), Some(number.div_euclid(1_000)));
            prop_assert_eq!(Unit::Ns.to_ms(&text), Some(number.div_euclid(1_000_000)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,24}") {
            let _ = Unit::S.to_ms(&text);
        }
    }
}
