//! From the snapshots and the commits of another pipeline to the partitions of this one.
//!
//! A partition that has all up to a record goes on behind it, as long as the stream still has what follows. Otherwise
//! all partitions of this engine load anew: pieces of the snapshots under a tag of the load, and behind them the
//! records.
//!
//! Records that are read again lead to the same rows, for each says what the keys are then. So one sequence is enough for
//! all partitions of the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::atomic::Ordering,
};

use bytes::Bytes;
use tailrace_core::{
    identity::{PipelineId, partition_of},
    manifest::TableManifest,
    ports::broker::{Incoming, StreamFacts},
    subject,
    table::{Load, Reading, tag_of_load},
};

use crate::tables::{
    feed::{RowMark, TableFeed, TableReader},
    plan::RowChange,
    upstream::{
        kept::UpstreamPart,
        load::{FirstRecord, Loaded, Owners, UpstreamSource},
        records::{Changes, UpstreamRecords},
    },
};

/// Rows of a piece of a load: what a partition takes into a batch at once.
const PIECE: usize = 256;
/// Bytes at which a piece is cut.
const PIECE_BYTES: usize = 256 * 1024;

impl TableFeed {
    /// Opens a subscription to the records behind what all partitions have; loads first, where one of them has not all
    /// that is before.
    pub(in crate::tables) async fn open_upstream(&self, facts: &StreamFacts) -> Result<TableReader, String> {
        let table = &self.table().manifest;
        let Some((pipeline, what)) = table.upstream() else {
            return Err(format!("table {} is of no pipeline", self.name));
        };
        let tenant = self.feeds.plan.pipeline.tenant.clone();
        let pipeline = pipeline.clone();
        let source = UpstreamSource {
            world: &self.feeds.world,
            pipeline: PipelineId { tenant, pipeline },
            life: facts.life,
        };
        let subjects = vec![subject::commit_pattern(&source.pipeline)];
        if !facts.is_engines {
            return Err(self.unread("no engine made the stream of that name"));
        }
        let kept = UpstreamPart::of(what);
        let held = self.held().clone();
        let least = held.values().map(|reading| reading.sequence).min();
        let least = least.unwrap_or(0);
        // Asked for before it is seen whether any was deleted: so it is known of one that is deleted afterwards.
        let nexts = source.nexts(least).await.map_err(|why| self.unread(&why))?;
        let firsts = source.firsts().await.map_err(|why| self.unread(&why))?;
        let goes_on = held
            .values()
            .all(|reading| leads_on(reading, table, facts, &firsts));
        let (marks, behind, read) = if goes_on {
            let marks = held.iter().map(|(number, reading)| {
                let Reading { tag, load, .. } = *reading;
                (*number, RowMark { tag, load })
            });
            (marks.collect(), nexts, least)
        } else {
            let owners = (!self.table().is_everywhere()).then(|| self.owners());
            let loaded = source.load(&firsts, &kept, owners).await;
            let loaded = loaded.map_err(|why| self.unread(&why))?;
            let least = loaded.behind.values().map(|behind| behind.sequence).min();
            let least = least.unwrap_or(0);
            let mark = self.give_load(facts, &loaded, least).await;
            let marks = held.keys().map(|number| (*number, mark));
            (marks.collect(), loaded.behind, least)
        };
        let (subscription, watch) = self.subscribe(facts, subjects, read).await?;
        Ok(TableReader {
            subscription,
            watch,
            marks,
            read,
            end: facts.last_sequence,
            told: BTreeMap::new(),
            records: Some(UpstreamRecords::new(kept, behind)),
        })
    }

    fn unread(&self, why: &str) -> String {
        let what = self.table().upstream_in_words().unwrap_or_default();
        format!("table {}, {what}, cannot be read: {why}", self.name)
    }

    fn owners(&self) -> Owners {
        Owners {
            partitions: self.feeds.partitions.keys().copied().collect::<BTreeSet<_>>(),
            of: self.feeds.plan.manifest.partitions,
        }
    }

