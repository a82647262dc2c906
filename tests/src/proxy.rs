//! A TCP proxy of our own between the engine and the broker. By command it cuts all connections,
//! refuses new ones, delays each chunk, or stalls: connections stay open and nothing passes.

use std::time::Duration;

use tailrace_core::tasks;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::ports;

/// A chunk: what is delayed as one.
const CHUNK_BYTES: usize = 16 * 1024;

/// What the connections are told.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    /// Connections made before this many cuts are ended.
    cuts: u64,
    refusing: bool,
    stalled: bool,
    delay: Duration,
}

/// A proxy at work; it ends with its guard.
pub struct Proxy {
    address: String,
    orders: watch::Sender<Orders>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Proxy {
    /// Between a port of its own and this address.
    pub fn start(target: String) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", ports::free()?);
        let (orders, told) = watch::channel(Orders::default());
        let task = tasks::spawn(listen(address.clone(), target, told));
        Ok(Self {
            address,
            orders,
            task,
        })
    }

    /// What to connect to.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Ends every connection; new ones are welcome.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Ends every connection and refuses new ones, or welcomes them again.
    pub fn refuse(&self, refusing: bool) {
        self.orders.send_modify(|orders| {
            orders.cuts += 1;
            orders.refusing = refusing;
        });
    }

    /// Holds each chunk back for so long, both ways.
    pub fn delay(&self, delay: Duration) {
        self.orders.send_modify(|orders| orders.delay = delay);
    }

    /// Lets nothing pass, or all again; connections stay open.
    pub fn stall(&self, stalled: bool) {
        self.orders.send_modify(|orders| orders.stalled = stalled);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(address: String, target: String, mut told: watch::Receiver<Orders>) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        told.wait_for(|orders| !orders.refusing).await?;
        // Without a listener the kernel refuses, as it does when nobody is there.
        let listener = TcpListener::bind(&address).await?;
        let mut refusing = told.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (client, _) = accepted?;
                    connections.spawn(connection(client, target.clone(), told.clone()));
                }
                refused = refusing.wait_for(|orders| orders.refusing) => {
                    refused?;
                    break;
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Both ways until either ends or the connection is cut.
async fn connection(client: TcpStream, target: String, mut told: watch::Receiver<Orders>) {
    let Ok(server) = TcpStream::connect(&target).await else {
        return;
    };
    let made_at = told.borrow().cuts;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = forward(from_client, to_server, told.clone()) => {}
        _ = forward(from_server, to_client, told.clone()) => {}
        _ = told.wait_for(|orders| orders.cuts != made_at) => {}
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut told: watch::Receiver<Orders>,
) -> anyhow::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        let delay = told.wait_for(|orders| !orders.stalled).await?.delay;
        tokio::time::sleep(delay).await;
        to.write_all(&chunk[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tasks::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tasks::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Ok(address)
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        loop {
            match TcpStream::connect(&proxy.address).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    #[tokio::test]
    async fn what_is_sent_comes_back_until_the_connection_is_cut() -> anyhow::Result<()> {
        let proxy = Proxy::start(echo().await?)?;
        let mut stream = connect(&proxy).await;
        stream.write_all(b"water").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"water");
        proxy.cut();
        assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
        let mut again = connect(&proxy).await;
        again.write_all(b"again").await?;
        again.read_exact(&mut answer).await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_stalled_connection_stays_open_and_delivers_later() -> anyhow::Result<()> {
        let proxy = Proxy::start(echo().await?)?;
        let mut stream = connect(&proxy).await;
        proxy.stall(true);
        stream.write_all(b"later").await?;
        let mut answer = [0; 5];
        let waiting = tokio::time::timeout(Duration::from_millis(50), stream.read_exact(&mut answer));
        assert!(waiting.await.is_err());
        proxy.stall(false);
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"later");
        Ok(())
    }

    #[tokio::test]
    async fn a_refusing_proxy_has_no_listener() -> anyhow::Result<()> {
        let proxy = Proxy::start(echo().await?)?;
        drop(connect(&proxy).await);
        proxy.refuse(true);
        while TcpStream::connect(&proxy.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        proxy.refuse(false);
        drop(connect(&proxy).await);
        Ok(())
    }
}
