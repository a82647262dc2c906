//! Dead letters: listed in order, counted, and sent again.

use anyhow::Context as _;
use tailrace_core::{
    event::Header,
    ports::broker::{CommitLog as _, DeadLetters, Output},
};

use super::{OWN, Stand, batch, output, payloads, pipeline, text};

const DEAD: &str = "tr.shop.clicks.dead";
const REDRIVE: &str = "tr.shop.clicks.redrive.2";

fn headers(number: usize) -> Vec<Header> {
    [
        ("Tailrace-Code", "told-so".to_owned()),
        ("X-Number", number.to_string()),
    ]
    .map(|(name, value)| Header {
        name: name.to_owned(),
        value,
    })
    .into()
}

fn letter(number: usize) -> Output {
    Output {
        subject: DEAD.to_owned(),
        headers: headers(number),
        ..output(number)
    }
}

/// Ten dead letters between outputs and records; letter `n` has sequence `3 n + 2`.
async fn stand() -> anyhow::Result<Stand> {
    let stand = Stand::with_own_stream().await?;
    let mut expected = 0;
    for number in 0..10 {
        let mut commit = batch([number], &["r"], expected);
        commit.outputs.push(letter(number));
        expected = stand.broker.commit(&commit).await?;
    }
    Ok(stand)
}

#[tokio::test]
async fn dead_letters_are_listed_in_order_page_by_page() -> anyhow::Result<()> {
    let stand = stand().await?;
    for page in [1, 3, 10, 100] {
        let mut found = Vec::new();
        loop {
            let after = found.last().map_or(0, |(sequence, _)| *sequence);
            let letters = stand.broker.list(&pipeline(), after, page).await?;
            assert!(letters.len() <= page);
            if letters.is_empty() {
                break;
            }
            found.extend(
                letters
                    .iter()
                    .map(|letter| (letter.sequence, text(&letter.payload))),
            );
        }
        let wanted: Vec<_> = (0..10)
            .map(|number| 3 * number + 2)
            .zip(payloads(0..10))
            .collect();
        assert_eq!(found, wanted, "page of {page}");
    }
    assert_eq!(DeadLetters::count(&stand.broker, &pipeline()).await?, 10);
    Ok(())
}

#[tokio::test]
async fn without_dead_letters_there_are_none() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    stand.broker.commit(&batch(0..3, &["r"], 0)).await?;
    assert!(stand.broker.list(&pipeline(), 0, 10).await?.is_empty());
    assert!(stand.broker.get(&pipeline(), 1).await?.is_none());
    assert_eq!(DeadLetters::count(&stand.broker, &pipeline()).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_comes_with_what_was_written_on_it() -> anyhow::Result<()> {
    let stand = stand().await?;
    let found = stand.broker.get(&pipeline(), 8).await?.context("letter 2")?;
    assert_eq!(
        (found.sequence, text(&found.payload), found.headers),
        (8, "o2".into(), headers(2))
    );
    let stream = stand.cluster.jetstream.get_stream(OWN).await?;
    let stored = stream.get_raw_message(8).await?.time.unix_timestamp_nanos() / 1_000_000;
    assert_eq!(i128::from(found.stored_ms), stored);
    // An output, a record, and what is not there yet are no dead letters.
    for other in [0, 7, 9, 31, u64::MAX] {
        assert!(stand.broker.get(&pipeline(), other).await?.is_none(), "{other}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sent_again_bears_the_headers_of_the_letter() -> anyhow::Result<()> {
    let stand = stand().await?;
    let letter = stand.broker.get(&pipeline(), 2).await?.context("letter 0")?;
    // Whoever comes second is told that it was sent before.
    for is_first in [true, false] {
        assert_eq!(stand.broker.redrive(&pipeline(), &letter).await?, is_first);
    }
    let stream = stand.cluster.jetstream.get_stream(OWN).await?;
    let sent = stream.get_last_raw_message_by_subject(REDRIVE).await?;
    for header in headers(0) {
        let value = sent.headers.get(header.name.as_str()).map(ToString::to_string);
        assert_eq!(value, Some(header.value));
    }
    Ok(())
}
