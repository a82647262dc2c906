//! From the broker to the partitions: one task a table. It reads the table from where the partitions have it, up to
//! its end, and then what comes. Until each table was read up to its end, no event is read.
//!
//! A stream that was made anew, and a declaration that was changed, are another table: its rows bear another tag, and it
//! is read from its beginning. While the stream is gone, the rows of before stay, and status says what to do.
//!
//! What another pipeline keeps is read of its snapshots and commits: see [`super::upstream`].
//!
//! Why: docs/decisions/0201-rows-of-a-pipeline-are-told-by-leaps.md

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use tailrace_core::{
    identity::{EngineId, partition_of},
    manifest::{OnLoss, Start},
    name::Name,
    observe::{input::InputWatch, status::PipelineStatus},
    ports::broker::{BrokerError, Incoming, InputError, StreamFacts, SubscribeRequest, Subscription},
    table::{Load, Reading, tag},
    tasks,
    world::World,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};

use crate::{
    arrival::{QueueItem, TableRow},
    plan::Plan,
    tables::{
        gone,
        plan::{PlannedTable, RowChange},
        upstream::records::UpstreamRecords,
    },
};

/// Messages taken from the subscription in one go.
const READ: usize = 512;
/// How often it is looked how far the table is. A look cuts off what is being asked of the broker, so it is seldom.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The first look: the end of the table may be of other subjects.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// Messages of another pipeline after which its readers write down that they have read them.
const TELL_AFTER: u64 = 1_000;
/// Longest wait for the broker's word on how far the table is.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// Pause before a stream that is not there is looked for again.
const GONE_PAUSE: Duration = Duration::from_secs(2);
/// What a row takes beside its payload, about.
const ROW_OVERHEAD: usize = 512;
/// The same of one of several rows.
const ENTRY_OVERHEAD: usize = 64;

/// A partition, as the feeds of tables see it.
#[derive(Clone)]
pub struct TablePartition {
    /// Where it takes its queue items from.
    pub sender: mpsc::Sender<Vec<QueueItem>>,
    /// Up to where it has each table.
    pub readings: BTreeMap<Name, Reading>,
}

/// What the feeds of a pipeline's tables need.
pub struct TableFeeds {
    /// The world.
    pub world: World,
    /// The revision that is running.
    pub plan: Arc<Plan>,
    /// This engine.
    pub engine: EngineId,
    /// The partitions of this engine, by number.
    pub partitions: BTreeMap<u32, TablePartition>,
    /// The pipeline's room in memory, and how much of it there is.
    pub room: (Arc<Semaphore>, usize),
    /// Where to show how far it has come.
    pub status: Arc<PipelineStatus>,
}

/// The feeds at work. They end when this is dropped.
pub struct RunningFeeds {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    loaded: Vec<watch::Receiver<bool>>,
}

impl RunningFeeds {
    /// Waits until each table was read up to its end.
    pub async fn loaded(&mut self) {
        for loaded in &mut self.loaded {
            // A feed ends with the pipeline only.
            let _ = loaded.wait_for(|is_loaded| *is_loaded).await;
        }
    }
}

impl Drop for RunningFeeds {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl TableFeeds {
    /// Starts a feed for each table.
    pub fn start(self) -> RunningFeeds {
        let feeds = Arc::new(self);
        let names: Vec<_> = feeds.plan.tables.iter().map(|table| table.name.clone()).collect();
        let mut running = RunningFeeds {
            tasks: Vec::new(),
            loaded: Vec::new(),
        };
        for name in names {
            let (loaded, is_loaded) = watch::channel(false);
            let feed = TableFeed {
                held: Mutex::new(held(&feeds.partitions, &name)),
                broken_at: AtomicU64::new(0),
                feeds: feeds.clone(),
                name,
                loaded,
            };
            running.loaded.push(is_loaded);
            running.tasks.push(tasks::spawn(feed.run()));
        }
        running
    }
}

fn held(partitions: &BTreeMap<u32, TablePartition>, table: &Name) -> BTreeMap<u32, Reading> {
    let known = partitions.iter().map(|(number, partition)| {
        let reading = partition.readings.get(table).copied();
        (*number, reading.unwrap_or_default())
    });
    known.collect()
}

pub(super) struct TableFeed {
    pub(super) feeds: Arc<TableFeeds>,
    pub(super) name: Name,
    loaded: watch::Sender<bool>,
    /// Up to where each partition has the table, or was given it.
    pub(super) held: Mutex<BTreeMap<u32, Reading>>,
    /// Of what another pipeline keeps: the message that did not follow those before it, last.
    pub(super) broken_at: AtomicU64,
}

/// The rows that count: their tag, and the load that they began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowMark {
    pub(super) tag: u32,
    pub(super) load: Option<Load>,
}

