//! What a run has recorded, by partition, and where a replay finds again what the partitions had.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    name::Name,
    ports::{
        broker::Incoming,
        plugins::{Plugin, PluginRuntime as _},
    },
    record::{self, Assembler},
    subject,
};
use tailrace_dataplane::{
    arrival::TableRow,
    plan::{CandidatePlan, Plan},
    replay::sources::Sources,
};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{broker::Stored, faults::Faults};

use super::{
    plugins::{COUNT, STAMP, SimRuntime},
    replaying::{Committed, Log, beginning},
    scenario::{CANARY, CANDIDATE, Scenario},
};

/// A run that is over.
pub struct Recorded {
    scenario: Scenario,
    input: Vec<Incoming>,
    redriven: Vec<Incoming>,
    plugins: BTreeMap<Name, Arc<dyn Plugin>>,
    pub logs: Vec<Log>,
}

impl Recorded {
    pub fn of(scenario: Scenario) -> Result<Self, String> {
        let broker = &scenario.broker;
        let stream = subject::stream_name(&scenario.pipeline);
        let own = match &scenario.rough {
            Some(rough) => rough.own(broker, &scenario.pipeline),
            None => broker.messages(&stream, ">"),
        };
        let is_redriven = |message: &&Stored| is_redriven(&scenario.pipeline, &message.subject);
        let logs = (0..scenario.partitions).map(|partition| {
            let partition = PartitionId {
                pipeline: scenario.pipeline.clone(),
                life: scenario.life,
                partition,
            };
            log(&scenario, partition, &own)
        });
        Ok(Self {
            input: broker.messages("IN", ">").iter().map(incoming).collect(),
            redriven: own.iter().filter(is_redriven).map(incoming).collect(),
            plugins: plugins(&scenario),
            logs: logs.collect::<Result<_, _>>()?,
            scenario,
        })
    }

    /// Where a replay of it reads.
    pub fn sources(&self) -> Again<'_> {
        Again(self)
    }

    fn plan(&self, number: u64, label: u64) -> Plan {
        let revision = self.scenario.revision_of(number, label);
        let pipeline = self.scenario.pipeline.clone();
        Plan::new(pipeline, &revision, &self.plugins, TenantSeed::new(1, 2))
    }
}

/// Reads again what a run had.
pub struct Again<'a>(&'a Recorded);

impl Sources for Again<'_> {
    fn plan(&mut self, revision: u64, canary: Option<u64>) -> Option<Arc<Plan>> {
        let mut plan = self.0.plan(revision, revision);
        if let Some(number) = canary.filter(|canary| *canary == revision + CANDIDATE) {
            plan.candidate = Some(CandidatePlan {
                plan: Arc::new(self.0.plan(number, number)),
                mode: CANARY,
            });
        }
        Some(Arc::new(plan))
    }

    fn input(&mut self, after: u64) -> Option<Incoming> {
        super::replaying::behind(&self.0.input, after)
    }

    fn redriven(&mut self, after: u64) -> Option<Incoming> {
        super::replaying::behind(&self.0.redriven, after)
    }

    fn row(&mut self, _: &str, _: u32, _: u64) -> Option<TableRow> {
        None
    }
}

/// Plugins that fail for no reason of their own any more: how calls failed is recorded.
fn plugins(scenario: &Scenario) -> BTreeMap<Name, Arc<dyn Plugin>> {
    let calm = Arc::new(Faults::new(0));
    calm.calm_down();
    let runtime = SimRuntime {
        faults: calm,
        manner: scenario.manner(),
    };
    let load = |name: &str, component: &'static [u8]| {
        let digest = tailrace_core::identity::Digest::of(component);
        let plugin = runtime
            .load(digest, &component.into())
            .expect("a plugin of the scenario");
        (Name::new(name).expect("a name"), plugin)
    };
    BTreeMap::from([load("count", COUNT), load("stamp", STAMP)])
}

/// The commits of a partition, each with the messages that were stored with it.
fn log(scenario: &Scenario, partition: PartitionId, own: &[Stored]) -> Result<Log, String> {
    let commits = subject::commit_subject(&partition);
    let mut log = Log {
        manifest: scenario.revision_of(1, 1).manifest,
        partition,
        before: beginning(),
        commits: Vec::new(),
    };
    let mut assembler = Assembler::default();
    let mut outputs = Vec::new();
    for message in own {
        if message.subject != commits {
            if record::decode_part(&message.payload).is_ok() {
                outputs.clear();
            } else if !is_redriven(&scenario.pipeline, &message.subject) {
                let (subject, headers) = (message.subject.clone(), message.headers.clone());
                outputs.push((subject, headers, message.payload.to_vec()));
            }
            continue;
        }
        let record = assembler
            .push(&message.payload)
            .map_err(|cause| cause.to_string())?;
        match record {
            Some(record) if record.head.commit == 0 => log.before = record.head,
            Some(record) => log.commits.push(Committed {
                record,
                sequence: message.sequence,
                outputs: std::mem::take(&mut outputs),
            }),
            None => {}
        }
    }
    Ok(log)
}

fn is_redriven(pipeline: &PipelineId, subject: &str) -> bool {
    let patterns = subject::redrive_patterns(pipeline);
    patterns.iter().any(|pattern| subject::covers(pattern, subject))
}

fn incoming(message: &Stored) -> Incoming {
    Incoming {
        sequence: message.sequence,
        received_ms: message.received_ms,
        subject: message.subject.clone(),
        headers: message.headers.clone(),
        payload: message.payload.clone(),
        unreadable: None,
    }
}
