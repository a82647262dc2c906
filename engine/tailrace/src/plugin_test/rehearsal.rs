//! Runs one step on events, one at a time, each committed before the next: the engine's worker with
//! a batch of one. Effects of an event that fails are rolled back by the engine itself.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tailrace_core::{
    dead_letter,
    event::Event,
    event_time::EventTime,
    identity::{PartitionId, PipelineId},
    life::Life,
    name::Name,
    observe::{logs::Logs, progress::Cursor, stats::Counts, times::TimeNotes, views::Views},
    ports::{
        broker::{Incoming, Output},
        clock::Clock,
        plugins::Plugin,
        store::{Applied, LocalStore, PartitionStore},
    },
    registry::{Begun, Revision},
    subject,
    timer::Timer,
};
use tailrace_dataplane::{
    arrival::{Arrival, QueueItem, TableRow},
    intake::{self, clock::IntakeClock},
    plan::Plan,
    process::TurnEnd,
    tables::plan::RowChange,
    turn::worker::Worker,
};
use tailrace_sketch::TenantSeed;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{
    events::GivenEvent,
    lines::LogLines,
    recorder::{Judged, Recorder, SeenCall, SeenCalls},
    report::{EventReport, FiredTimer, Outcome},
    setting::Setting,
    tables::GivenTable,
};
use crate::cli::error::misuse;

/// The tenant that the step runs for.
const TENANT: &str = "offline";
/// Largest message: the broker's own default.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// A turn ends after one event, or one timer: its time is over at once, and calls have deadlines of their own.
const SLICE: Duration = Duration::ZERO;
/// The tag of rows: a table is read once here.
const ROWS_TAG: u32 = 1;
/// Most timers behind the last event: a plugin may always set another one.
const MOST_LEFT: usize = 10_000;

/// A step at work, without a broker.
pub struct Rehearsal {
    plan: Arc<Plan>,
    worker: Worker,
    state_store: Arc<dyn PartitionStore>,
    seen: SeenCalls,
    lines: LogLines,
    times: TimeNotes,
    /// What windows have published since the last report: it is shown with the next one.
    of_windows: Vec<Output>,
    /// The clock of the events, at which every time is believed: those of a file were received at no time.
    clock: IntakeClock,
}

/// What came of one event, or of one timer.
pub enum Played {
    /// It was processed.
    Done(Box<EventReport>),
    /// The step's policy pauses the pipeline here; there is no going on.
    Paused(String),
}

impl Rehearsal {
    /// Puts it together, on an empty store.
    pub fn new(
        setting: Setting,
        plugin: Arc<dyn Plugin>,
        store: &dyn LocalStore,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let Setting { manifest, digest } = setting;
        let seen = SeenCalls::default();
        let id = PipelineId {
            tenant: Name::new(TENANT)?,
            pipeline: manifest.name.clone(),
        };
        let step = manifest
            .steps
            .first()
            .context("there is no step to run")?
            .name
            .clone();
        let recorder: Arc<dyn Plugin> = Arc::new(Recorder {
            plugin,
            clock: clock.clone(),
            seen: seen.clone(),
        });
        let revision = Revision {
            number: 1,
            plugins: [(step.clone(), digest)].into(),
            manifest,
            applied_ms: 0,
            rolled_back_to: None,
            begun: Begun::default(),
        };
        // A fixed seed, so that two runs print the same.
        let seed = TenantSeed::new(0, 0);
        let mut plan = Plan::new(id.clone(), &revision, &[(step, recorder)].into(), seed);
        plan.clock_rule = plan.clock_rule.believing_all();
        let plan = Arc::new(plan);
        let partition = store.open(
            &PartitionId {
                pipeline: id,
                life: Life::UNNAMED,
                partition: 0,
            },
            &plan.manifest,
            seed,
        )?;
        let views = Views {
            logs: Logs::without_limit(),
            ..Views::default()
        };
        let worker = Worker::new(
            partition.clone(),
            plan.clone(),
            Cursor::default(),
            clock,
            MAX_MESSAGE_BYTES,
        )?
        .watched_through(Arc::new(views), 0);
        // Configures it once, so that a bad config is refused before the first event, as by the server.
        let configured = plan.steps[0].instantiate().map(drop);
        configured.map_err(|cause| {
            misuse(
                cause.to_string(),
                "mend the config that --config or the pipeline gives",
            )
        })?;
        Ok(Self {
            plan,
            worker,
            state_store: partition,
            seen,
            lines: LogLines::default(),
            times: TimeNotes::default(),
            of_windows: Vec::new(),
            clock: IntakeClock::default(),
        })
    }

