//! Records of a partition are done again, from the first one or from a snapshot in between, and held against what was
//! committed: heads, bodies and outputs, to the byte.

use std::collections::BTreeMap;

use tailrace_core::{
    delta::Delta,
    event::Header,
    identity::PartitionId,
    manifest::PipelineManifest,
    order_log::{CallEnd, Fate, OrderLog, Step},
    ports::{
        broker::{Incoming, Output},
        store::{Applied, LocalStore as _},
    },
    record::{self, Assembler, Head, Record},
};
use tailrace_dataplane::replay::{Replay, sources::Sources};
use tailrace_sketch::TenantSeed;
use tailrace_testing::store::{Content, MemoryStore};

/// Records here are of one part.
const MAX_PART_BYTES: usize = 1 << 30;

/// A commit as it was stored.
#[derive(Debug, Clone)]
pub struct Committed {
    pub record: Record,
    /// Of its last part.
    pub sequence: u64,
    pub outputs: Vec<Published>,
}

/// Subject, headers and payload of a message.
pub type Published = (String, Vec<Header>, Vec<u8>);

pub fn published(output: &Output) -> Published {
    (
        output.subject.clone(),
        output.headers.clone(),
        output.payload.to_vec(),
    )
}

/// A record as it reads back.
pub fn written(head: &Head, delta: &Delta, order: &OrderLog) -> Record {
    let parts = record::encode(head, delta, Some(order), MAX_PART_BYTES);
    let mut assembler = Assembler::default();
    let mut read = parts
        .iter()
        .map(|part| assembler.push(part).expect("a record of ours"));
    let record = read.next_back().flatten();
    record.expect("a whole record")
}

/// The head that a partition begins with, where no record says it.
pub fn beginning() -> Head {
    let (head, _) = record::decode_part(&record::beginning()).expect("a record of ours");
    Head { parts: 0, ..head }
}

/// The first message behind a sequence.
pub fn behind(messages: &[Incoming], after: u64) -> Option<Incoming> {
    let first = messages.partition_point(|message| message.sequence <= after);
    messages.get(first).cloned()
}

/// The commits of a partition, with the head that they begin behind.
pub struct Log {
    pub partition: PartitionId,
    pub manifest: PipelineManifest,
    pub before: Head,
    pub commits: Vec<Committed>,
}

impl Log {
    /// Does all of it again, from the first record and from a snapshot in the middle; notes what its records hold.
    pub fn replay_all(&self, sources: &mut dyn Sources, seen: &mut Seen) -> Result<(), String> {
        for commit in &self.commits {
            let order = commit.record.order.as_ref();
            seen.note(order.expect("every record has an order log"));
        }
        for from in [0, self.commits.len() / 2] {
            let done = self.replay_from(from, sources);
            done.map_err(|broken| format!("from record {from}: {broken}"))?;
        }
        Ok(())
    }

    /// Does the commits from this index on again; says where a replay is not the same.
    pub fn replay_from(&self, from: usize, sources: &mut dyn Sources) -> Result<(), String> {
        let mut replay = self.replay(from)?;
        for commit in &self.commits[from..] {
            self.again(&mut replay, sources, commit)?;
        }
        Ok(())
    }

    /// Does one commit again, as if it had been written with this order log.
    pub fn replay_as(&self, index: usize, order: &OrderLog, sources: &mut dyn Sources) -> Result<(), String> {
        let mut commit = self.commits[index].clone();
        let Record { head, delta, .. } = commit.record;
        commit.record = written(&head, &delta, order);
        self.again(&mut self.replay(index)?, sources, &commit)
    }

    /// On a state store that was restored from a snapshot.
    fn replay(&self, from: usize) -> Result<Replay, String> {
        let mut content = Content::default();
        for commit in &self.commits[..from] {
            content.take(&commit.record.delta);
            content.applied = Applied {
                commit: commit.record.head.commit,
                sequence: commit.sequence,
            };
        }
        let (head, sequence) = match self.commits[..from].last() {
            Some(last) => (last.record.head.clone(), last.sequence),
            None => (self.before.clone(), 0),
        };
        let store = MemoryStore::default();
        store.hold(&self.partition, content);
        let opened = store.open(&self.partition, &self.manifest, TenantSeed::new(1, 2));
        let opened = opened.map_err(|cause| cause.to_string())?;
        Ok(Replay::behind(self.partition.clone(), opened, head, sequence))
    }

    fn again(
        &self,
        replay: &mut Replay,
        sources: &mut dyn Sources,
        commit: &Committed,
    ) -> Result<(), String> {
        let at = |what: String| format!("{}, commit {}: {what}", self.partition, commit.record.head.commit);
        let replayed = replay.next(sources, &commit.record, commit.sequence);
        let replayed = replayed.map_err(|cause| at(cause.to_string()))?;
        if let Some(difference) = replayed.difference(&commit.record) {
            return Err(at(difference));
        }
        let outputs: Vec<_> = replayed.outputs.iter().map(published).collect();
        let differ = outputs
            .iter()
            .zip(&commit.outputs)
            .find(|(one, other)| one != other);
        if let Some((one, other)) = differ {
            return Err(at(format!("it publishes {one:?}, and has published {other:?}")));
        }
        if outputs.len() != commit.outputs.len() {
            let (one, other) = (outputs.len(), commit.outputs.len());
            return Err(at(format!(
                "it publishes {one} messages, and has published {other}"
            )));
        }
        Ok(())
    }
}

/// What order logs held.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub commits: u64,
    pub log_bytes: u64,
    pub kinds: BTreeMap<&'static str, u64>,
}

impl Seen {
    pub fn note(&mut self, order: &OrderLog) {
        self.commits += 1;
        self.log_bytes += order.append_to(Vec::new()).len() as u64;
        let steps = order.steps.iter().map(kind_of_step);
        let fates = order.fates.iter().map(|(_, fate)| kind_of_fate(fate));
        let told = order.told.iter().map(|_| "told");
        let swept = order.swept.iter().map(|_| "swept");
        for kind in steps.chain(fates).chain(told).chain(swept) {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    /// What never happens shows nothing.
    pub fn assert_all(&self, kinds: &[&str]) {
        for kind in kinds {
            assert!(self.kinds.contains_key(kind), "{kind:?} never happened: {self:?}");
        }
    }
}

fn kind_of_step(step: &Step) -> &'static str {
    match step {
        Step::Events(_) => "events",
        Step::Redriven(_) => "redriven",
        Step::Wakes(_) => "wakes",
        Step::Rows { .. } => "rows",
        Step::Deletions(_) => "deletions",
        Step::Mark { .. } => "mark",
        Step::Clock { .. } => "clock",
        Step::Share(_) => "share",
        Step::Traced(_) => "traced",
        Step::ReadBy(_) => "read by",
        Step::Canary(_) => "canary",
        Step::Full { .. } => "full",
    }
}

fn kind_of_fate(fate: &Fate) -> &'static str {
    match fate {
        Fate::Shed(..) => "shed",
        Fate::Tries(_) => "tries",
        Fate::Call { end, .. } => match end {
            None => "fuel",
            Some(CallEnd::Transient(_)) => "transient",
            Some(CallEnd::Trap { .. }) => "trap",
        },
    }
}
