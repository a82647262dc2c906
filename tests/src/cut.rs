//! Requests whose client goes away: the connection is closed whatever has come by then.

use std::time::Duration;

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{cluster::PATIENCE, engine::Engine};

/// A request that was sent. When it is dropped, its connection is closed.
pub struct OpenRequest {
    connection: TcpStream,
}

impl OpenRequest {
    /// Sends a request whole, and reads nothing yet.
    pub async fn send(
        engine: &Engine,
        (method, path): (&str, &str),
        token: &str,
        body: &[u8],
    ) -> anyhow::Result<Self> {
        let address = engine.url().trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(body).await?;
        Ok(Self { connection })
    }

    /// Waits for the answer, and gives its status.
    pub async fn status(mut self) -> anyhow::Result<u16> {
        let mut answer = String::new();
        let mut piece = [0; 512];
        while !answer.contains("\r\n") {
            let read = self.connection.read(&mut piece).await?;
            anyhow::ensure!(read > 0, "the connection was closed without an answer");
            answer += &String::from_utf8_lossy(&piece[..read]);
        }
        let status = answer.split(' ').nth(1).context("no status")?;
        Ok(status.parse()?)
    }

    /// Reads what comes until the other side closes the connection, and gives all of it.
    pub async fn to_the_end(mut self) -> anyhow::Result<String> {
        let mut answer = Vec::new();
        let reading = self.connection.read_to_end(&mut answer);
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.context("the connection stays open")??;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Closes the connection after so long; gives the status of the answer if that came first.
    pub async fn cut_after(self, patience: Duration) -> Option<u16> {
        tokio::time::timeout(patience, self.status()).await.ok()?.ok()
    }
}
