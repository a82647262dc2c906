//! File descriptors. Systems start a process with 1,024 of them, whatever more it may have, and each connection
//! and each file of the store takes one; so the engine asks for what it may have, up to a bound.

use rustix::process::{Resource, getrlimit, setrlimit};

/// As many as it can use: connections of the API, files of the store, pipes of compilers, many times over.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as the system lets it and the engine has a use for it; says so in the log.
pub fn raise() {
    let before = getrlimit(Resource::Nofile);
    let most = before.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    let Some(current) = before.current.filter(|current| *current < most) else {
        return;
    };
    let mut wanted = before;
    wanted.current = Some(most);
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => tracing::info!(
            from = current,
            to = most,
            "file descriptors: the soft limit was raised"
        ),
        Err(cause) => tracing::warn!(%cause, limit = current, "file descriptors: the soft limit stays"),
    }
}
