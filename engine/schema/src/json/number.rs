//! Numbers by their digits, so that `9007199254740993`, `0.1` and `1e400` are what was written. No arithmetic here
//! expands an exponent: `1e999999999` costs as much as `1`.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number in its one form: no zero at either end of the digits. Zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Values of digits, 0 to 9.
    digits: Vec<u8>,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    /// The number that a text of JSON's grammar is.
    pub(crate) fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let negative = whole.starts_with('-');
        let mut digits: Vec<u8> = Vec::with_capacity(whole.len() + fraction.len());
        digits.extend(
            whole
                .bytes()
                .chain(fraction.bytes())
                .filter(u8::is_ascii_digit)
                .map(|digit| digit - b'0'),
        );
        // An exponent beyond 64 bits is as far away as the largest: no two such numbers are told apart by a schema.
        let far = if exponent.starts_with('-') {
            i64::MIN / 4
        } else {
            i64::MAX / 4
        };
        let exponent: i64 = exponent
            .trim_start_matches('+')
            .parse()
            .unwrap_or(far)
            .clamp(i64::MIN / 4, i64::MAX / 4);
        Self::normal(negative, digits, exponent - fraction.len() as i64)
    }

    fn normal(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            let (negative, exponent) = (false, 0);
            return Self {
                negative,
                digits,
                exponent,
            };
        }
        Self {
            negative,
            digits,
            exponent,
        }
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// The whole number, if it is one of 128 bits.
    pub(crate) fn to_integer(&self) -> Option<i128> {
        if !self.is_integer() || self.digits.len() as i64 + self.exponent > 39 {
            return None;
        }
        let digits = self
            .digits
            .iter()
            .copied()
            .chain(std::iter::repeat_n(0, self.exponent as usize));
        digits.into_iter().try_fold(0_i128, |sum, digit| {
            let digit = i128::from(digit);
            let next = sum.checked_mul(10)?;
            if self.negative {
                next.checked_sub(digit)
            } else {
                next.checked_add(digit)
            }
        })
    }

    /// The whole number that remains if the point moves right by `scale` digits, in two's complement, the highest
    /// byte first and no longer than needed. `None` if digits remain behind the point.
    pub(crate) fn unscaled(&self, scale: usize) -> Option<Vec<u8>> {
        let zeros = usize::try_from(self.exponent + scale as i64).ok()?;
        if zeros > 10_000 {
            return None;
        }
        let digits = self.digits.iter().copied().chain(std::iter::repeat_n(
            0,
            if self.digits.is_empty() { 0 } else { zeros },
        ));
        let mut bytes: Vec<u8> = vec![0];
        for digit in digits {
            let mut carry = u16::from(digit);
            for byte in bytes.iter_mut().rev() {
                carry += u16::from(*byte) * 10;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry > 0 {
                bytes.insert(0, carry as u8);
            }
        }
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        if self.negative {
            negate(&mut bytes);
            while bytes.len() > 1 && bytes[0] == 0xff && bytes[1] >= 0x80 {
                bytes.remove(0);
            }
        }
        Some(bytes)
    }

    /// The number whose digits without the point are this number in two's complement.
    pub(crate) fn from_unscaled(bytes: &[u8], scale: usize) -> Self {
        let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
        let mut magnitude = bytes.to_vec();
        if negative {
            negate(&mut magnitude);
        }
        let mut digits: Vec<u8> = Vec::new();
        while magnitude.iter().any(|byte| *byte != 0) {
            let mut rest = 0_u16;
            for byte in &mut magnitude {
                rest = (rest << 8) + u16::from(*byte);
                *byte = (rest / 10) as u8;
                rest %= 10;
            }
            digits.push(rest as u8);
        }
        digits.reverse();
        Self::normal(negative, digits, -(scale as i64))
    }

    /// How many digits stand before and behind the point together, if the point is fixed at `scale`.
    pub(crate) fn precision(&self, scale: usize) -> usize {
        usize::try_from(self.digits.len() as i64 + self.exponent + scale as i64).unwrap_or(0)
    }

    /// The text with `scale` digits behind the point.
    pub(crate) fn to_fixed(&self, scale: usize) -> String {
        let zeros = usize::try_from(self.exponent + scale as i64).unwrap_or(0);
        let mut digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        digits.push_str(&"0".repeat(if self.digits.is_empty() { 0 } else { zeros }));
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let (sign, point) = (
            if self.negative { "-" } else { "" },
            if scale == 0 { "" } else { "." },
        );
        format!("{sign}{whole}{point}{fraction}")
    }

    /// Whether dividing by `divisor` leaves nothing. `None` if the divisor has more than 18 digits.
    pub(crate) fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        let modulus = divisor.short()?;
        if self.digits.is_empty() {
            return Some(true);
        }
        // The digits do not end in a zero, so no power of ten divides them.
        let Ok(power) = u64::try_from(self.exponent - divisor.exponent) else {
            return Some(false);
        };
        let rest = self
            .digits
            .iter()
            .fold(0, |rest, digit| (rest * 10 + u128::from(*digit)) % modulus);
        Some((rest * power_of_ten(power, modulus)).is_multiple_of(modulus))
    }

    /// The digits as a number above zero, if there are at most 18.
    pub(crate) fn short(&self) -> Option<u128> {
        let is_short = (1..=18).contains(&self.digits.len());
        is_short.then(|| {
            self.digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + u128::from(*digit))
        })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let lead = |number: &Self| number.digits.len() as i64 + number.exponent;
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => lead(self)
                .cmp(&lead(other))
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let (mut result, mut base) = (1 % modulus, 10 % modulus);
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    result
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        match (digits.is_empty(), self.exponent) {
            (true, _) => f.write_str("0"),
            (false, 0) => write!(f, "{sign}{digits}"),
            (false, exponent) => write!(f, "{sign}{digits}e{exponent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_by_value_and_exactly() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0"),
            ("0.5", "5E-1"),
            ("0e9", "0"),
        ] {
            assert_eq!(Decimal::of(one), Decimal::of(other), "{one} {other}");
        }
        for (less, more) in [
            ("9007199254740992", "9007199254740993"),
            ("-2", "-1"),
            ("-1", "0"),
            ("9.99", "10"),
            ("1e308", "1e309"),
            ("0.1", "0.10000000000000000001"),
            ("1", "1e999999999999999999999"),
            ("1e-999999999999999999999", "1"),
        ] {
            assert!(Decimal::of(less) < Decimal::of(more), "{less} {more}");
        }
    }

    #[test]
    fn multiples_are_exact_and_cost_nothing_for_large_exponents() {
        let multiple = |number, of| Decimal::of(number).is_multiple_of(&Decimal::of(of));
        for (number, of) in [
            ("0.3", "0.1"),
            ("1e999999999", "3e-2"),
            ("0", "7"),
            ("4.5", "1.5"),
            ("-35", "7"),
        ] {
            let expected = number != "1e999999999";
            assert_eq!(multiple(number, of), Some(expected), "{number} {of}");
        }
        assert_eq!(multiple("0.35", "0.1"), Some(false));
        assert_eq!(multiple("1e308", "0.123456789"), Some(false));
        assert_eq!(multiple("1", "1234567890123456789"), None);
    }

    proptest! {
        #[test]
        fn twos_complement_goes_there_and_back(value in any::<i128>(), scale in 0_usize..40) {
            let decimal = Decimal::from_unscaled(&value.to_be_bytes(), scale);
            let bytes = decimal.unscaled(scale).expect("nothing behind the point");
            let filler = if value < 0 { 0xff } else { 0 };
            let mut full = vec![filler; 16 - bytes.len().min(16)];
            full.extend(&bytes);
            prop_assert_eq!(full, value.to_be_bytes());
            prop_assert_eq!(Decimal::of(&decimal.to_fixed(scale)), decimal);
        }

        #[test]
        fn whole_numbers_are_themselves(value in any::<i64>(), other in any::<i64>(), of in 1_i64..1000) {
            let (one, two) = (Decimal::of(&value.to_string()), Decimal::of(&other.to_string()));
            prop_assert_eq!(one.to_integer(), Some(i128::from(value)));
            prop_assert_eq!(one.cmp(&two), value.cmp(&other));
            prop_assert_eq!(one.is_multiple_of(&Decimal::of(&of.to_string())), Some(value % of == 0));
        }
    }
}
