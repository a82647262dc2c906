//! What answers. A question about a partition's state goes to the engine that owns the partition ([`peers`]),
//! and is answered from its local state store ([`local`]).

pub mod alarms;
pub mod audit;
pub mod broker_streams;
pub mod candidates;
pub mod dead_letters;
pub mod drift;
pub mod engines;
pub mod flow;
pub mod graph;
pub mod joins;
pub mod local;
pub mod measure;
pub mod merge_pool;
pub mod numbers;
pub mod outputs;
pub(crate) mod pages;
pub mod peers;
pub mod queries;
pub mod registered;
pub mod schema_uses;
pub mod schemas;
pub mod sketches;
pub mod state_deletion;
pub mod status;
pub mod streams;
pub mod tables;
pub mod timers;
pub mod tokens;
pub mod vectors;
pub mod version;
pub mod views;
pub mod windows;

use std::sync::Arc;

use crate::{alarms::reports::AlarmReports, context::Context, query::merge_pool::MergePermits};

/// Answers questions.
#[derive(Clone)]
pub struct Queries {
    pub(crate) context: Context,
    pub(crate) merges: MergePermits,
    pub(crate) reports: Arc<AlarmReports>,
}

impl Queries {
    /// From what this engine knows, and what the others tell.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            merges: MergePermits::default(),
            reports: Arc::default(),
        }
    }

    /// What the control plane shares.
    pub fn context(&self) -> &Context {
        &self.context
    }
}
