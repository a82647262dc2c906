//! What events have caused and what is not yet committed: an overlay on the partition's state store.
//!
//! Three layers, read from the top: what the current batch has written, what the batch whose commit is under
//! way has written, the state store. Every write of the current batch is journalled, so that a call, or a
//! whole event, that fails is taken back alone: [`Effects::mark`] before, [`Effects::roll_back`] after.
//! Collections of vectors are changed in place, journalled too.
//!
//! When a commit fails for good, the whole of this is dropped and made anew from the state store.
//!
//! Why: docs/decisions/0003-effects-are-data.md

pub mod dedup;
mod deleting;
pub(crate) mod due;
mod estimates;
mod expiring;
pub mod host;
pub mod journal;
mod learnt;
pub mod measures;
pub mod moment;
pub mod shadow;
pub mod timers;
mod waking;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use dedup::Filter;
use journal::{Journal, Mark, Undo};
use learnt::Learnt;
use moment::Moment;
use tailrace_core::{
    delta::{Delta, StateValue},
    manifest::VectorManifest,
    name::Name,
    ports::{
        broker::Output,
        plugins::LogLevel,
        store::{Collection, Entries, Full, PartitionStore, StoreError},
    },
};

use crate::plan::Plan;

/// The uncommitted effects of a partition.
pub struct Effects {
    state_store: Arc<dyn PartitionStore>,
    plan: Arc<Plan>,
    dedup: Option<Filter>,
    committing: Option<Arc<Delta>>,
    current: Delta,
    collections: BTreeMap<String, Box<dyn Collection>>,
    outputs: Vec<Output>,
    output_bytes: usize,
    write_bytes: usize,
    journal: Journal,
    /// The step whose plugin is being called: its state is the one that the host interfaces reach.
    step: String,
    /// The key and the sequence of the event that it is called for.
    key: String,
    sequence: u64,
    now_ms: u64,
    /// What the tenant has too much of.
    pub(crate) full: Full,
    /// What the plugin has logged since the lines were last taken.
    lines: Vec<(LogLevel, String)>,
    moment: Moment,
    /// Updates of the batch whose window was gone.
    late: u64,
    /// Up to where the windows of each sketch were said to be gone.
    told_ms: BTreeMap<Name, u64>,
    /// For a batch that is done again: the sketches of which it said so though nothing was measured.
    pub(crate) told_then: Option<Vec<String>>,
    /// What wakes up next.
    first_due: due::First,
    /// The sketches as plugins read them.
    learnt: Learnt,
}

impl Effects {
    /// Nothing uncommitted, on top of this state store.
    pub fn new(state_store: Arc<dyn PartitionStore>, plan: Arc<Plan>) -> Result<Self, StoreError> {
        let collections = load(&*state_store, &plan, BTreeMap::new())?;
        let dedup = filter(&*state_store, &plan)?;
        Ok(Self::with(state_store, plan, collections, dedup))
    }

    fn with(
        state_store: Arc<dyn PartitionStore>,
        plan: Arc<Plan>,
        collections: BTreeMap<String, Box<dyn Collection>>,
        dedup: Option<Filter>,
    ) -> Self {
        Self {
            state_store,
            plan,
            dedup,
            committing: None,
            current: Delta::default(),
            collections,
            outputs: Vec::new(),
            output_bytes: 0,
            write_bytes: 0,
            journal: Journal::default(),
            step: String::new(),
            key: String::new(),
            sequence: 0,
            now_ms: 0,
            full: Full::default(),
            lines: Vec::new(),
            moment: Moment::default(),
            late: 0,
            told_ms: BTreeMap::new(),
            told_then: None,
            first_due: due::First::default(),
            learnt: Learnt::default(),
        }
    }

    /// Goes on with another revision; only between two batches. The commit of the batch before may be under
    /// way where nothing has to be loaded from the state store. The store does not hold that batch yet.
    pub fn adopt(&mut self, plan: Arc<Plan>) -> Result<(), StoreError> {
        debug_assert!(self.is_clean());
        debug_assert!(self.committing.is_none() || plan.follows_at_once(&self.plan));
        let unchanged = |name: &str| {
            let declared = plan.manifest.vectors.get(name);
            declared.is_some() && declared == self.plan.manifest.vectors.get(name)
        };
        let loaded = std::mem::take(&mut self.collections);
        let kept = loaded.into_iter().filter(|(name, _)| unchanged(name)).collect();
        self.collections = load(&*self.state_store, &plan, kept)?;
        if plan.manifest.input.dedup != self.plan.manifest.input.dedup {
            self.dedup = filter(&*self.state_store, &plan)?;
        }
        self.learnt.forget();
        self.plan = plan;
        Ok(())
    }

    /// The step whose plugin is being called.
    pub(crate) fn step(&self) -> &str {
        &self.step
    }

    /// The revision at work.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the current batch has caused nothing so far.
    pub fn is_clean(&self) -> bool {
        self.current.is_empty() && self.outputs.is_empty()
    }

