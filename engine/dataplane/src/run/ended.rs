//! Why a run of the partitions ended, and with it what mends it.

use tailrace_core::{
    load::LoadError,
    name::Name,
    ports::{
        accounts::AccountError,
        broker::{BrokerError, InputError},
        plugins::{CompileLimit, PluginError},
        store::StoreError,
    },
};

use crate::partition::{
    end::{End, Pauser},
    recover_error::RecoverError,
};

/// Why a run of the partitions ended.
pub(super) enum Ended {
    /// The engine stops, or the pipeline is deleted.
    Stopped,
    /// The registry says something that needs a new start.
    Changed,
    /// Worth another try, after a pause.
    Again(String),
    /// The same, once the disk of the data folder has room.
    NoRoom(String),
    /// Another engine has it.
    Fenced,
    /// A step's policy, or the circuit breaker, asks for a pause.
    Pause(Pauser, String),
    /// Only somebody's action mends it.
    Parked(String),
    /// The same, and records that it needs are gone or damaged.
    LacksRecords(String),
    /// Other engines have all its partitions.
    NotOurs(String),
}

impl Ended {
    /// Whether the status says why it ended, until it is something else.
    pub(super) fn has_reason(&self) -> bool {
        !matches!(self, Self::Stopped | Self::Changed | Self::Pause(..))
    }
}

impl From<BrokerError> for Ended {
    fn from(cause: BrokerError) -> Self {
        Self::Again(cause.to_string())
    }
}

impl From<AccountError> for Ended {
    fn from(cause: AccountError) -> Self {
        Self::Again(cause.to_string())
    }
}

impl From<RecoverError> for Ended {
    fn from(cause: RecoverError) -> Self {
        match cause {
            RecoverError::Damaged { .. }
            | RecoverError::Foreign { .. }
            | RecoverError::Lost { .. }
            | RecoverError::NewestLost { .. }
            | RecoverError::Stray { .. }
            | RecoverError::NoSnapshot { .. } => Self::LacksRecords(cause.to_string()),
            RecoverError::Store(StoreError::NoRoom(_)) => Self::NoRoom(cause.to_string()),
            RecoverError::Broker(_) | RecoverError::Store(_) => Self::Again(cause.to_string()),
        }
    }
}

impl From<PluginError> for Ended {
    fn from(cause: PluginError) -> Self {
        match cause {
            PluginError::Engine(_) | PluginError::TooCostly(CompileLimit::Wall(_)) => {
                Self::Again(cause.to_string())
            }
            _ => Self::Parked(cause.to_string()),
        }
    }
}

impl From<LoadError> for Ended {
    fn from(cause: LoadError) -> Self {
        match cause {
            LoadError::Broker(cause) => cause.into(),
            LoadError::Plugin(cause) => cause.into(),
        }
    }
}

/// A partition ended, which ends the run.
pub(super) fn partition_ended(ended: Option<Result<End, tokio::task::JoinError>>) -> Ended {
    match ended {
        None | Some(Ok(End::Stopped)) => Ended::Again("a partition ended".to_owned()),
        Some(Ok(End::Fenced)) => Ended::Fenced,
        Some(Ok(End::Paused(by, reason))) => Ended::Pause(by, reason),
        Some(Ok(End::Plugin(reason))) => Ended::Parked(reason),
        Some(Ok(End::NoRoom(reason))) => Ended::NoRoom(reason),
        Some(Ok(End::Failed(reason))) => Ended::Again(reason),
        Some(Err(panic)) => Ended::Again(format!("a partition panicked: {panic}")),
    }
}

/// The intake ended, which ends the run.
pub(super) fn intake_ended(
    ended: Result<Result<(), InputError>, tokio::task::JoinError>,
    pipeline: &Name,
) -> Ended {
    match ended {
        Ok(Ok(())) => Ended::Again("the intake ended".to_owned()),
        Ok(Err(cause)) => Ended::Parked(cause.with_exit(pipeline)),
        Err(panic) => Ended::Again(format!("the intake panicked: {panic}")),
    }
}
