//! What may be found, with the command that mends it.

use serde::Serialize;
use tailrace_core::{
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    name::Name,
};

use crate::error::ControlError;

/// What a look has found.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Examination {
    /// Each thing that is not as it should be.
    pub findings: Vec<Finding>,
}

/// A thing that is not as it should be.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// Its kind, stable for programs: `orphan-stream`.
    pub kind: &'static str,
    /// The thing: a stream, a key, a pipeline.
    pub what: String,
    /// The NATS account that it lies in; none stands for the engine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_account: Option<Name>,
    /// What is wrong with it.
    pub detail: String,
    /// What mends it: a command, or what a person has to decide.
    pub mend: String,
    /// Whether `doctor --fix` does it.
    pub fixable: bool,
    /// How.
    #[serde(skip)]
    pub(crate) fix: Option<Fix>,
}

/// What can be mended without a person's judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    /// A stream of no pipeline.
    Stream(PipelineId, Life),
    /// A consumer of no pipeline.
    Consumer {
        /// On this stream.
        stream: String,
        /// Its name.
        consumer: String,
    },
    /// Snapshots of no pipeline.
    Snapshots(PartitionId),
    /// The bytes of no plugin version.
    Component(Digest),
    /// What the engine made, with fewer replicas than are wanted.
    Replicas,
    /// A pipeline's own stream that is not as the engine made it.
    Altered(PipelineId, Life),
    /// A stream for all pipelines that is not as the engine made it.
    Shared(&'static str),
    /// What alarms remember of no pipeline.
    Alarm(String),
    /// A revision that cannot be read, and that its pipeline's entry says.
    Revision(PipelineId, u64),
    /// An entry that cannot be read, of a pipeline whose revisions are kept.
    Pipeline(PipelineId),
    /// What is left of a tenant whose entry is gone, and whose name another life has.
    LostTenant(Name, Life),
}

/// `doctor --fix` for a finding that it mends.
pub(crate) const FIX: &str = "tailrace doctor --fix";

impl Examination {
    pub(super) fn add(
        &mut self,
        kind: &'static str,
        what: impl Into<String>,
        detail: impl Into<String>,
    ) -> &mut Finding {
        self.findings.push(Finding {
            kind,
            what: what.into(),
            nats_account: None,
            detail: detail.into(),
            mend: String::new(),
            fixable: false,
            fix: None,
        });
        self.findings.last_mut().expect("it was added just now")
    }

    /// A part of the broker could not be looked at.
    pub(super) fn unseen(&mut self, account: Option<&Name>, cause: &ControlError) {
        let found = self.add(
            "unseen",
            "the broker",
            format!("it could not be looked at: {cause}"),
        );
        found.nats_account = account.cloned();
        "run tailrace doctor again when the broker answers".clone_into(&mut found.mend);
    }
}

impl Finding {
    /// What a person does about it.
    pub(super) fn mended_by(&mut self, how: impl Into<String>) {
        self.mend = how.into();
    }

    /// What `doctor --fix` does about it.
    pub(super) fn fixed_by(&mut self, account: Option<&Name>, fix: Fix) {
        FIX.clone_into(&mut self.mend);
        self.nats_account = account.cloned();
        self.fixable = true;
        self.fix = Some(fix);
    }
}

/// What became of a finding that was to be mended.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Mended {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Whether it is mended now.
    pub mended: bool,
    /// Why not, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}
