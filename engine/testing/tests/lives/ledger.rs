//! What clients asked for, and what they were answered.

use std::{collections::BTreeSet, sync::Mutex};

use tailrace_core::{
    codes::ApiCode,
    identity::{Digest, PipelineId},
    life::Life,
    manifest::PluginRef,
    name::Name,
};

use super::cluster::lock;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    PutTenant(Name),
    DeleteTenant(Name),
    Upload(Name, PluginRef, Digest),
    DeletePlugin(Name, PluginRef),
    MakeToken(Name),
    RevokeToken(Name, String),
    /// A pipeline whose config bears this mark; where nothing is there, if `absent`.
    Apply {
        id: PipelineId,
        mark: u64,
        absent: bool,
        beside: bool,
    },
    RollBack(PipelineId),
    Promote(PipelineId),
    Abandon(PipelineId),
    Pause(PipelineId),
    Resume(PipelineId),
    Delete(PipelineId),
    Redrive(PipelineId, u64),
    Renew(PipelineId),
    Read(PipelineId, String),
    ReadAudit(Name),
    /// The doctor looks, and mends.
    Mend,
}

impl Act {
    /// For the totals.
    pub fn what(&self) -> &'static str {
        match self {
            Self::PutTenant(_) => "tenant put",
            Self::DeleteTenant(_) => "tenant deleted",
            Self::Upload(..) => "plugin uploaded",
            Self::DeletePlugin(..) => "plugin deleted",
            Self::MakeToken(_) => "token made",
            Self::RevokeToken(..) => "token revoked",
            Self::Apply { beside: true, .. } => "candidate begun",
            Self::Apply { absent: true, .. } => "pipeline made where there is none",
            Self::Apply { .. } => "pipeline applied",
            Self::RollBack(_) => "pipeline rolled back",
            Self::Promote(_) => "candidate promoted",
            Self::Abandon(_) => "candidate abandoned",
            Self::Pause(_) => "pipeline paused",
            Self::Resume(_) => "pipeline resumed",
            Self::Delete(_) => "pipeline deleted",
            Self::Redrive(..) => "dead letter redriven",
            Self::Renew(_) => "pipeline renewed",
            Self::Read(..) => "state read",
            Self::ReadAudit(_) => "audit log read",
            Self::Mend => "doctor asked to mend",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// This revision; whether anything changed.
    Applied(u64, bool),
    /// State, as it was written.
    Read(Vec<u8>),
    /// Records of the audit log, by the lives of the tenant that they bear.
    Audit(BTreeSet<Life>),
    Refused(ApiCode, String),
    /// Nobody heard: the client went away, or the engine died.
    Unheard,
    /// It was waited for, and nothing came.
    Never,
}

/// A request: between which revisions of the registry it was under way.
#[derive(Debug, Clone)]
pub struct Asked {
    pub act: Act,
    pub began: u64,
    /// The last sequence of the input stream when it began.
    pub input: u64,
    pub ended: Option<(u64, Answer)>,
}

impl Asked {
    /// Whether it may still have taken effect at a revision, or after it.
    pub fn may_write_at(&self, revision: u64) -> bool {
        let is_over = |(ended, answer): &(u64, Answer)| match answer {
            Answer::Done | Answer::Applied(..) | Answer::Read(_) | Answer::Audit(_) => *ended < revision,
            // Refused by the broker, or cut off: it may be done all the same, and later.
            Answer::Refused(..) | Answer::Unheard | Answer::Never => false,
        };
        self.began < revision && !self.ended.as_ref().is_some_and(is_over)
    }
}

/// All requests, in the order in which they began.
#[derive(Default)]
pub struct Ledger(Mutex<Vec<Asked>>);

impl Ledger {
    pub fn begin(&self, act: Act, began: u64, input: u64) -> usize {
        let mut asked = lock(&self.0);
        asked.push(Asked {
            act,
            began,
            input,
            ended: None,
        });
        asked.len() - 1
    }

    pub fn end(&self, number: usize, ended: u64, answer: Answer) {
        if let Some(asked) = lock(&self.0).get_mut(number) {
            asked.ended = Some((ended, answer));
        }
    }

    pub fn all(&self) -> Vec<Asked> {
        lock(&self.0).clone()
    }
}
