//! Whether the registry that this engine sees is the one that what it owns was made under. A registry that is lost
//! says of everything that it is gone, and that is not so: while it is in doubt, nothing is removed by it and nothing
//! is changed.
//!
//! Why: docs/decisions/0173-a-lost-registry-is-no-empty-one.md

/// Marks, as the deletion of a key that nothing bears, that an operator accepts the loss of the registry before this
/// one. Every engine, an earlier one too, reads over it.
pub const LOSS_ACCEPTED: &str = "registry.loss-accepted";

/// What a registry is to what this engine owns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RegistryStanding {
    /// The one that all of it was made under.
    #[default]
    Whole,
    /// It is gone from the broker. What is known of it is from before.
    Missing(String),
    /// It was made after things that it does not know.
    Newer(String),
    /// It is older than, or another one than, the one that this engine has followed.
    Replaced,
    /// Entries of it are gone, and no order to delete them is in the bucket.
    Vanished(String),
}

impl RegistryStanding {
    /// Whether it is to be believed that what is not in it is gone.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// What is wrong, and the way out; none where it is whole.
    pub fn trouble(&self) -> Option<String> {
        let (what, out) = match self {
            Self::Whole => return None,
            Self::Missing(left) => (
                format!(
                    "the registry is gone from the broker (bucket tailrace_registry), and there is {left}"
                ),
                "restore the bucket from a backup",
            ),
            Self::Newer(left) => (
                format!("the registry is newer than what it should know of: there is {left}"),
                "delete bucket tailrace_registry, restore it from a backup, and restart the engine",
            ),
            Self::Replaced => (
                "the registry is older than, or another one than, the one that this engine has followed"
                    .to_owned(),
                "if it was restored from a backup, restart the engine",
            ),
            Self::Vanished(keys) => (
                format!(
                    "entries are gone from the registry (bucket tailrace_registry) that nobody has deleted over the API: {keys}"
                ),
                "put them back from a backup, or, if the registry was restored from an older one, restart the engine",
            ),
        };
        Some(format!(
            "{what}; nothing is removed and nothing can be changed; {out}; or, to give up all that it does not know: tailrace doctor --fix --accept-registry-loss"
        ))
    }
}
