//! How the windows and joins of a pipeline wait, as far as a change of it has consequences: the rules in force are kept
//! as state of the partition. So a partition knows under which rules a window was closed, though the revision that
//! declared them is gone, and though the engine was down when it was changed.
//!
//! Why: docs/decisions/0217-what-is-closed-stays-closed.md

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    manifest::{JoinManifest, JoinSide, LateForWindow, WindowManifest},
    units::Span,
};

/// Step under which the rules in force lie, each by the step of its window or join; no pipeline can name one like it.
pub const STEP: &str = "~rules";

/// How a window waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRules {
    grace_ms: u64,
    is_corrected: bool,
    early_ms: Option<u64>,
}

impl WindowRules {
    /// Those that a manifest declares.
    pub fn of(window: &WindowManifest) -> Self {
        Self {
            grace_ms: window.grace.map_or(0, Span::as_millis),
            is_corrected: window.late == LateForWindow::Correct,
            early_ms: window.early.map(Span::as_millis),
        }
    }

    /// How long after its end a window takes events.
    pub fn grace_ms(&self) -> u64 {
        self.grace_ms
    }

    /// Whether a result that was told is told again.
    pub fn is_corrected(&self) -> bool {
        self.is_corrected
    }

    /// How long after its end a window's result waits.
    pub fn waits_ms(&self) -> u64 {
        if self.is_corrected { 0 } else { self.grace_ms }
    }
}

/// How a join waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRules {
    before_ms: u64,
    after_ms: u64,
    grace_ms: u64,
    left_alone: bool,
    right_alone: bool,
}

impl JoinRules {
    /// Those that a manifest declares.
    pub fn of(join: &JoinManifest) -> Self {
        let within = join.within.unwrap_or_default();
        let [before_ms, after_ms, grace_ms] =
            [within.before, within.after, join.grace].map(|span| span.map_or(0, Span::as_millis));
        Self {
            before_ms,
            after_ms,
            grace_ms,
            left_alone: join.tells_alone(JoinSide::Left),
            right_alone: join.tells_alone(JoinSide::Right),
        }
    }

    /// Whether an event of a side has a row of its own where it has no partner.
    pub fn tells_alone(&self, side: JoinSide) -> bool {
        match side {
            JoinSide::Left => self.left_alone,
            JoinSide::Right => self.right_alone,
        }
    }

    /// For how long an event of a side is kept.
    pub fn keeps_ms(&self, side: JoinSide) -> u64 {
        let span_ms = match side {
            JoinSide::Left => self.after_ms,
            JoinSide::Right => self.before_ms,
        };
        span_ms + self.grace_ms
    }
}

/// Rules in force, and what was closed under those before. Times are ends of windows; what ends at one of them is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce<R> {
    /// Of which declaration.
    shape: u32,
    /// How often they were changed. What a former one has set to wake up is recognised by it.
    pub epoch: u32,
    /// The rules.
    pub rules: R,
    /// Up to here rules from before have closed all windows.
    pub closed_ms: u64,
    /// Up to here rules from before have told all windows.
    pub told_ms: u64,
}

impl<R: Serialize + DeserializeOwned> InForce<R> {
    /// The first rules of a declaration.
    pub fn first(shape: u32, rules: R) -> Self {
        Self {
            shape,
            epoch: 0,
            rules,
            closed_ms: 0,
            told_ms: 0,
        }
    }

    /// Others follow, that close nothing.
    #[must_use]
    pub fn followed_by(self, rules: R) -> Self {
        Self {
            epoch: self.epoch.wrapping_add(1),
            rules,
            ..self
        }
    }

    /// The bytes of an entry.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("it always serialises into memory")
    }

    /// From the bytes of an entry; none for one of another declaration.
    pub fn decode(shape: u32, bytes: &[u8]) -> Result<Option<Self>, postcard::Error> {
        let (of, _): (u32, _) = postcard::take_from_bytes(bytes)?;
        if of != shape {
            return Ok(None);
        }
        postcard::from_bytes(bytes).map(Some)
    }
}

