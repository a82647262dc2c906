//! The refusal of a plugin that is not valid.

use tailrace_core::ports::plugins::PluginError;

/// Longest cause that an uploader reads, in characters: parsers quote what they found.
const MAX_CAUSE: usize = 400;

/// A refusal with its cause, cut to a length that can be read.
pub(crate) fn invalid(cause: &str) -> PluginError {
    let cause: String = cause.chars().take(MAX_CAUSE).collect();
    PluginError::Invalid(format!("the plugin is not valid: {cause}"))
}
