//! Faults of the connection alone, by a proxy that loses bytes: an answer that never comes, a batch
//! that ends in the middle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tailrace_core::{
    ports::broker::{CommitError, CommitLog as _, Streams as _},
    tasks,
};
use tailrace_nats::NatsBroker;
use tailrace_tests::cluster::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use super::{Stand, batch, connect, partition, payloads, text};

/// What the proxy does to all of its connections.
struct Faults {
    /// Whatever the server says is lost.
    deaf: AtomicBool,
    /// Bytes that the server still hears; then the connection breaks.
    budget_bytes: AtomicI64,
    cut: Notify,
}

/// Between the adapter and the server.
struct Proxy {
    url: String,
    faults: Arc<Faults>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn before(stand: &Stand) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let server = stand.cluster.url().trim_start_matches("nats://").to_owned();
        let faults = Arc::new(Faults {
            deaf: AtomicBool::new(false),
            budget_bytes: AtomicI64::new(i64::MAX),
            cut: Notify::new(),
        });
        let shared = Arc::clone(&faults);
        let task = tasks::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    connections.spawn(carry(client, server, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { url, faults, task })
    }

    async fn broker(&self) -> anyhow::Result<NatsBroker> {
        let broker = connect(&self.url, Duration::from_secs(2)).await?;
        eventually("the broker is connected", || async { broker.is_connected() }).await?;
        Ok(broker)
    }

    fn set_deaf(&self, deaf: bool) {
        self.faults.deaf.store(deaf, Ordering::SeqCst);
    }

    /// Breaks the connections that there are; new ones are whole.
    fn heal(&self) {
        self.faults.budget_bytes.store(i64::MAX, Ordering::SeqCst);
        self.set_deaf(false);
        self.faults.cut.notify_waiters();
    }
}

/// Carries one connection until either side or the proxy ends it.
async fn carry(client: TcpStream, server: TcpStream, faults: Arc<Faults>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = up(from_client, to_server, &faults) => {}
        _ = down(from_server, to_client, &faults) => {}
        () = faults.cut.notified() => {}
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, faults: &Faults) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        let left = faults.budget_bytes.load(Ordering::SeqCst);
        let passed = usize::try_from(left).unwrap_or(0).min(read);
        to.write_all(&buffer[..passed]).await?;
        if read == 0 || passed < read {
            return Ok(());
        }
        faults.budget_bytes.fetch_sub(passed as i64, Ordering::SeqCst);
    }
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, faults: &Faults) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if !faults.deaf.load(Ordering::SeqCst) {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_by_its_record() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let proxy = Proxy::before(&stand).await?;
    let broker = proxy.broker().await?;
    let stored = broker.commit(&batch(0..2, &["r1"], 0)).await?;
    proxy.set_deaf(true);
    let commit = batch(2..4, &["r2"], stored);
    let unanswered = broker.commit(&commit).await;
    assert!(
        matches!(unanswered, Err(CommitError::Unknown(_))),
        "{unanswered:?}"
    );
    proxy.heal();
    eventually("the connection is back", || async {
        broker.last(&partition(0)).await.is_ok()
    })
    .await?;
    let last = broker.last(&partition(0)).await?;
    assert_eq!(last.map(|part| text(&part.payload)), Some("r2".to_owned()));
    let again = broker.commit(&commit).await;
    assert!(matches!(again, Err(CommitError::Fenced { .. })), "{again:?}");
    assert_eq!(stand.outputs().await?, payloads(0..4));
    Ok(())
}

#[tokio::test]
async fn a_commit_that_is_cut_off_leaves_nothing_and_can_be_sent_again() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let proxy = Proxy::before(&stand).await?;
    let broker = proxy.broker().await?;
    let commit = batch(0..500, &["r1"], 0);
    // A message of this batch takes some 150 bytes on the wire.
    for budget_bytes in [1, 5_000, 20_000, 40_000] {
        proxy.faults.budget_bytes.store(budget_bytes, Ordering::SeqCst);
        let cut = broker.commit(&commit).await;
        assert!(
            matches!(cut, Err(CommitError::Unknown(_) | CommitError::Refused { .. })),
            "{cut:?}"
        );
        proxy.heal();
        eventually("the connection is back", || async {
            broker.last(&partition(0)).await.is_ok()
        })
        .await?;
        assert!(broker.last(&partition(0)).await?.is_none());
        assert!(stand.outputs().await?.is_empty());
    }
    broker.commit(&commit).await?;
    assert_eq!(stand.outputs().await?, payloads(0..500));
    Ok(())
}
