//! A try to send a notice.

use tailrace_core::alarm::notice::Target;

use crate::alarms::subject::Subject;

/// What came of a try to send.
pub(crate) struct Tried {
    pub(crate) of: Subject,
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) arrived: Result<(), String>,
}
