//! Everything that metrics show, at one moment: what the pipelines of this engine count, and what only
//! the broker and the local store know. Nothing of it is asked for between two scrapes.

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::{
    identity::PipelineId,
    name::Name,
    observe::status::StatusReport,
    ports::{
        store::{PartCounts, ReclaimCounts},
        tracer::SpanCounts,
    },
    registry::Quotas,
};

use crate::{
    alarms::{reports::NoticeCounts, subject::Subject},
    query::Queries,
    usage::Used,
};

/// What is measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// Each pipeline of this engine.
    pub pipelines: Vec<MeasuredPipeline>,
    /// Bytes on disk of the local state store of each tenant that has partitions here.
    pub store_bytes: BTreeMap<Name, u64>,
    /// Each tenant, by name.
    pub tenants: Vec<MeasuredTenant>,
    /// Whether the broker is connected.
    pub broker_connected: bool,
    /// Whether a pipeline waits for room on the disk of the data folder.
    pub data_folder_full: bool,
    /// Streams of the engine's own that somebody has altered.
    pub altered_streams: u64,
    /// Whether the broker writes to its disk before it answers, where it is known.
    pub broker_syncs_always: Option<bool>,
    /// Streams that are watched.
    pub watchers: u64,
    /// Spans of traces.
    pub spans: SpanCounts,
    /// Notices of alarms.
    pub notices: NoticeCounts,
    /// Alarms of this engine that fire.
    pub alarms_firing: u64,
    /// Merged parts of sketches.
    pub parts: PartCounts,
    /// Disk that local databases gave back.
    pub reclaimed: ReclaimCounts,
}

/// A tenant: what it has, and what it may have.
#[derive(Debug)]
pub struct MeasuredTenant {
    /// Which.
    pub name: Name,
    /// What it has.
    pub used: Used,
    /// What it may have.
    pub quotas: Quotas,
    /// Whether this engine is connected to its NATS account, where it has one of its own.
    pub account_connected: Option<bool>,
}

/// A pipeline.
#[derive(Debug)]
pub struct MeasuredPipeline {
    /// Which.
    pub id: PipelineId,
    /// What it counts.
    pub report: StatusReport,
    /// Messages of its input stream behind its slowest partition here, where the broker tells.
    pub lag: Option<u64>,
    /// Its alarms that fire, where this engine keeps them.
    pub alarms_firing: Option<u64>,
}

impl Queries {
    /// Measures.
    pub fn measure(&self) -> Measured {
        let shown = self.context.overview.all();
        let reports: Vec<_> = shown
            .into_iter()
            .map(|(id, status)| (id, status.report()))
            .collect();
        let connected = self.context.world.streams.is_connected();
        let store_bytes = self.store_bytes(&reports);
        let firing: BTreeMap<_, _> = self.reports.firing().into_iter().collect();
        let of_engines = firing
            .iter()
            .filter(|(subject, _)| matches!(subject, Subject::Engine(_)));
        let alarms_firing = of_engines.map(|(_, alarms)| alarms).sum();
        let pipelines = reports.into_iter().map(|(id, report)| MeasuredPipeline {
            lag: report.lag(),
            alarms_firing: firing.get(&Subject::Pipeline(id.clone())).copied(),
            id,
            report,
        });
        Measured {
            pipelines: pipelines.collect(),
            store_bytes,
            tenants: self.measured_tenants(),
            broker_connected: connected,
            data_folder_full: self.context.overview.lacks_disk(),
            altered_streams: self.context.told_of_streams().len() as u64,
            broker_syncs_always: self.context.overview.broker_syncs_always(),
            watchers: self.context.overview.places().taken() as u64,
            spans: self.context.world.tracer.counts(),
            notices: self.reports.notices(),
            alarms_firing,
            parts: self.context.world.store.part_counts(),
            reclaimed: self.context.world.store.reclaim_counts(),
        }
    }

    fn measured_tenants(&self) -> Vec<MeasuredTenant> {
        let Ok(registry) = self.context.registry() else {
            return Vec::new();
        };
        let tenants = registry.tenants.values().map(|tenant| MeasuredTenant {
            name: tenant.name.clone(),
            used: self.context.used_by(&registry, &tenant.name),
            quotas: tenant.quotas.clone(),
            account_connected: tenant.nats_account.as_ref().and_then(|account| {
                let state = self.context.world.accounts.state(account);
                // One that nobody needs here was never tried.
                (state.connected || state.trouble.is_some()).then_some(state.connected)
            }),
        });
        tenants.collect()
    }

    fn store_bytes(&self, reports: &[(PipelineId, StatusReport)]) -> BTreeMap<Name, u64> {
        let here = reports.iter().filter(|(_, report)| !report.partitions.is_empty());
        let tenants: BTreeSet<&Name> = here.map(|(id, _)| &id.tenant).collect();
        let size = |tenant: &Name| Some((tenant.clone(), self.context.world.store.size_bytes(tenant).ok()?));
        tenants.into_iter().filter_map(size).collect()
    }
}
