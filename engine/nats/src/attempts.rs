//! What tries to connect came to: where they went, and why they failed. The client tells only which kind of failure
//! it was; it remembers the cause of each server's last one, and shows that before it tries again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::Server;

/// What was told of the tries of a connection.
pub(crate) struct Attempts {
    account: Option<String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The kind of the last failure; none while there is a connection.
    kind: Option<String>,
    told: String,
}

impl Attempts {
    /// Of the connection of this account; none for the engine's own.
    pub(crate) fn of(account: Option<String>) -> Self {
        Self {
            account,
            seen: Mutex::default(),
        }
    }

    /// A try has failed in this way, or none since there is a connection.
    pub(crate) fn note(&self, kind: Option<String>) {
        self.seen().kind = kind;
    }

    /// Looks at what the last tries came to, and tells of it where it is another reason than before.
    pub(crate) fn look(&self, servers: &[Server]) {
        let mut seen = self.seen();
        let Some(kind) = &seen.kind else {
            seen.told.clear();
            return;
        };
        // Of a name that is not resolved the client remembers nothing but the kind of failure.
        let why = |server: &Server| server.last_error.clone().unwrap_or_else(|| kind.clone());
        let reasons: Vec<String> = servers
            .iter()
            .map(|server| reason(server.addr.host(), server.addr.port(), &why(server)))
            .collect();
        let why = reasons.join("; ");
        if seen.told != why {
            let account = self.account.as_deref();
            tracing::warn!(account, why, "the broker cannot be connected; trying again");
            seen.told = why;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason(host: &str, port: u16, why: &str) -> String {
    // As the client has it, an address of version 6 stands without its brackets.
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    format!("{host}:{port}: {}", why.trim_start_matches("nats: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_the_address_and_the_cause() {
        assert_eq!(
            reason("::1", 4222, "nats: IO error: connection refused"),
            "[::1]:4222: IO error: connection refused"
        );
        assert_eq!(reason("broker", 1, "timed out"), "broker:1: timed out");
    }
}