/// A subscription to the stream of a table, as it is now.
pub(super) struct TableReader {
    pub(super) subscription: Box<dyn Subscription>,
    /// What keeps messages from coming.
    pub(super) watch: Arc<InputWatch>,
    /// The rows that count, by partition.
    pub(super) marks: BTreeMap<u32, RowMark>,
    /// Last sequence read.
    pub(super) read: u64,
    /// Up to there the table was when the subscription began.
    pub(super) end: u64,
    /// Up to where each partition was told.
    pub(super) told: BTreeMap<u32, u64>,
    /// The commits of another pipeline, where the table is what that keeps.
    pub(super) records: Option<UpstreamRecords>,
}

impl TableFeed {
    async fn run(self) {
        loop {
            let ended = self.follow().await;
            let Err(trouble) = ended else {
                continue;
            };
            tracing::warn!(table = %self.name, trouble, "a table is not read at present");
            self.note_trouble(Some(trouble));
            tokio::time::sleep(GONE_PAUSE).await;
        }
    }

    pub(super) fn table(&self) -> &PlannedTable {
        let table = self.feeds.plan.tables.named(self.name.as_str());
        table.expect("a feed is made of a table of its plan")
    }

    fn note_trouble(&self, trouble: Option<String>) {
        self.feeds
            .status
            .tables
            .note(&self.name, |status| status.trouble = trouble);
    }

    /// Reads the table as long as its stream stays what it is. Says what somebody must do, if somebody must.
    async fn follow(&self) -> Result<(), String> {
        let facts = self.facts().await?;
        let mut reader = match self.table().manifest.upstream() {
            Some(_) => self.open_upstream(&facts).await?,
            None => self.open(&facts).await?,
        };
        self.note_trouble(None);
        let least = reader.read;
        self.have_read(&mut reader, least);
        self.tell_end(&mut reader).await;
        let mut look = tokio::time::interval_at(Instant::now() + FIRST_LOOK, LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_loaded = *self.loaded.borrow();
            if !is_loaded && reader.read >= reader.end {
                self.tell_end(&mut reader).await;
                self.loaded.send_replace(true);
                self.feeds
                    .status
                    .tables
                    .note(&self.name, |status| status.is_loaded = true);
                tracing::info!(table = %self.name, sequence = reader.read, "the table was read up to its end");
            }
            tokio::select! {
                biased;
                batch = reader.subscription.next(READ) => match batch {
                    Ok(batch) => if let ControlFlow::Break(ended) = self.take(&mut reader, batch).await {
                        return ended;
                    },
                    Err(cause) => return self.ended(cause),
                },
                _ = look.tick() => match self.look(&mut reader).await {
                    Ok(()) => self.tell_end(&mut reader).await,
                    Err(cause) => return self.ended(cause),
                },
            }
        }
    }

    async fn take(&self, reader: &mut TableReader, batch: Vec<Incoming>) -> ControlFlow<Result<(), String>> {
        if reader.records.is_some() {
            return self.give_commits(reader, batch).await;
        }
        self.give(reader, batch).await;
        ControlFlow::Continue(())
    }

    /// A stream that was made anew is another table, and is read at once.
    fn ended(&self, cause: InputError) -> Result<(), String> {
        match cause {
            InputError::Recreated(stream) | InputError::Restored(stream) => {
                tracing::warn!(table = %self.name, stream, "the stream of a table was made anew; its rows of before go");
                Ok(())
            }
            InputError::Deleted(stream) => Err(self.gone(&stream)),
            InputError::Lost { .. } => Err(cause.to_string()),
        }
    }

    fn gone(&self, stream: &str) -> String {
        gone::told(self.table(), stream, *self.loaded.borrow())
    }

