//! The commit: all of a batch or none of it, behind its fence, and the record read back.

use tailrace_core::ports::broker::{CommitError, CommitLog as _, StoredPart, Streams as _};

use super::{OWN, Stand, batch, output, partition, payloads, pipeline, text};

/// All parts on partition 0's commit subject, read in pages.
async fn records(stand: &Stand, page: usize) -> anyhow::Result<Vec<StoredPart>> {
    let mut found: Vec<StoredPart> = Vec::new();
    loop {
        let position = found.last().map_or(0, |part| part.sequence);
        let parts = stand.broker.after(&partition(0), position, page).await?;
        anyhow::ensure!(parts.len() <= page, "a page of {page} has {}", parts.len());
        if parts.is_empty() {
            return Ok(found);
        }
        found.extend(parts);
    }
}

async fn last(stand: &Stand) -> anyhow::Result<Option<(u64, String)>> {
    let last = stand.broker.last(&partition(0)).await?;
    Ok(last.map(|part| (part.sequence, text(&part.payload))))
}

#[tokio::test]
async fn a_commit_stores_its_outputs_and_its_record() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    assert_eq!(last(&stand).await?, None);
    assert!(stand.broker.after(&partition(0), 0, 10).await?.is_empty());
    assert_eq!(stand.broker.commit(&batch(0..3, &["r1"], 0)).await?, 4);
    assert_eq!(stand.outputs().await?, payloads(0..3));
    assert_eq!(last(&stand).await?, Some((4, "r1".to_owned())));
    Ok(())
}

#[tokio::test]
async fn a_commit_without_outputs_stores_its_record() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    assert_eq!(stand.broker.commit(&batch([], &["r1"], 0)).await?, 1);
    assert_eq!(last(&stand).await?, Some((1, "r1".to_owned())));
    assert!(stand.outputs().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_answer_of_a_commit_is_the_expectation_of_the_next() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut expected = 0;
    for number in 0..20 {
        // Another partition's commits lie between and fence nothing.
        let mut other = batch([], &["other"], 0);
        other.partition = partition(1 + number as u32);
        stand.broker.commit(&other).await?;
        expected = stand
            .broker
            .commit(&batch([number], &["one", "two"], expected))
            .await?;
    }
    assert_eq!(stand.outputs().await?, payloads(0..20));
    assert_eq!(last(&stand).await?, Some((expected, "two".to_owned())));
    Ok(())
}

#[tokio::test]
async fn a_commit_with_a_stale_expectation_leaves_nothing() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let stored = stand.broker.commit(&batch(0..2, &["r1"], 0)).await?;
    let before = stand.broker.stream(OWN).await?;
    for stale in [0, 1, stored - 1, stored + 1, stored + 1_000] {
        for record in [&["zombie"][..], &["zombie", "more", "and more"]] {
            for outputs in [10..15, 10..10] {
                let refused = stand.broker.commit(&batch(outputs, record, stale)).await;
                assert!(
                    matches!(refused, Err(CommitError::Fenced { expected }) if expected == stale),
                    "{stale}: {refused:?}"
                );
            }
        }
    }
    assert_eq!(stand.outputs().await?, payloads(0..2));
    assert_eq!(last(&stand).await?, Some((stored, "r1".to_owned())));
    assert_eq!(stand.broker.stream(OWN).await?, before);
    Ok(())
}

#[tokio::test]
async fn of_commits_with_one_expectation_one_is_stored() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    // Every second publishes nothing, and is no batch of several messages.
    let publishes = |rival: usize| rival.is_multiple_of(2).then_some(rival);
    let rivals: Vec<_> = (0..8).map(|rival| batch(publishes(rival), &["r"], 0)).collect();
    let commits = rivals.iter().map(|rival| stand.broker.commit(rival));
    let mut stored = Vec::new();
    for (rival, outcome) in futures::future::join_all(commits).await.into_iter().enumerate() {
        match outcome {
            Ok(_) => stored.push(rival),
            Err(CommitError::Fenced { expected: 0 }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    assert_eq!(stored.len(), 1);
    assert_eq!(
        stand.outputs().await?,
        payloads(stored.into_iter().filter_map(publishes))
    );
    Ok(())
}

#[tokio::test]
async fn a_record_of_several_parts_reads_back_in_order() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let first = stand.broker.commit(&batch(0..2, &["small"], 0)).await?;
    let large: Vec<String> = (0..5)
        .map(|part| part.to_string().repeat(stand.broker.max_payload() * 3 / 4))
        .collect();
    let parts: Vec<&str> = large.iter().map(String::as_str).collect();
    let second = stand.broker.commit(&batch(2..4, &parts, first)).await?;
    assert_eq!(last(&stand).await?, Some((second, large[4].clone())));
    for page in [1, 2, 100] {
        let found: Vec<String> = records(&stand, page)
            .await?
            .iter()
            .map(|part| text(&part.payload))
            .collect();
        assert!(found[0] == "small" && found[1..] == large[..], "page of {page}");
    }
    let behind = stand.broker.after(&partition(0), first, 100).await?;
    assert_eq!(behind.len(), 5);
    assert_eq!(behind[4].sequence, second);
    assert_eq!(stand.outputs().await?, payloads(0..4));
    Ok(())
}

#[tokio::test]
async fn a_commit_of_950_messages_is_stored_whole() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let first = stand.broker.commit(&batch(0..950, &["r1"], 0)).await?;
    assert_eq!(first, 951);
    let second = stand.broker.commit(&batch(950..1_900, &["r2"], first)).await?;
    assert_eq!(stand.outputs().await?, payloads(0..1_900));
    assert_eq!(last(&stand).await?, Some((second, "r2".to_owned())));
    Ok(())
}

