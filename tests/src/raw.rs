//! Messages that no client would send.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::cluster::Cluster;

/// Publishes as no client would, each message with its subject, its block of headers and a payload.
pub async fn publish_raw(cluster: &Cluster, messages: &[(&[u8], &[u8], &str)]) -> anyhow::Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(cluster.address()).await?);
    let mut sent = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_vec();
    for (subject, headers, payload) in messages {
        let total = headers.len() + payload.len();
        let sizes = format!(" {} {total}\r\n", headers.len());
        sent.extend(
            [
                b"HPUB ",
                *subject,
                sizes.as_bytes(),
                *headers,
                payload.as_bytes(),
                b"\r\n",
            ]
            .concat(),
        );
    }
    sent.extend(b"PING\r\n");
    connection.get_mut().write_all(&sent).await?;
    let mut line = String::new();
    // Its first line tells what the server is.
    while line != "PONG\r\n" {
        line.clear();
        anyhow::ensure!(connection.read_line(&mut line).await? > 0, "the server hung up");
        anyhow::ensure!(!line.starts_with("-ERR"), "{line}");
    }
    Ok(())
}