    /// Messages that the current batch would publish.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Bytes that the current batch would publish and write, about.
    pub fn bytes(&self) -> usize {
        self.output_bytes + self.write_bytes
    }

    /// Takes the current batch out for its commit of this number; it stays readable until [`Effects::applied`].
    pub fn seal(&mut self, commit: u64) -> (Arc<Delta>, Vec<Output>) {
        debug_assert!(self.committing.is_none(), "one commit of a partition at a time");
        self.journal.clear();
        let delta = Arc::new(std::mem::take(&mut self.current));
        self.learnt.seal(&delta, commit);
        self.committing = Some(delta.clone());
        self.output_bytes = 0;
        self.write_bytes = 0;
        (delta, std::mem::take(&mut self.outputs))
    }

    /// The sealed batch is now in the state store.
    pub fn applied(&mut self) {
        self.committing = None;
    }

    /// Remembers where things stand, to come back to.
    pub fn mark(&self) -> Mark {
        self.journal
            .mark(self.outputs.len(), self.output_bytes, self.write_bytes)
    }

    /// Takes back everything since the mark.
    pub fn roll_back(&mut self, mark: &Mark) {
        self.forget_due(mark);
        while let Some(undo) = self.journal.pop_after(mark) {
            self.undo(undo);
        }
        self.outputs.truncate(mark.outputs);
        self.output_bytes = mark.output_bytes;
        self.write_bytes = mark.write_bytes;
    }

    /// What the record says of an item beside its effects takes room too.
    pub(crate) fn weigh(&mut self, bytes: usize) {
        self.write_bytes += bytes;
    }

    /// The event is done: what it did can no longer be taken back alone. A value that it has replaced is not written,
    /// so it takes no room in the batch.
    pub fn settle(&mut self) {
        self.write_bytes = self.write_bytes.saturating_sub(self.journal.clear());
    }

    /// Adds a message to publish.
    pub fn publish(&mut self, output: Output) {
        self.output_bytes += output.payload.len() + output.subject.len() + 128;
        self.outputs.push(output);
    }

    /// Which step's plugin is called next, and the time that it sees.
    pub fn enter(&mut self, step: &str, now_ms: u64) {
        if self.step != step {
            step.clone_into(&mut self.step);
        }
        self.now_ms = now_ms;
    }

    /// The event that the plugin is called for.
    pub fn enter_event(&mut self, key: &str, sequence: u64) {
        if self.key != key {
            key.clone_into(&mut self.key);
        }
        self.sequence = sequence;
    }

    /// When what the current event writes for so long ends.
    pub(crate) fn ends_after(&self, ttl_ms: u64) -> u64 {
        self.moment.from_ms().saturating_add(ttl_ms)
    }

    /// Takes the lines that the plugin has logged; a call that failed keeps its lines.
    pub fn take_lines(&mut self) -> Vec<(LogLevel, String)> {
        std::mem::take(&mut self.lines)
    }