    /// Fills a table, before the first event.
    pub fn fill(&mut self, given: GivenTable) -> anyhow::Result<()> {
        let GivenTable { name, rows } = given;
        for (number, (key, payload)) in rows.into_iter().enumerate() {
            let row = TableRow {
                table: name.clone(),
                tag: ROWS_TAG,
                load: None,
                sequence: number as u64 + 1,
                change: RowChange::Put { key, payload },
                room: None,
            };
            self.worker.enqueue(vec![QueueItem::Row(Box::new(row))]);
            self.turn()?;
            self.commit(None)?;
        }
        Ok(())
    }

    /// Processes one event and commits it. The timers that are due before it fire first, each in a commit of its own.
    pub fn play(&mut self, given: GivenEvent) -> anyhow::Result<Vec<Played>> {
        let arrival = self.arrive(given);
        let (event, time) = (arrival.event.clone(), arrival.time.clone());
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
        let mut played = Vec::new();
        loop {
            if let Some(why) = self.turn()? {
                played.push(Played::Paused(why));
                return Ok(played);
            }
            // An event that still waits lets a timer go first.
            let is_timer = self.worker.queued() > 0;
            let report = self.commit((!is_timer).then_some((&event, &time)))?;
            played.extend(report.map(|report| Played::Done(Box::new(report))));
            if !is_timer {
                return Ok(played);
            }
        }
    }

    /// Fires the timers that are left, each at its own time, up to [`MOST_LEFT`] of them.
    pub fn play_to_the_end(&mut self) -> anyhow::Result<Vec<Played>> {
        let mut clock = self.clock.now().clone();
        clock.watermark_ms = u64::MAX;
        let mark = QueueItem::Mark(self.worker.cursor().position, clock);
        self.worker.enqueue(vec![mark]);
        let mut played = Vec::new();
        loop {
            if let Some(why) = self.turn()? {
                played.push(Played::Paused(why));
                return Ok(played);
            }
            if self.worker.queued() == 0 {
                return Ok(played);
            }
            if played.len() == MOST_LEFT {
                played.push(Played::Paused(format!(
                    "{MOST_LEFT} timers fired behind the last event, and they go on setting timers"
                )));
                return Ok(played);
            }
            let report = self.commit(None)?;
            played.extend(report.map(|report| Played::Done(Box::new(report))));
        }
    }

    fn turn(&mut self) -> anyhow::Result<Option<String>> {
        let subscriber = tracing_subscriber::registry().with(self.lines.clone());
        tracing::subscriber::with_default(subscriber, || turn(&mut self.worker))
    }

    /// Commits what an event, or else a timer, has caused.
    fn commit(&mut self, event: Option<(&Event, &EventTime)>) -> anyhow::Result<Option<EventReport>> {
        let sealed = self.worker.seal()?;
        let commit = sealed.cursor.commit;
        let stored = Applied {
            commit,
            sequence: commit,
        };
        self.state_store.apply(&sealed.delta, stored)?;
        self.worker.applied(stored.sequence, 1);
        self.times.add(&sealed.stats.times);
        let dead_subject = subject::dead_subject(&self.plan.pipeline);
        let (dead, published): (Vec<_>, Vec<_>) = sealed
            .outputs
            .into_iter()
            .partition(|output| output.subject == dead_subject);
        let reason = dead
            .first()
            .and_then(|letter| dead_letter::reason(&letter.headers));
        let calls = self.seen.take();
        let timer = calls.last().and_then(|call| call.timer.clone());
        let mut report = match (event, timer) {
            (Some((event, time)), _) => EventReport {
                time: odd(time.clone()),
                ..tell(event, &calls, reason)
            },
            (None, Some(timer)) => EventReport {
                timer: Some(FiredTimer {
                    name: timer.name.clone(),
                    at_ms: timer.at_ms,
                }),
                ..tell(&shown_as(timer), &calls, reason)
            },
            // A window that ends calls nobody.
            (None, None) => {
                self.of_windows.extend(published);
                return Ok(None);
            }
        };
        report.outcome = unseen(&sealed.stats.counts).unwrap_or(report.outcome);
        report.log = self.lines.take();
        let published = self.of_windows.drain(..).chain(published).collect();
        report.add_effects(&sealed.delta, published);
        Ok(Some(report))
    }

    /// What the pipeline's status would warn of by now.
    pub fn warnings(&self) -> Vec<String> {
        self.times.warnings()
    }