#[tokio::test]
async fn a_commit_that_the_broker_cannot_take_is_refused_whole() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut too_large = batch(0..3, &["r1"], 0);
    too_large.outputs[1].payload = vec![0; stand.broker.max_payload() + 1].into();
    let mut large_record = batch(0..3, &["r1"], 0);
    large_record.record[0] = vec![0; stand.broker.max_payload() + 1].into();
    let too_many = batch(0..1_000, &["r1"], 0);
    let mut nowhere = batch(0..3, &["r1"], 0);
    nowhere.outputs[2].subject = "nobody.listens".to_owned();
    for refused in [too_large, large_record, too_many, nowhere] {
        let outcome = stand.broker.commit(&refused).await;
        let refused = matches!(
            outcome,
            Err(CommitError::Refused { .. } | CommitError::NoRoom { .. } | CommitError::TooLarge { .. })
        );
        assert!(refused, "{outcome:?}");
    }
    assert_eq!(stand.broker.stream(OWN).await?.last_sequence, 0);
    // Nor do they stand in the way of the next.
    stand.broker.commit(&batch(0..3, &["r1"], 0)).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_purged_before_a_sequence_is_that_partition_s_alone() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut expected = 0;
    let mut sequences = Vec::new();
    for number in 0..4 {
        expected = stand.broker.commit(&batch([number], &["r"], expected)).await?;
        sequences.push(expected);
    }
    let mut other = batch([], &["other"], 0);
    other.partition = partition(1);
    stand.broker.commit(&other).await?;
    stand.broker.purge_before(&partition(0), sequences[2]).await?;
    let left: Vec<u64> = records(&stand, 10)
        .await?
        .iter()
        .map(|part| part.sequence)
        .collect();
    assert_eq!(left, sequences[2..]);
    assert!(stand.broker.last(&partition(1)).await?.is_some());
    assert_eq!(stand.outputs().await?, payloads(0..4));
    // The fence still stands where it stood.
    stand.broker.commit(&batch([], &["r"], expected)).await?;
    Ok(())
}

#[tokio::test]
async fn an_output_keeps_its_headers_and_any_payload() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut commit = batch([], &["r"], 0);
    let mut odd = output(0);
    odd.payload = vec![0, 255, 10, 13].into();
    odd.headers = [("X-One", "a: b"), ("X-Two", "Фёдор")]
        .map(|(name, value)| tailrace_core::event::Header {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .into();
    commit.outputs.push(odd.clone());
    stand.broker.commit(&commit).await?;
    let stored = stand
        .cluster
        .jetstream
        .get_stream(OWN)
        .await?
        .get_raw_message(1)
        .await?;
    assert_eq!(stored.payload, odd.payload);
    for header in odd.headers {
        let value = stored.headers.get(header.name.as_str());
        assert_eq!(
            value.map(ToString::to_string),
            Some(header.value),
            "{}",
            header.name
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_books_have_each_partition_s_last_record_at_one_moment() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let empty = stand.broker.books(&pipeline()).await?;
    assert_eq!((empty.stored, empty.redriven, empty.records.len()), (0, 0, 0));
    let mut sequences = Vec::new();
    for number in [0, 1, 7, 11] {
        let mut commit = batch(0..2, &["old"], 0);
        commit.partition = partition(number);
        commit.expected = stand.broker.commit(&commit).await?;
        commit.record = vec!["first part".into(), format!("of {number}").into()];
        sequences.push((stand.broker.commit(&commit).await?, format!("of {number}")));
    }
    stand
        .cluster
        .publish("tr.shop.clicks.redrive", ["again", "and again"])
        .await?;
    let books = stand.broker.books(&pipeline()).await?;
    let mut records: Vec<_> = books
        .records
        .iter()
        .map(|part| (part.sequence, text(&part.payload)))
        .collect();
    records.sort_unstable();
    assert_eq!(records, sequences);
    assert_eq!((books.stored, books.redriven), (sequences[3].0 + 2, 2));
    Ok(())
}

#[tokio::test]
async fn records_come_from_the_leader_where_direct_gets_go_unanswered() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut expected = 0;
    for record in ["one", "two", "three"] {
        expected = stand.broker.commit(&batch([1], &[record], expected)).await?;
    }
    let records = |parts: Vec<StoredPart>| parts.iter().map(|part| text(&part.payload)).collect::<Vec<_>>();
    // A copy on a node that is cut off: it is asked, and says nothing.
    let mut config = stand
        .cluster
        .jetstream
        .get_stream(OWN)
        .await?
        .cached_info()
        .config
        .clone();
    config.allow_direct = false;
    stand.cluster.jetstream.update_stream(config).await?;
    let direct = format!("$JS.API.DIRECT.GET.{OWN}");
    let _silent = stand.cluster.client.subscribe(direct).await?;
    stand.cluster.client.flush().await?;
    assert_eq!(
        records(stand.broker.after(&partition(0), 0, 2).await?),
        ["one", "two"]
    );
    let last = stand.broker.after(&partition(0), expected - 1, 10).await?;
    assert_eq!(records(last), ["three"]);
    assert!(stand.broker.after(&partition(0), expected, 10).await?.is_empty());
    Ok(())
}