    /// Whether an event with this key and identifier is remembered from within the window.
    pub(crate) fn is_duplicate(&mut self, key: &str, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        for id in [dedup::short(key, id), dedup::short_before(id)] {
            if !self.dedup.as_ref().is_some_and(|filter| filter.may_know(&id)) {
                continue;
            }
            self.enter(dedup::STEP, now_ms);
            if self.read(&id)?.is_some_and(|known| known.is_live(now_ms)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers an event's identifier for the window.
    pub(crate) fn remember(&mut self, key: &str, id: &str, now_ms: u64) {
        let Some(filter) = &mut self.dedup else { return };
        let id = dedup::short(key, id);
        let ends_ms = self.moment.from_ms().saturating_add(filter.window_ms());
        filter.insert(&id, now_ms, ends_ms);
        let (value, expires_ms) = (Vec::new(), Some(ends_ms));
        self.enter(dedup::STEP, now_ms);
        self.write(&id, Some(StateValue { value, expires_ms }));
    }

    /// Whether the time of the event at hand is believed.
    pub(crate) fn is_believed(&self) -> bool {
        self.moment.is_believed
    }

    /// An entry of a step as the current event sees it.
    pub(crate) fn read_of(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        match self.written(step, key) {
            Some(value) => Ok(value.cloned()),
            None => self.state_store.get(step, key),
        }
    }

    /// Entries of a step, as the current event sees them.
    pub(crate) fn scan_of(
        &self,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        self.scan_in(step, self.layers(), prefix, after, limit)
    }

    /// What the batches above the state store say of an entry.
    fn written(&self, step: &str, key: &str) -> Option<Option<&StateValue>> {
        let committing = || {
            self.committing
                .as_deref()
                .and_then(|delta| delta.state(step, key))
        };
        self.current.state(step, key).or_else(committing)
    }

    /// The batches above the state store, the newest last.
    fn layers(&self) -> impl Iterator<Item = &Delta> {
        self.committing.as_deref().into_iter().chain([&self.current])
    }

    /// An entry as the current event sees it, expired or not.
    fn read(&self, key: &str) -> Result<Option<StateValue>, StoreError> {
        self.read_of(&self.step, key)
    }

    fn write(&mut self, key: &str, value: Option<StateValue>) {
        let step = std::mem::take(&mut self.step);
        self.write_in(&step, key, value);
        self.step = step;
    }

    pub(crate) fn write_in(&mut self, step: &str, key: &str, value: Option<StateValue>) {
        self.write_bytes += key.len() + value.as_ref().map_or(0, |value| value.value.len());
        let before = match self.current.state.get_mut(step) {
            Some(writes) => writes.insert(key.to_owned(), value),
            None => self
                .current
                .state
                .entry(step.to_owned())
                .or_default()
                .insert(key.to_owned(), value),
        };
        self.journal.push(Undo::State {
            step: step.to_owned(),
            key: key.to_owned(),
            before,
        });
    }

    /// Live entries with the prefix, after `after`: the state store's with the writes of these layers over
    /// them, of which the last one is the newest.
    fn scan_in<'a>(
        &'a self,
        step: &str,
        layers: impl Iterator<Item = &'a Delta>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        let mut writes: BTreeMap<&str, Option<&StateValue>> = BTreeMap::new();
        for layer in layers {
            let Some(written) = layer.state.get(step) else {
                continue;
            };
            let first = match after {
                Some(after) if after >= prefix => Bound::Excluded(after),
                _ => Bound::Included(prefix),
            };
            let written = written.range::<str, _>((first, Bound::Unbounded));
            let written = written.take_while(|(key, _)| key.starts_with(prefix));
            writes.extend(written.map(|(key, value)| (key.as_str(), value.as_ref())));
        }
        let mut found = Entries::new();
        let mut from = after.map(str::to_owned);
        loop {
            let page = self.state_store.scan(step, prefix, from.as_deref(), limit)?;
            let last_key = page.last().map(|(key, _)| key.clone());
            let ended = page.len() < limit;
            // Writes beyond this page belong to a later one, unless this is the last.
            let later = match &last_key {
                Some(last) if !ended => writes.split_off(format!("{last}\0").as_str()),
                _ => BTreeMap::new(),
            };
            self.merge_page(page, std::mem::replace(&mut writes, later), &mut found);
            found.truncate(limit);
            if ended || found.len() >= limit {
                return Ok(found);
            }
            from = last_key;
        }
    }

    fn merge_page(
        &self,
        page: Entries,
        mut writes: BTreeMap<&str, Option<&StateValue>>,
        found: &mut Entries,
    ) {
        let mut merged: BTreeMap<String, StateValue> = BTreeMap::new();
        for (key, value) in page {
            let over = writes.remove(key.as_str());
            if let Some(value) = over.unwrap_or(Some(&value)).cloned() {
                merged.insert(key, value);
            }
        }
        merged.extend(
            writes
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))),
        );
        found.extend(merged.into_iter().filter(|(_, value)| value.is_live(self.now_ms)));
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::State { step, key, before } => {
                let writes = self.current.state.entry(step).or_default();
                restore(writes, key, before);
            }
            Undo::Vector {
                collection,
                id,
                before,
                written,
            } => {
                if let Some(vectors) = self.collections.get_mut(&collection) {
                    vectors.replace(&id, before.as_deref());
                }
                restore(self.current.vectors.entry(collection).or_default(), id, written);
            }
            Undo::Sketch { name, late } => self.take_back(name, late),
        }
        self.current.state.retain(|_, writes| !writes.is_empty());
        self.current.vectors.retain(|_, writes| !writes.is_empty());
        self.current.sketches.retain(|_, updates| !updates.is_empty());
        // One that only says how late it is was there before, and is said once.
        self.current
            .measured
            .retain(|_, measured| !measured.updates.is_empty() || measured.clock_ms > 0);
    }
}

fn restore<T>(writes: &mut BTreeMap<String, T>, key: String, before: Option<T>) {
    match before {
        Some(before) => drop(writes.insert(key, before)),
        None => drop(writes.remove(&key)),
    }
}

/// The filter in front of the identifiers, where the plan looks for duplicates.
fn filter(state_store: &dyn PartitionStore, plan: &Plan) -> Result<Option<Filter>, StoreError> {
    let dedup = plan.manifest.input.dedup.as_ref();
    dedup
        .map(|manifest| Filter::load(manifest, state_store))
        .transpose()
}

/// Loads the collections of a plan, but for those that are at hand.
fn load(
    state_store: &dyn PartitionStore,
    plan: &Plan,
    mut at_hand: BTreeMap<String, Box<dyn Collection>>,
) -> Result<BTreeMap<String, Box<dyn Collection>>, StoreError> {
    for (name, declared) in &plan.manifest.vectors {
        let VectorManifest {
            dimensions,
            metric,
            search,
        } = *declared;
        if !at_hand.contains_key(name.as_str()) {
            let collection = state_store.collection(name.as_str(), dimensions as usize, metric, search)?;
            at_hand.insert(name.to_string(), collection);
        }
    }
    Ok(at_hand)
}