    /// What the intake makes of a message.
    fn arrive(&mut self, given: GivenEvent) -> Arrival {
        let message = Incoming {
            sequence: given.line,
            // A second apart, so that what ends in event time can be seen to end.
            received_ms: given.received_ms.unwrap_or(given.line * 1_000),
            subject: given.subject,
            headers: given.headers,
            payload: given.payload,
            unreadable: None,
        };
        let mut arrival = intake::arrive(&self.plan, message);
        self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
        arrival
    }
}

/// One event or timer, with all the tries that its step's policy gives it; gives why the pipeline pauses, if
/// it does. The pauses between tries are left out.
fn turn(worker: &mut Worker) -> anyhow::Result<Option<String>> {
    loop {
        match worker.turn(SLICE, 1) {
            TurnEnd::Drained | TurnEnd::Full | TurnEnd::SliceOver | TurnEnd::Backoff(_) => return Ok(None),
            // Nothing limits a rehearsal; were it so, the event would come again.
            TurnEnd::Retry(_) | TurnEnd::Throttled(_) => {}
            TurnEnd::Pause(why) => return Ok(Some(why)),
            TurnEnd::Plugin(cause) => bail!("the plugin cannot run any more: {cause}"),
            TurnEnd::Failed(cause) => bail!("the engine failed under the plugin: {cause}"),
        }
    }
}

/// The event that a timer is shown as.
fn shown_as(timer: Timer) -> Event {
    Event {
        sequence: timer.set_by,
        time_ms: timer.at_ms,
        subject: String::new(),
        key: timer.key,
        headers: Vec::new(),
        payload: timer.payload.into(),
    }
}

/// The report of an event, its effects not yet added.
fn tell(event: &Event, calls: &[SeenCall], reason: Option<dead_letter::Reason>) -> EventReport {
    let last = calls.last();
    let outcome = outcome(last.map(|call| &call.judged), reason.as_ref());
    let (mut code, mut text, mut backtrace) = (None, None, Vec::new());
    if let Some(reason) = reason {
        (code, text, backtrace) = (Some(reason.code), Some(reason.reason), reason.backtrace);
    } else if let Some(Judged::Failed {
        code: own,
        reason,
        backtrace: frames,
        ..
    }) = last.map(|call| &call.judged)
    {
        // The policy lets the event end, or go on, without a dead letter.
        (code, text, backtrace) = (Some(own.clone()), Some(reason.clone()), frames.clone());
    }
    EventReport {
        timer: None,
        sequence: event.sequence,
        subject: event.subject.clone(),
        key: event.key.clone(),
        outcome,
        code,
        reason: text,
        time: None,
        backtrace,
        messages: Vec::new(),
        state: Vec::new(),
        timers: Vec::new(),
        vectors: Vec::new(),
        sketches: Vec::new(),
        log: Vec::new(),
        calls: calls.len(),
        fuel: calls.iter().map(|call| call.fuel).sum(),
        took_us: calls.iter().map(|call| call.took).sum::<Duration>().as_secs_f64() * 1e6,
        memory_bytes: last.map_or(0, |call| call.memory_bytes),
    }
}

/// What became of an event that the plugin was not shown, and for no fault of its own.
fn unseen(counts: &Counts) -> Option<Outcome> {
    match (counts.markers, counts.outcomes.duplicates) {
        (0, 0) => None,
        (0, _) => Some(Outcome::Duplicate),
        _ => Some(Outcome::Marker),
    }
}

/// What is odd about a time.
fn odd(time: EventTime) -> Option<String> {
    match time {
        EventTime::Missing | EventTime::At(_) => None,
        EventTime::Absurd { ms, text, likely } => {
            let meant = likely.map(|unit| format!("; in {} it would be usual", unit.parsed_as().as_str()));
            Some(format!(
                "{text} is {ms} ms since 1970{}",
                meant.unwrap_or_default()
            ))
        }
        EventTime::Unreadable { text, why } => Some(format!("{text:?} {why}")),
    }
}

fn outcome(last: Option<&Judged>, dead: Option<&dead_letter::Reason>) -> Outcome {
    match (last, dead) {
        (None, _) => Outcome::Refused,
        (Some(Judged::Failed { is_invalid: true, .. }), _) => Outcome::Rejected,
        (Some(Judged::Failed { is_trap: false, .. }), _) => Outcome::Exhausted,
        // A verdict that the engine could not take: too many messages, or a subject out of bounds.
        (Some(Judged::Failed { .. }), _) | (Some(_), Some(_)) => Outcome::Trapped,
        (Some(Judged::Forward), None) => Outcome::Forward,
        (Some(Judged::Emit(_)), None) => Outcome::Emit,
        (Some(Judged::Drop), None) => Outcome::Drop,
    }
}
