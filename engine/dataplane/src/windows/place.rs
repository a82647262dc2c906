//! Where the parts of a window lie.

use tailrace_core::{manifest::WindowManifest, name::Name};

/// What the steps begin with that are windows.
const STEP: &str = "~window.";

/// Where a window's parts lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// A step that no pipeline can name; it owns the wake-ups too.
    pub(crate) step: String,
    /// A checksum of what makes parts what they are: those of another are of no use.
    pub(super) shape: u32,
}

impl Place {
    pub(super) fn of(name: &Name, window: &WindowManifest) -> Self {
        let shape = serde_json::to_vec(&(&window.over, &window.by, &window.aggregate)).unwrap_or_default();
        Self {
            step: format!("{STEP}{name}"),
            shape: crc32fast::hash(&shape),
        }
    }
}
