//! Why a request could not be met, and whose fault that is.

use std::fmt::Display;

use tailrace_core::{
    codes::ApiCode,
    load::LoadError,
    manifest::{error::ManifestError, mistakes::Refusal},
    observe::watch_permits::Crowded,
    ports::{accounts::AccountError, broker::BrokerError, plugins::PluginError, store::StoreError},
};

/// What a request comes to.
pub type ControlResult<T> = Result<T, ControlError>;

/// A request that was not met. Nothing is half done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// The tenant's: there is no such thing.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// Its name, shortened.
        name: String,
    },
    /// The tenant's: it contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// The tenant's: somebody else changed it since it was looked at.
    #[error("{0} was changed by somebody else meanwhile; look again and repeat")]
    Raced(String),
    /// The tenant's: it was meant for another revision than there is.
    #[error("{0}")]
    Precondition(String),
    /// The tenant's: fields of a pipeline are wrong.
    #[error(transparent)]
    Spec(#[from] Refusal),
    /// The tenant's: another input is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The tenant's: the plugin is refused.
    #[error("{0}")]
    Plugin(PluginError),
    /// The tenant's: it has no right to that.
    #[error("{0}")]
    Forbidden(String),
    /// The tenant's: a quota is used up.
    #[error("{0}")]
    Quota(String),
    /// The tenant's, or its neighbours': all permits for watchers are taken.
    #[error(transparent)]
    Crowded(#[from] Crowded),
    /// The tenant's, or its neighbours': all permits for uploads are taken.
    #[error("{0}")]
    Busy(String),
    /// The broker's.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The operator's: the tenant's NATS account cannot be used.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The broker's: the change was not begun, because it cannot be told to the audit log.
    #[error("nothing was changed, because the audit log cannot be written: {0}")]
    Unaudited(BrokerError),
    /// The operator's: what is registered is in doubt.
    #[error("{0}")]
    RegistryInDoubt(String),
    /// Ours.
    #[error("{0}")]
    Internal(String),
}

impl ControlError {
    /// There is no such thing.
    pub fn not_found(what: &'static str, name: &impl Display) -> Self {
        Self::NotFound {
            what,
            name: name.to_string().chars().take(80).collect(),
        }
    }

    /// Whether the broker has no storage left for what was to be written first.
    pub(crate) fn is_for_want_of_storage(&self) -> bool {
        matches!(self, Self::Broker(cause) | Self::Unaudited(cause) if cause.is_for_want_of_storage())
    }

    /// Stable, for programs.
    pub fn code(&self) -> ApiCode {
        match self {
            Self::NotFound { .. } => ApiCode::NotFound,
            Self::Conflict(_) | Self::Raced(_) => ApiCode::Conflict,
            Self::Precondition(_) => ApiCode::PreconditionFailed,
            Self::Spec(_) => ApiCode::InvalidPipeline,
            Self::Invalid(_) => ApiCode::InvalidRequest,
            Self::Plugin(PluginError::TooCostly(_)) => ApiCode::PluginTooCostly,
            Self::Plugin(_) => ApiCode::InvalidPlugin,
            Self::Forbidden(_) => ApiCode::Forbidden,
            Self::Quota(_) => ApiCode::QuotaExceeded,
            Self::Crowded(_) => ApiCode::TooManyWatchers,
            Self::Busy(_) => ApiCode::TooManyUploads,
            Self::Broker(_) => ApiCode::BrokerUnavailable,
            Self::Account(_) => ApiCode::AccountUnavailable,
            Self::Unaudited(_) => ApiCode::AuditUnavailable,
            Self::RegistryInDoubt(_) => ApiCode::NotReady,
            Self::Internal(_) => ApiCode::Internal,
        }
    }
}

impl From<ManifestError> for ControlError {
    fn from(cause: ManifestError) -> Self {
        Self::Spec(cause.into())
    }
}

impl From<StoreError> for ControlError {
    fn from(cause: StoreError) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl From<PluginError> for ControlError {
    fn from(cause: PluginError) -> Self {
        match cause {
            PluginError::Engine(cause) => Self::Internal(cause),
            cause => Self::Plugin(cause),
        }
    }
}

impl From<LoadError> for ControlError {
    fn from(cause: LoadError) -> Self {
        match cause {
            LoadError::Broker(cause) => cause.into(),
            LoadError::Plugin(cause) => cause.into(),
        }
    }
}
