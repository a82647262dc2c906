//! Tenants, plugins and pipelines: what the control plane writes and the data plane reads. The two
//! meet at one immutable [`Registry`] behind a `watch` channel, kept up to date by [`watcher`].
//!
//! Why: docs/decisions/0002-planes-meet-in-passive-memory.md

mod begun;
pub mod candidate;
mod closure;
mod judge;
mod keys;
mod lost;
mod model;
mod phase;
mod rates;
mod revision;
mod schema;
mod schema_rule;
mod scope;
mod snapshot;
pub mod standing;
pub mod watcher;

pub use begun::Begun;
pub use closure::{parsed_schema, parsed_text};
pub use keys::Key;
pub use lost::{Lost, end_mark, ended_by};
pub use model::*;
pub use phase::PipelinePhase;
pub use rates::*;
pub use revision::Revision;
pub use schema::{Schema, SchemaReference, SchemaVersion};
pub use schema_rule::{FilledSchema, SchemaRule, fill_in, readers_without};
pub use scope::{Role, Scope};
pub use snapshot::Registry;
pub use standing::RegistryStanding;
