//! What a windowed and grouped sketch comes to, computed from the commit records in the plainest way,
//! and held against a run in which nothing ever failed.

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::{
    delta::Measured,
    identity::{PartitionId, PipelineId},
    life::Life,
    record::Assembler,
    series::{Group, Series, Window, WindowRule},
    subject,
};
use tailrace_sketch::Update;
use tailrace_testing::broker::MemoryBroker;

/// Its name in the scenario's pipeline.
pub const DIVIDED: &str = "by-key";

/// What every series of a partition took in, in the order of its events; without the windows that are gone.
#[derive(Debug, Default)]
pub struct Divided {
    pub series: BTreeMap<Series, Vec<Update>>,
    groups: BTreeSet<Group>,
    /// Updates whose window was gone.
    pub late: u64,
    /// The watermark that was told last, and how windows go by it.
    told: Option<(u64, WindowRule)>,
}

impl Divided {
    fn is_same(&self, other: &Self) -> bool {
        (&self.series, &self.groups, self.late) == (&other.series, &other.groups, other.late)
    }

    fn take(&mut self, measured: &Measured) {
        let Some(rule) = measured.window else { return };
        for placed in &measured.updates {
            let group = placed
                .group
                .as_ref()
                .map(|group| self.group(group, measured.most_groups));
            let start_ms = placed.window_start_ms.unwrap_or_default();
            let window = Window {
                start_ms,
                length_ms: rule.length_ms,
            };
            self.late += u64::from(placed.is_late);
            for window in std::iter::once(None).chain((!placed.is_late).then_some(Some(window))) {
                let group = group.clone();
                let series = Series { window, group };
                self.series.entry(series).or_default().push(placed.update.clone());
            }
        }
        self.tell(measured.clock_ms, rule);
    }

    fn tell(&mut self, clock_ms: u64, rule: WindowRule) {
        self.told = Some((clock_ms, rule));
        let is_kept = |window: Window| !rule.is_gone(window.start_ms, clock_ms);
        self.series.retain(|series, _| series.window.is_none_or(is_kept));
    }

    /// How it is when it has been told as much as the other: a partition without events hears of the watermark now
    /// and then, and how often before the end is a matter of time.
    fn told_as(mut self, other: &Self) -> Self {
        if let Some((clock_ms, rule)) = other
            .told
            .filter(|told| self.told.is_some_and(|own| own.0 < told.0))
        {
            self.tell(clock_ms, rule);
        }
        self
    }

    /// Groups beyond the last are counted together.
    fn group(&mut self, group: &Group, most: u32) -> Group {
        if self.groups.contains(group) || self.groups.len() < most as usize {
            self.groups.insert(group.clone());
            return group.clone();
        }
        Group::Other
    }
}

/// What the records of a partition say.
pub fn divided(broker: &MemoryBroker, pipeline: &PipelineId, partition: u32) -> Result<Divided, String> {
    let place = PartitionId {
        pipeline: pipeline.clone(),
        life: Life::UNNAMED,
        partition,
    };
    let stream = subject::stream_name(pipeline);
    let (mut assembler, mut divided) = (Assembler::default(), Divided::default());
    for part in broker.messages(&stream, &subject::commit_subject(&place)) {
        let record = assembler.push(&part.payload).map_err(|cause| cause.to_string())?;
        if let Some(measured) = record
            .as_ref()
            .and_then(|record| record.delta.measured.get(DIVIDED))
        {
            divided.take(measured);
        }
    }
    Ok(divided)
}

/// Both runs, of the same events, came to the same sketches.
pub fn check_same(
    disturbed: &MemoryBroker,
    undisturbed: &MemoryBroker,
    pipeline: &PipelineId,
    partitions: u32,
) -> Result<(), String> {
    for partition in 0..partitions {
        let wanted = divided(undisturbed, pipeline, partition)?;
        let found = divided(disturbed, pipeline, partition)?.told_as(&wanted);
        let wanted = wanted.told_as(&found);
        if !found.is_same(&wanted) {
            let differs = |series: &&Series| found.series.get(series) != wanted.series.get(series);
            let all: BTreeSet<_> = found.series.keys().chain(wanted.series.keys()).collect();
            let some: Vec<_> = all.iter().copied().filter(differs).take(3).collect();
            return Err(format!(
                "partition {partition}: sketch {DIVIDED} is not that of an undisturbed run: {} late instead of {}, other series {some:?}",
                found.late, wanted.late
            ));
        }
    }
    Ok(())
}