impl InForce<WindowRules> {
    /// Windows that end by then take no event, however long those wait that are open.
    pub fn taken_up_to_ms(&self, is_corrected: bool) -> u64 {
        if is_corrected {
            self.closed_ms
        } else {
            self.told_ms.max(self.closed_ms)
        }
    }

    /// Others follow at this watermark. What is closed, or told, by then stays so.
    #[must_use]
    pub fn followed_at(self, watermark_ms: u64, rules: WindowRules) -> Self {
        let before = &self.rules;
        let closed_ms = watermark_ms.saturating_sub(before.grace_ms);
        let told_ms = watermark_ms.saturating_sub(before.waits_ms());
        Self {
            closed_ms: closed_ms.max(self.taken_up_to_ms(before.is_corrected)),
            told_ms: told_ms.max(self.told_ms),
            ..self.followed_by(rules)
        }
    }
}

/// What a wake-up of a window or a join takes along: by which declaration and under which rules it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBy<'a> {
    /// The declaration; none for what goes on with cleaning up.
    pub shape: Option<u32>,
    /// The rules.
    pub epoch: u32,
    /// What else it says.
    pub rest: &'a [u8],
}

impl<'a> SetBy<'a> {
    /// As bytes. Under the first rules it is as before there were others.
    pub fn encode(shape: u32, epoch: u32, rest: &[u8]) -> Vec<u8> {
        let mut bytes = shape.to_le_bytes().to_vec();
        if epoch > 0 {
            bytes.extend(epoch.to_le_bytes());
            bytes.extend(rest);
        }
        bytes
    }

    /// From bytes.
    pub fn decode(bytes: &'a [u8]) -> Self {
        let (shape, bytes) = number(bytes);
        let (epoch, rest) = number(bytes);
        Self {
            shape,
            epoch: epoch.unwrap_or_default(),
            rest,
        }
    }
}

fn number(bytes: &[u8]) -> (Option<u32>, &[u8]) {
    match bytes.split_first_chunk() {
        Some((number, rest)) => (Some(u32::from_le_bytes(*number)), rest),
        None => (None, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(grace_ms: u64, is_corrected: bool) -> WindowRules {
        WindowRules {
            grace_ms,
            is_corrected,
            early_ms: None,
        }
    }

    #[test]
    fn what_was_closed_stays_closed_through_any_number_of_changes() {
        let first = InForce::first(7, rules(10, true));
        let dropping = first.followed_at(100, rules(50, false));
        assert_eq!((dropping.closed_ms, dropping.told_ms), (90, 100));
        assert_eq!(dropping.taken_up_to_ms(false), 100);
        // Nothing more is closed by a longer wait, and what took no event does not again.
        let corrected = dropping.followed_at(110, rules(60, true));
        assert_eq!((corrected.closed_ms, corrected.told_ms), (100, 100));
        assert_eq!(corrected.epoch, 2);
        assert_eq!(corrected.taken_up_to_ms(true), 100);
    }

    #[test]
    fn rules_read_back_under_their_own_declaration_only() {
        let held = InForce::first(7, rules(1, false));
        let bytes = held.encode();
        assert_eq!(InForce::decode(7, &bytes).unwrap(), Some(held));
        assert_eq!(InForce::<WindowRules>::decode(8, &bytes).unwrap(), None);
        assert!(InForce::<WindowRules>::decode(7, &bytes[..2]).is_err());
    }

    #[test]
    fn a_wake_up_says_by_what_it_was_set_and_one_of_the_first_rules_is_as_ever() {
        assert_eq!(SetBy::encode(7, 0, b""), 7_u32.to_le_bytes());
        for (epoch, rest) in [(1, &b""[..]), (9, b"x")] {
            let bytes = SetBy::encode(7, epoch, rest);
            let shape = Some(7);
            assert_eq!(SetBy::decode(&bytes), SetBy { shape, epoch, rest });
        }
        assert_eq!(SetBy::decode(b"").shape, None);
    }
}
