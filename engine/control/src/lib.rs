//! The control plane: what the API and the command line ask for. It never touches a running pipeline: it
//! writes the registry, which the engines follow, and reads what they show.
//!
//! - [`command`] changes something: checked first, told to the audit log, written to the registry;
//! - [`query`] answers: state, sketches, status, the flow as a picture, what is registered;
//! - [`lives`] goes on with what creates and deletes in several places, whoever began it;
//! - [`doctor`] finds what is not as it should be, and mends what it can;
//! - [`alarms`] looks at numbers on its own account, and notifies.
//!
//! All three stand on one small [`context`]; [`hindrance`] is what keeps all of it from working. What goes wrong is a [`ControlError`], which says whose fault it
//! is; the edge turns it into HTTP.

pub mod alarms;
pub mod command;
pub mod context;
pub mod doctor;
pub mod entries;
pub mod error;
pub mod hindrance;
pub mod lives;
mod named;
pub mod query;
pub mod quotas;
pub mod usage;

pub use command::Commands;
pub use context::Context;
pub use error::ControlError;
pub use query::Queries;
