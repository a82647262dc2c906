//! Whether the broker writes to its disk before it answers. A client connection cannot tell; the
//! monitoring port can.

use std::time::Duration;

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::connect::NatsBroker;

/// Longest wait for the monitoring port, and most bytes of its answer.
const PATIENCE: Duration = Duration::from_secs(3);
const MAX_ANSWER: u64 = 1 << 20;

/// How the broker syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncPolicy {
    /// Before every answer: what is accepted survives a power loss.
    Always,
    /// Every so often: a power loss takes what came since.
    Lazy,
    /// Not known: no monitoring address is configured, or it does not answer.
    Unknown,
}

#[derive(Deserialize)]
struct Jsz {
    config: JszConfig,
}

#[derive(Deserialize)]
struct JszConfig {
    #[serde(default)]
    sync_always: bool,
}

impl NatsBroker {
    /// Asks the monitoring port.
    pub(crate) async fn sync_policy(&self) -> SyncPolicy {
        let Some(url) = &self.options.monitor_url else {
            return SyncPolicy::Unknown;
        };
        let asked = tokio::time::timeout(PATIENCE, ask(url)).await;
        match asked {
            Ok(Some(Jsz { config })) if config.sync_always => SyncPolicy::Always,
            Ok(Some(_)) => SyncPolicy::Lazy,
            _ => SyncPolicy::Unknown,
        }
    }
}

/// One plain request: the port speaks nothing else, and a client library would be too large for it.
async fn ask(url: &str) -> Option<Jsz> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = TcpStream::connect(address).await.ok()?;
    let request = format!("GET /jsz?config=true HTTP/1.0\r\nHost: {address}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    connection.take(MAX_ANSWER).read_to_end(&mut answer).await.ok()?;
    let text = String::from_utf8(answer).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}
