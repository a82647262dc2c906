//! A count that threads share.

use std::sync::{Arc, atomic::AtomicU64};

/// A number that one thread writes and others read.
pub type Count = Arc<AtomicU64>;
