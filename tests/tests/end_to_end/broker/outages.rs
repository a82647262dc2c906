//! Commits of one writer over deaths of the server: whatever it says or leaves unsaid, the commit
//! subject's last message tells what is stored, and nothing is doubled or lost.

use std::time::Duration;

use tailrace_core::ports::broker::{CommitError, CommitLog as _, Streams as _};
use tailrace_nats::NatsBroker;
use tailrace_tests::cluster::{Cluster, eventually};
use tokio::sync::watch;

use super::{OUTPUTS, OWN, batch, connect, own, partition, payloads, text};

/// Outputs of one commit.
const OUTPUTS_EACH: usize = 5;
/// Short, so that an outage is noticed soon; a late answer only costs a question.
const TIMEOUT: Duration = Duration::from_millis(500);

/// What the writer shows of itself.
#[derive(Clone, Copy, Default)]
struct Progress {
    stored: usize,
    failed: usize,
}

/// Commits `total` times, as the engine does: after an error it asks the commit subject.
async fn write(broker: &NatsBroker, total: usize, progress: &watch::Sender<Progress>) -> anyhow::Result<()> {
    let mut expected = 0;
    for number in 0..total {
        let record = format!("r{number}");
        let outputs = number * OUTPUTS_EACH..(number + 1) * OUTPUTS_EACH;
        let commit = batch(outputs, &[record.as_str()], expected);
        expected = loop {
            let Err(cause) = broker.commit(&commit).await.map(|sequence| expected = sequence) else {
                break expected;
            };
            progress.send_modify(|so_far| so_far.failed += 1);
            if let Some(sequence) = judge(broker, &cause, &record, expected).await? {
                break sequence;
            }
        };
        progress.send_modify(|so_far| so_far.stored += 1);
    }
    Ok(())
}

/// The sequence of the record, if it is stored after all.
async fn judge(
    broker: &NatsBroker,
    cause: &CommitError,
    record: &str,
    expected: u64,
) -> anyhow::Result<Option<u64>> {
    let last = loop {
        match broker.last(&partition(0)).await {
            Ok(last) => break last,
            // The pause only spares the processor; what is waited for is the server.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    match last {
        Some(part) if text(&part.payload) == record => Ok(Some(part.sequence)),
        last => {
            anyhow::ensure!(
                last.map_or(0, |part| part.sequence) == expected,
                "somebody else's commit"
            );
            anyhow::ensure!(
                !matches!(cause, CommitError::Fenced { .. }),
                "fenced, but nobody committed"
            );
            Ok(None)
        }
    }
}

/// Kills the server twice while the writer commits: at `first` commits, and again later.
async fn trouble(cluster: &mut Cluster, progress: &watch::Receiver<Progress>) -> anyhow::Result<()> {
    for kill_at in [40, 90] {
        let so_far = || *progress.borrow();
        eventually("commits are stored", || async { so_far().stored >= kill_at }).await?;
        let failed = so_far().failed;
        cluster.kill();
        eventually("a commit fails", || async { so_far().failed > failed }).await?;
        cluster.restart().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn over_deaths_of_the_server_every_commit_is_stored_once() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let broker = connect(&cluster.url(), TIMEOUT).await?;
    broker.create_own(&own()).await?;
    let (sender, progress) = watch::channel(Progress::default());
    let total = 150;
    tokio::try_join!(write(&broker, total, &sender), trouble(&mut cluster, &progress))?;
    let outputs = cluster.read(OWN, OUTPUTS).await?;
    let found: Vec<String> = outputs.iter().map(|(_, payload)| text(payload)).collect();
    assert_eq!(found, payloads(0..total * OUTPUTS_EACH));
    let records = cluster.read(OWN, "tr.shop.clicks.commit.0").await?;
    let found: Vec<String> = records.iter().map(|(_, payload)| text(payload)).collect();
    let wanted: Vec<String> = (0..total).map(|number| format!("r{number}")).collect();
    assert_eq!(found, wanted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_nothing_is_claimed_of_a_commit() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let broker = connect(&cluster.url(), TIMEOUT).await?;
    broker.create_own(&own()).await?;
    let stored = broker.commit(&batch(0..2, &["r1"], 0)).await?;
    cluster.kill();
    let away = broker.commit(&batch(2..4, &["r2"], stored)).await;
    assert!(
        matches!(away, Err(CommitError::Unknown(_) | CommitError::Refused { .. })),
        "{away:?}"
    );
    assert!(broker.last(&partition(0)).await.is_err());
    eventually("the loss of the connection is known", || async {
        !broker.is_connected()
    })
    .await?;
    cluster.restart().await?;
    eventually("the connection is back", || async {
        broker.is_connected() && broker.last(&partition(0)).await.is_ok()
    })
    .await?;
    let found = cluster.read(OWN, ">").await?;
    let found: Vec<String> = found.iter().map(|(_, payload)| text(payload)).collect();
    // Whole or not at all, whichever it was.
    let without = ["o0", "o1", "r1"];
    let with = ["o0", "o1", "r1", "o2", "o3", "r2"];
    assert!(found == without || found == with, "{found:?}");
    Ok(())
}
