//! The grammar of a rule:
//!
//! ```text
//! rule       = quantity comparison number [ "for" duration ]
//! quantity   = metric | sketch "." aspect [ "[" duration "]" ]
//! comparison = ">" | ">=" | "<" | "<="
//!            | sketch ".drift[" duration "vs" duration "]"
//! aspect     = "p" number | "min" | "max" | "sum" | "count" | "distinct" | "top(" item ")"
//! ```
//!
//! The duration in brackets is event time: `amounts.p99[5m]` asks the windows of the last five minutes,
//! widened to whole ones, back from the newest event-time clock of the partitions. While no event comes
//! that clock stands, and so does the value.
//!
//! A metric's name is one of a list that the caller gives, for pipelines and engines show different ones.
//! Errors name the character at which they are, from 1, and what may stand there.

use std::time::Duration;

use crate::{
    alarm::{Aspect, Comparison, Quantity, Rule},
    units::Span,
};

/// Longest rule.
pub const MAX_RULE_CHARS: usize = 200;
/// Longest `for`: what holds for longer is a report, not an alarm.
const MAX_HOLD: Duration = Duration::from_hours(24);

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct RuleError {
    /// The character, from 1.
    pub at: usize,
    /// What is wrong and what may stand there.
    pub why: String,
}

