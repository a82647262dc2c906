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
            (Self::At(_), Some(_)) => changed_since(what),
        };
        Err(ControlError::Precondition(refused))
    }

    /// What came of a change that began with this: whoever wanted what was there to be a certain one, and was
    /// overtaken by somebody else, is told the same as if that one had been there before.
    pub(crate) fn settle<T>(self, outcome: ControlResult<T>) -> ControlResult<T> {
        match outcome {
            Err(ControlError::Raced(what)) if self != Self::Any => {
                Err(ControlError::Precondition(changed_since(&what)))
            }
            outcome => outcome,
        }
    }
}

fn changed_since(what: &str) -> String {
    format!("{what} was changed since it was read; read it again, and repeat the change on what it says now")
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

    #[test]
    fn who_is_overtaken_is_told_that_the_condition_does_not_hold() {
        let raced = || Err::<(), _>(ControlError::Raced("pipeline p".to_owned()));
        for condition in [Condition::At(3), Condition::Present, Condition::Absent] {
            let told = condition.settle(raced()).unwrap_err();
            assert!(
                matches!(&told, ControlError::Precondition(why) if why.contains("pipeline p")),
                "{told}"
            );
        }
        assert!(matches!(
            Condition::Any.settle(raced()),
            Err(ControlError::Raced(_))
        ));
    }
}
