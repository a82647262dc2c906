//! Free ports below those that the kernel gives to outgoing connections (32768 and above on Linux), so
//! that a server which is restarted on its port finds it free, and no client that waits for it connects
//! to itself.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Ports that are tried.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;
/// Of this process, the next one to try.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on. Two processes begin at different places.
pub fn free() -> anyhow::Result<u16> {
    let start = (std::process::id() % 100) as u16 * (COUNT / 100);
    for _ in 0..COUNT {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + offset) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port is free between {FIRST} and {}", FIRST + COUNT - 1)
}