/// Reads a rule over these metrics.
pub fn parse(text: &str, metrics: &[&'static str]) -> Result<Rule, RuleError> {
    let mut reader = Reader { text, at: 0 };
    let chars = text.chars().count();
    if chars > MAX_RULE_CHARS {
        return Err(reader.error(format!(
            "the rule has {chars} characters, at most {MAX_RULE_CHARS} are read"
        )));
    }
    let quantity = reader.quantity(metrics)?;
    let comparison = reader.comparison()?;
    let threshold = reader.threshold()?;
    let hold = reader.hold()?;
    Ok(Rule {
        quantity,
        comparison,
        threshold,
        hold,
    })
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes that were read; always the beginning of a character.
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, why: impl Into<String>) -> RuleError {
        self.error_at(self.at, why)
    }

    fn error_at(&self, at: usize, why: impl Into<String>) -> RuleError {
        let before = self.text.get(..at).unwrap_or(self.text);
        RuleError {
            at: before.chars().count() + 1,
            why: why.into(),
        }
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Reads as long as it is one of these.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn quantity(&mut self, metrics: &[&'static str]) -> Result<Quantity, RuleError> {
        self.skip_space();
        let began = self.at;
        let name = self.run(is_name);
        if self.take(".drift") {
            return self.drift(name);
        }
        if self.take(".") {
            return Ok(Quantity::Sketch {
                name: name.to_owned(),
                aspect: self.aspect()?,
                over: self.over()?,
            });
        }
        if let Some(known) = metrics.iter().find(|known| **known == name) {
            return Ok(Quantity::Metric(known));
        }
        let list = metrics.join(", ");
        let why = if name.is_empty() {
            format!("a rule begins with a metric or a sketch; the metrics are {list}")
        } else {
            format!("there is no metric {name:?}; use one of {list}, or ask a sketch, as in amounts.p99")
        };
        Err(self.error_at(began, why))
    }

    fn aspect(&mut self) -> Result<Aspect, RuleError> {
        let began = self.at;
        if self.take("top(") {
            let item = self.run(|c| c != ')');
            if item.is_empty() || !self.take(")") {
                return Err(self.error("name the item and close the bracket: top(item)"));
            }
            return Ok(Aspect::Top(item.to_owned()));
        }
        let word = self.run(|c| is_name(c) || c == '.');
        let aspect = match word {
            "min" => Some(Aspect::Min),
            "max" => Some(Aspect::Max),
            "sum" => Some(Aspect::Sum),
            "count" => Some(Aspect::Count),
            "distinct" => Some(Aspect::Distinct),
            _ => quantile(word),
        };
        let hint = "after the dot stands p50, p99, p99.9, min, max, sum, count, distinct, top(item) or drift[1h vs 24h]";
        aspect.ok_or_else(|| self.error_at(began, hint))
    }

    fn over(&mut self) -> Result<Option<Duration>, RuleError> {
        if !self.take("[") {
            return Ok(None);
        }
        let began = self.at;
        let text = self.run(|c| c != ']');
        let over: Span = text.parse().map_err(|why: String| self.error_at(began, why))?;
        if over.0.is_zero() {
            return Err(self.error_at(began, "no time at all; write 5m for five minutes of event time"));
        }
        if !self.take("]") {
            return Err(self.error("close the bracket: amounts.p99[5m]"));
        }
        Ok(Some(over.0))
    }

    /// Two stretches of event time: the last one, and the one before it.
    fn drift(&mut self, name: &str) -> Result<Quantity, RuleError> {
        let hint = "name two stretches of event time: amounts.drift[1h vs 24h]";
        if !self.take("[") {
            return Err(self.error(hint));
        }
        let began = self.at;
        let text = self.run(|c| c != ']');
        let Some((last, base)) = text.split_once(" vs ") else {
            return Err(self.error_at(began, hint));
        };
        let span = |text: &str| {
            let span: Span = text
                .trim()
                .parse()
                .map_err(|why: String| self.error_at(began, why))?;
            if span.0.is_zero() {
                return Err(self.error_at(began, "no time at all; write 5m for five minutes of event time"));
            }
            Ok(span.0)
        };
        let (over, base) = (span(last)?, span(base)?);
        if !self.take("]") {
            return Err(self.error("close the bracket: amounts.drift[1h vs 24h]"));
        }
        Ok(Quantity::Sketch {
            name: name.to_owned(),
            aspect: Aspect::Drift(base),
            over: Some(over),
        })
    }

    fn comparison(&mut self) -> Result<Comparison, RuleError> {
        self.skip_space();
        for (token, comparison) in [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ] {
            if self.take(token) {
                return Ok(comparison);
            }
        }
        Err(self.error("compare with >, >=, < or <="))
    }

    fn threshold(&mut self) -> Result<f64, RuleError> {
        self.skip_space();
        let began = self.at;
        let word = self.run(|c| !c.is_whitespace());
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| self.error_at(began, "a number stands here, such as 0.01 or 500"))
    }

    fn hold(&mut self) -> Result<Duration, RuleError> {
        self.skip_space();
        if self.rest().is_empty() {
            return Ok(Duration::ZERO);
        }
        let began = self.at;
        if self.run(char::is_alphabetic) != "for" {
            return Err(self.error_at(began, "the rule ends here, or goes on with a time: for 1m"));
        }
        self.skip_space();
        let began = self.at;
        let text = self.rest().trim_end();
        let hold: Span = text.parse().map_err(|why: String| self.error_at(began, why))?;
        if hold.0 > MAX_HOLD {
            return Err(self.error_at(began, "at most 24h"));
        }
        Ok(hold.0)
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// `p99.9` as a share.
fn quantile(word: &str) -> Option<Aspect> {
    let digits = word.strip_prefix('p')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = digits.parse().ok().filter(|_| plain)?;
    (0.0..=100.0)
        .contains(&percent)
        .then_some(Aspect::Quantile(percent / 100.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const METRICS: [&str; 2] = ["lag", "dead-letter-ratio"];

    fn read(text: &str) -> Result<Rule, RuleError> {
        parse(text, &METRICS)
    }

    #[test]
    fn rules_are_read_as_they_are_written() {
        let rule = read("dead-letter-ratio > 0.01 for 1m").unwrap();
        let expected = Rule {
            quantity: Quantity::Metric("dead-letter-ratio"),
            comparison: Comparison::Above,
            threshold: 0.01,
            hold: Duration::from_mins(1),
        };
        assert_eq!(rule, expected);
        for (text, aspect) in [
            ("amounts.p99>500", Aspect::Quantile(0.99)),
            ("amounts.p99.9 >= 5e2 for 5m", Aspect::Quantile(99.9 / 100.0)),
            (" amounts.min<-1", Aspect::Min),
            ("amounts.max <= 1", Aspect::Max),
            ("amounts.sum > 1", Aspect::Sum),
            ("amounts.count < 1 for 1h 30m ", Aspect::Count),
            ("amounts.distinct > 1", Aspect::Distinct),
            ("amounts.top(a b, c) > 1", Aspect::Top("a b, c".to_owned())),
        ] {
            let name = "amounts".to_owned();
            let over = None;
            assert_eq!(
                read(text).unwrap().quantity,
                Quantity::Sketch { name, aspect, over },
                "{text}"
            );
        }
    }

    #[test]
    fn a_sketch_may_be_asked_over_the_last_stretch_of_event_time() {
        for (text, expected) in [
            ("amounts.p99[5m] > 500 for 1m", Duration::from_mins(5)),
            ("amounts.top(a [b])[1h 30m]>=1", Duration::from_mins(90)),
        ] {
            let Quantity::Sketch { over, .. } = read(text).unwrap().quantity else {
                panic!("{text} asks a sketch");
            };
            assert_eq!(over, Some(expected), "{text}");
        }
    }

    #[test]
    fn a_sketch_may_be_held_against_the_time_before() {
        let expected = Quantity::Sketch {
            name: "amounts".to_owned(),
            aspect: Aspect::Drift(Duration::from_hours(24)),
            over: Some(Duration::from_hours(1)),
        };
        assert_eq!(
            read("amounts.drift[1h vs 24h] > 0.2 for 5m").unwrap().quantity,
            expected
        );
    }

    #[test]
    fn an_error_names_the_place_and_what_may_stand_there() {
        for (text, at, hint) in [
            ("", 1, "lag"),
            ("lak > 1", 1, "use one of lag, dead-letter-ratio"),
            ("ü > 1", 1, "begins with a metric"),
            ("amounts.p101 > 1", 9, "p99"),
            ("amounts.pinf > 1", 9, "p99"),
            ("amounts.top( > 1", 17, "close the bracket"),
            ("amounts.top() > 1", 13, "name the item"),
            ("amounts.p99[5m > 1", 13, "duration"),
            ("amounts.drift > 1", 14, "two stretches"),
            ("amounts.drift[1h] > 1", 15, "two stretches"),
            ("amounts.drift[1h vs ] > 1", 15, "duration"),
            ("amounts.drift[1h vs 0s] > 1", 15, "no time at all"),
            ("amounts.drift[1h vs 2h", 23, "close the bracket"),
            ("amounts.p99[] > 1", 13, "duration"),
            ("amounts.p99[0s] > 1", 13, "no time at all"),
            ("amounts.p99[5m", 15, "close the bracket"),
            ("amounts.p99 [5m] > 1", 13, "compare with"),
            ("lag[5m] > 1", 4, "compare with"),
            ("lag = 1", 5, "compare with"),
            ("lag > many", 7, "a number"),
            ("lag > NaN", 7, "a number"),
            ("lag > 1 during 1m", 9, "for 1m"),
            ("lag > 1 for", 12, "duration"),
            ("lag > 1 for ever", 13, "duration"),
            ("lag > 1 for 2d", 13, "24h"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.at == at && error.why.contains(hint), "{text}: {error}");
        }
        assert!(read(&"x".repeat(10_000)).unwrap_err().why.len() < 200);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}") {
            let _ = read(&text);
        }

        #[test]
        fn no_text_that_looks_like_a_rule_breaks_it(text in "(lag|a\\.p9|a\\.top\\(|ä)[ .<>=()fora0-9\\[ü]{0,30}") {
            if let Err(error) = read(&text) {
                prop_assert!(error.at <= text.chars().count() + 1);
            }
        }
    }
}
