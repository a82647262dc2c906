//! What a change expects to find, as `If-Match` and `If-None-Match` say it (RFC 9110): two editors do not
//! overwrite each other in silence.

use crate::error::{ControlError, ControlResult};

/// What a change expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// Whatever there is.
    #[default]
    Any,
    /// Nothing.
    Absent,
    /// Something, whatever it is.
    Present,
    /// What was written at this revision.
    At(u64),
}

impl Condition {
    /// Whether what there is, by the revision of its entry, is what was expected.
    pub(crate) fn check(self, what: &str, known: Option<u64>) -> ControlResult<()> {
        let refused = match (self, known) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Present, Some(_)) => return Ok(()),
            (Self::At(expected), Some(found)) if expected == found => return Ok(()),
            (Self::Absent, Some(_)) => format!("{what} is there already"),
            (Self::Present | Self::At(_), None) => format!("{what} is not there"),
            (Self::At(expected), Some(found)) => format!(
                "{what} was changed since: it is at revision {found}, not at {expected}; read it again, and repeat the change on what it says now"
            ),
        };
        Err(ControlError::Precondition(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_on_what_it_expects_and_on_nothing_else() {
        let holds = |condition: Condition, known| condition.check("it", known).is_ok();
        assert!(holds(Condition::Any, None) && holds(Condition::Any, Some(3)));
        assert!(holds(Condition::Absent, None) && !holds(Condition::Absent, Some(3)));
        assert!(holds(Condition::Present, Some(3)) && !holds(Condition::Present, None));
        assert!(holds(Condition::At(3), Some(3)));
        assert!(!holds(Condition::At(3), Some(4)) && !holds(Condition::At(3), None));
    }
}
