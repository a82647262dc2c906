//! What the broker takes at most in a message, asked of it anew.
//!
//! A server tells its `max_payload` when a client connects, and it may get another one while the client stays. Of a
//! lower one a client hears when it sends too much: that ends the connection. Of a higher one it never hears. So the
//! server is asked on a connection of a moment: its first word is its INFO, before anybody logs in. Where that says
//! another limit than the client has, the client connects again, since it checks what it sends by its own.
//!
//! Why: docs/decisions/0175-the-limit-of-messages-is-asked-again.md

use std::time::Duration;

use async_nats::ServerInfo;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{address::Addresses, connect::NatsBroker};

/// Who asks again within this time is given the same answer: one question is enough for all pipelines.
const FRESH: Duration = Duration::from_secs(1);
/// A server that cannot be asked is left alone for so long: nobody is to wait for it again and again.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// Longest that a server may take for its first word.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Longest that the client may take to connect again.
const RECONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// The longest INFO that is read.
const MOST_INFO: u64 = 64 * 1024;

impl NatsBroker {
    /// The limit that the client knows. Before the first connection it is the server's default.
    pub(crate) fn known_limit(&self) -> usize {
        match self.client().max_payload() {
            0 => 1024 * 1024,
            bytes => bytes,
        }
    }

    /// The limit that the server has now. Where it does not say, the one that is known.
    pub(crate) async fn asked_limit(&self) -> usize {
        let mut next = self.limit_due.lock().await;
        let is_due = next.is_none_or(|next| Instant::now() >= next);
        if is_due && self.connected() {
            let told = self.told_limit().await;
            if let Some(told) = told {
                self.take_limit(told).await;
            }
            *next = Some(Instant::now() + told.map_or(LEFT_ALONE, |_| FRESH));
        }
        self.known_limit()
    }

    /// What the server says to which the client is connected; others may have another limit.
    async fn told_limit(&self) -> Option<usize> {
        let known = self.client().try_server_info()?;
        let configured = Addresses::read(&self.options.url).ok()?.servers;
        let configured = configured
            .iter()
            .map(|server| (server.host().to_owned(), server.port()));
        let others = known.connect_urls.iter().filter_map(|url| {
            let (host, port) = url.rsplit_once(':')?;
            Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
        });
        for address in configured.chain(others) {
            let first_word = timeout(ANSWERS_WITHIN, first_word(&address)).await;
            if let Ok(Some(info)) = first_word
                && info.server_id == known.server_id
            {
                return Some(info.max_payload);
            }
        }
        None
    }

    async fn take_limit(&self, told: usize) {
        let known = self.client().max_payload();
        if told == known || told == 0 {
            return;
        }
        tracing::info!(
            known,
            told,
            "the broker's max_payload is another one; connecting again to use it"
        );
        if self.client().force_reconnect().await.is_err() {
            return;
        }
        let reconnected = async {
            while self.client().max_payload() == known {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(RECONNECTS_WITHIN, reconnected).await;
    }
}

async fn first_word((host, port): &(String, u16)) -> Option<ServerInfo> {
    let connection = TcpStream::connect((host.as_str(), *port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(connection.take(MOST_INFO))
        .read_line(&mut line)
        .await
        .ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?.trim_end()).ok()
}