    /// Gives all rows of a load to those who hold them, and says then that it is complete. Gives the mark of its rows.
    async fn give_load(&self, facts: &StreamFacts, loaded: &Loaded, sequence: u64) -> RowMark {
        let table = &self.table().manifest;
        let id = self.feeds.world.random.next_u64();
        let mark = |is_under_way| {
            let load = Load { id, is_under_way };
            RowMark {
                tag: tag_of_load(table, &facts.name, &facts.created, load),
                load: Some(load),
            }
        };
        let rows = loaded.rows.len();
        tracing::info!(table = %self.name, rows, "the table is loaded from snapshots");
        for number in self.feeds.partitions.keys() {
            let own = loaded.rows.iter().filter(|(key, _)| self.holds(*number, key));
            for (index, piece) in pieces(own).into_iter().enumerate() {
                let change = vec![(index as u64 + 1, RowChange::Several(piece))];
                self.send(mark(true), *number, change).await;
            }
            let end = vec![(sequence, RowChange::Nothing)];
            self.send(mark(false), *number, end).await;
        }
        mark(false)
    }

    fn holds(&self, number: u32, key: &str) -> bool {
        self.table().is_everywhere() || partition_of(key, self.feeds.plan.manifest.partitions) == number
    }

    /// Gives what commits have changed to those who hold it. Breaks where they do not follow each other; then all is
    /// loaded anew.
    pub(in crate::tables) async fn give_commits(
        &self,
        reader: &mut TableReader,
        batch: Vec<Incoming>,
    ) -> ControlFlow<Result<(), String>> {
        let mut sorted: BTreeMap<u32, Vec<(u64, RowChange)>> = BTreeMap::new();
        let mut broken = None;
        for message in &batch {
            let Some(records) = &mut reader.records else { break };
            match records.push(message) {
                Ok(changes) => self.sort(message.sequence, &changes.unwrap_or_default(), &mut sorted),
                Err(cause) => {
                    broken = Some((cause, message.sequence));
                    break;
                }
            }
            if records.is_whole() {
                self.have_read(reader, message.sequence);
            }
        }
        for (number, rows) in sorted {
            self.hand_over(reader, number, rows).await;
        }
        let Some((cause, sequence)) = broken else {
            reader.subscription.acknowledge(reader.read).await;
            return ControlFlow::Continue(());
        };
        for held in self.held().values_mut() {
            *held = Reading::default();
        }
        let why = self.unread(&cause.to_string());
        tracing::warn!(table = %self.name, why, "the table is loaded anew");
        // If it breaks there again, a load does not help, and somebody must hear of it.
        let is_again = self.broken_at.swap(sequence, Ordering::Relaxed) == sequence;
        ControlFlow::Break(if is_again { Err(why) } else { Ok(()) })
    }

    fn sort(&self, sequence: u64, changes: &Changes, sorted: &mut BTreeMap<u32, Vec<(u64, RowChange)>>) {
        if changes.is_empty() {
            return;
        }
        for number in self.feeds.partitions.keys() {
            let own = changes.iter().filter(|(key, _)| self.holds(*number, key));
            let own: Changes = own.cloned().collect();
            if !own.is_empty() {
                let rows = sorted.entry(*number).or_default();
                rows.push((sequence, RowChange::Several(own)));
            }
        }
    }
}

/// Whether a partition has all that is before its sequence, and the stream has all that is behind.
fn leads_on(
    reading: &Reading,
    table: &TableManifest,
    facts: &StreamFacts,
    firsts: &BTreeMap<u32, FirstRecord>,
) -> bool {
    let Some(load) = reading.load.filter(|load| !load.is_under_way) else {
        return false;
    };
    let is_gone = |first: &FirstRecord| first.is_behind_others() && first.sequence > reading.sequence;
    reading.tag == tag_of_load(table, &facts.name, &facts.created, load)
        && reading.sequence <= facts.last_sequence
        && !firsts.values().any(is_gone)
}

/// Cuts rows into pieces.
fn pieces<'a>(rows: impl Iterator<Item = &'a (String, Bytes)>) -> Vec<Changes> {
    let mut pieces: Vec<Changes> = Vec::new();
    let mut bytes = PIECE_BYTES;
    for (key, payload) in rows {
        bytes += key.len() + payload.len();
        let is_full = pieces.last().is_none_or(|piece| piece.len() == PIECE);
        if is_full || bytes > PIECE_BYTES {
            pieces.push(Vec::new());
            bytes = key.len() + payload.len();
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push((key.clone(), Some(payload.clone())));
        }
    }
    pieces
}