    async fn facts(&self) -> Result<StreamFacts, String> {
        let stream = self.table().manifest.stream_name().unwrap_or_default();
        match self.feeds.world.streams.stream(&stream).await {
            Ok(facts) => Ok(facts),
            Err(BrokerError::NoStream(stream)) => Err(self.gone(&stream)),
            Err(cause) => Err(format!("table {} cannot be read: {cause}", self.name)),
        }
    }

    /// Opens a subscription behind what all partitions have of the table.
    async fn open(&self, facts: &StreamFacts) -> Result<TableReader, String> {
        let table = &self.table().manifest;
        let tag = tag(table, &facts.name, &facts.created);
        let known = |reading: &Reading| if reading.tag == tag { reading.sequence } else { 0 };
        let least = self.held().values().map(known).min().unwrap_or(0);
        if least > facts.last_sequence {
            return Err(format!(
                "the stream {:?} of table {} ends at sequence {}, and {least} was read: it was restored from before; to read it anew, delete and make it, or give the table another name",
                facts.name, self.name, facts.last_sequence
            ));
        }
        let (subscription, watch) = self.subscribe(facts, table.patterns(), least).await?;
        let mark = RowMark { tag, load: None };
        let marks = self.feeds.partitions.keys().map(|number| (*number, mark));
        Ok(TableReader {
            subscription,
            watch,
            marks: marks.collect(),
            read: least,
            end: facts.last_sequence,
            told: BTreeMap::new(),
            records: None,
        })
    }

    pub(super) fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Reading>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to these subjects, behind a sequence.
    pub(super) async fn subscribe(
        &self,
        facts: &StreamFacts,
        subjects: Vec<String>,
        behind: u64,
    ) -> Result<(Box<dyn Subscription>, Arc<InputWatch>), String> {
        let watch = Arc::<InputWatch>::default();
        let request = SubscribeRequest {
            pipeline: self.feeds.plan.pipeline.clone(),
            role: format!("table-{}", self.name),
            engine: self.feeds.engine.clone(),
            stream: facts.name.clone(),
            subjects,
            from_sequence: (behind > 0).then_some(behind + 1),
            start: Start::All,
            stream_created: Some(facts.created.clone()),
            witness: None,
            on_loss: OnLoss::Continue,
            accepted_loss: 0,
            keeps_newest: true,
            watch: watch.clone(),
        };
        let subscription = self.feeds.world.input.subscribe(request).await;
        let subscription = subscription.map_err(|cause| match cause {
            InputError::Deleted(stream) => self.gone(&stream),
            cause => format!("table {} cannot be read: {cause}", self.name),
        })?;
        Ok((subscription, watch))
    }

    /// Asks how far the table is. Where nothing is pending, all of the stream was read.
    async fn look(&self, reader: &mut TableReader) -> Result<(), InputError> {
        let standing = tokio::time::timeout(LOOK_WITHIN, reader.subscription.standing()).await;
        let standing = standing.unwrap_or(Ok(None))?;
        self.note_trouble(reader.watch.current_trouble());
        let Some(standing) = standing else {
            return Ok(());
        };
        let behind = Some(standing.pending);
        self.feeds
            .status
            .tables
            .note(&self.name, |status| status.behind = behind);
        let is_whole = reader.records.as_ref().is_none_or(UpstreamRecords::is_whole);
        if let Some(complete_to) = standing.complete_to.filter(|_| is_whole) {
            self.have_read(reader, complete_to);
        }
        Ok(())
    }

    pub(super) fn have_read(&self, reader: &mut TableReader, sequence: u64) {
        reader.read = reader.read.max(sequence);
        let read = reader.read;
        self.feeds
            .status
            .tables
            .note(&self.name, |status| status.read_sequence = read);
    }

    /// Gives rows to the partitions that hold them.
    async fn give(&self, reader: &mut TableReader, batch: Vec<Incoming>) {
        let mut sorted: BTreeMap<u32, Vec<(u64, RowChange)>> = BTreeMap::new();
        let table = self.table();
        let partitions = self.feeds.plan.manifest.partitions;
        for message in batch {
            let sequence = message.sequence;
            let change = table.change(&message).unwrap_or_else(|why| {
                self.refuse(sequence, &why);
                RowChange::Nothing
            });
            let owner = match &change {
                RowChange::Put { key, .. } | RowChange::Delete { key } => partition_of(key, partitions),
                RowChange::Several(_) | RowChange::Nothing => 0,
            };
            for number in self.feeds.partitions.keys() {
                if table.is_everywhere() || *number == owner {
                    sorted
                        .entry(*number)
                        .or_default()
                        .push((sequence, change.clone()));
                }
            }
            self.have_read(reader, sequence);
        }
        for (number, rows) in sorted {
            self.hand_over(reader, number, rows).await;
        }
        // Nothing is decided by it: the partitions know what they have.
        reader.subscription.acknowledge(reader.read).await;
    }

