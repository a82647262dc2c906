//! What is wrong with a manifest, and where.

/// What is wrong with a manifest, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ManifestError {
    /// Path of the field, such as `steps[0].plugin`; `.` for the whole.
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl ManifestError {
    /// An error at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}