    fn refuse(&self, sequence: u64, why: &str) {
        tracing::warn!(table = %self.name, sequence, why, "a message is no row of its table; it is passed over");
        self.feeds.status.tables.note(&self.name, |status| {
            status.refused += 1;
            status.last_refusal = Some(format!("sequence {sequence}: {why}"));
        });
    }

    /// Tells the partitions that hold less that there is nothing more of the table. Two pipelines that read each other
    /// would have no end of it, so what another pipeline keeps is told by leaps.
    async fn tell_end(&self, reader: &mut TableReader) {
        let is_upstream = reader.records.is_some() && *self.loaded.borrow();
        let leap = if is_upstream { TELL_AFTER } else { 0 };
        let behind = |number: &&u32| {
            let told = reader.told.get(number);
            told.is_none_or(|told| told + leap < reader.read)
        };
        let behind: Vec<u32> = self.feeds.partitions.keys().filter(behind).copied().collect();
        for number in behind {
            let rows = vec![(reader.read, RowChange::Nothing)];
            self.hand_over(reader, number, rows).await;
        }
    }

    /// Gives rows to a partition, which is told how far the table is.
    pub(super) async fn hand_over(&self, reader: &mut TableReader, number: u32, rows: Vec<(u64, RowChange)>) {
        let Some(last) = rows.last().map(|(sequence, _)| *sequence) else {
            return;
        };
        reader.told.insert(number, last);
        self.send(reader.marks[&number], number, rows).await;
    }

    /// Waits for room in memory, then for room in the queue of the partition.
    pub(super) async fn send(&self, mark: RowMark, number: u32, rows: Vec<(u64, RowChange)>) {
        let RowMark { tag, load } = mark;
        self.note_sent(mark, number, &rows);
        let mut room = self.take_room(&rows).await;
        let count = rows.len();
        let items = rows.into_iter().enumerate().map(|(index, (sequence, change))| {
            let row = TableRow {
                table: self.name.clone(),
                tag,
                load,
                sequence,
                change,
                room: if index + 1 == count { room.take() } else { None },
            };
            QueueItem::Row(Box::new(row))
        });
        let items = items.collect();
        // A partition that is gone ends the whole pipeline; its supervisor sees to that.
        let _ = self.feeds.partitions[&number].sender.send(items).await;
    }

    fn note_sent(&self, RowMark { tag, load }: RowMark, number: u32, rows: &[(u64, RowChange)]) {
        let Some((sequence, _)) = rows.last() else {
            return;
        };
        let mut held = self.held();
        let before = held.entry(number).or_default();
        // Messages may come again.
        let is_same = before.tag == tag && before.load == load;
        let sequence = if is_same {
            before.sequence.max(*sequence)
        } else {
            *sequence
        };
        *before = Reading {
            tag,
            sequence,
            has_old_rows: false,
            load,
        };
    }

    async fn take_room(&self, rows: &[(u64, RowChange)]) -> Option<OwnedSemaphorePermit> {
        let (room, most_kib) = &self.feeds.room;
        let bytes = |(_, change): &(u64, RowChange)| match change {
            RowChange::Put { payload, .. } => payload.len() + ROW_OVERHEAD,
            RowChange::Several(rows) => {
                let bytes = |(key, payload): &(String, Option<Bytes>)| {
                    key.len() + payload.as_ref().map_or(0, Bytes::len) + ENTRY_OVERHEAD
                };
                rows.iter().map(bytes).sum::<usize>() + ROW_OVERHEAD
            }
            RowChange::Delete { .. } | RowChange::Nothing => ROW_OVERHEAD,
        };
        let bytes: usize = rows.iter().map(bytes).sum();
        let share = (bytes / 1024 + 1).min(*most_kib) as u32;
        room.clone().acquire_many_owned(share).await.ok()
    }
}
