//! What the registry went through, read from every entry that was ever written: which lives there were, and from
//! when to when. What must hold at every moment is checked here.

use std::collections::BTreeMap;

use tailrace_core::{
    identity::PipelineId,
    life::Life,
    manifest::{PipelineManifest, Start},
    name::Name,
    ports::registry::Entry,
    registry::{Key, Pipeline, PipelinePhase, Registry, Tenant, ended_by},
};

/// The life of a pipeline.
#[derive(Debug, Clone)]
pub struct PipelineLife {
    pub id: PipelineId,
    pub life: Life,
    /// The tenant's.
    pub tenant_life: Life,
    pub created: u64,
    pub ready: Option<u64>,
    pub deleting: Option<u64>,
    pub removed: Option<u64>,
    /// Marks of its revisions, by number.
    pub marks: BTreeMap<u64, u64>,
    /// Those of the life that it took the place of: its revisions are kept.
    pub inherited: BTreeMap<u64, u64>,
    /// When the registry first said so of each.
    pub since: BTreeMap<u64, u64>,
    /// Where its input begins.
    pub first: u64,
    pub is_new: bool,
    pub partitions: u32,
    pub last_number: u64,
}

/// The life of a tenant.
#[derive(Debug, Clone)]
pub struct TenantLife {
    pub name: Name,
    pub life: Life,
    pub created: u64,
    pub deleting: Option<u64>,
    pub removed: Option<u64>,
}

/// All of it.
#[derive(Default)]
pub struct History {
    pub registry: Registry,
    pub lives: Vec<PipelineLife>,
    pub tenants: Vec<TenantLife>,
    /// What each entry of a revision says, and when it was written.
    pub revisions: BTreeMap<(PipelineId, u64), u64>,
    /// At which revisions of the registry a key was written, and whether something was there then.
    pub writes: BTreeMap<String, Vec<(u64, bool)>>,
}

/// The mark that a manifest bears.
pub fn mark(manifest: &PipelineManifest) -> u64 {
    let config = manifest.steps.first().map(|step| &step.config);
    let mark = config.and_then(|config| config.get("mark"));
    mark.and_then(serde_json::Value::as_u64).unwrap_or_default()
}

impl History {
    /// Takes in what was written next.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        self.registry.take(entry);
        let (revision, is_there) = (entry.revision, entry.value.is_some());
        self.writes
            .entry(entry.key.clone())
            .or_default()
            .push((revision, is_there));
        let Ok(key) = entry.key.parse::<Key>() else {
            // No key, but the mark of a tenant whose end was ordered.
            let is_mark = !is_there && ended_by(&entry.key).is_some();
            return is_mark
                .then_some(())
                .ok_or_else(|| format!("unknown key {}", entry.key));
        };
        match &key {
            Key::Pipeline(id) => {
                let pipeline = self.registry.pipelines.get(id).map(|known| (**known).clone());
                self.pipeline(id, pipeline, revision)?;
            }
            Key::Tenant(name) => {
                let tenant = self.registry.tenants.get(name).map(|known| (**known).clone());
                self.tenant(name, tenant, revision)?;
            }
            Key::Revision(id, number) => {
                let place = (id.clone(), *number);
                match &entry.value {
                    None => drop(self.revisions.remove(&place)),
                    Some(value) => {
                        let read: tailrace_core::registry::Revision =
                            serde_json::from_slice(value).map_err(|cause| cause.to_string())?;
                        self.revisions.insert(place, mark(&read.manifest));
                    }
                }
            }
            Key::Token(_) | Key::Plugin(..) | Key::Schema(..) | Key::SchemaVersion(..) => {}
        }
        self.check_quotas()
    }

    /// The life that a name has now.
    pub fn current(&self, id: &PipelineId) -> Option<&PipelineLife> {
        let last = self.lives.iter().rev().find(|life| life.id == *id);
        last.filter(|life| life.removed.is_none())
    }

    /// A life, wherever it was.
    pub fn life(&self, life: Life) -> Option<&PipelineLife> {
        self.lives.iter().find(|known| known.life == life)
    }

    /// Whether a key was there, or was not, at some moment from one revision to another.
    pub fn was(&self, key: &Key, from: u64, to: u64, there: bool) -> bool {
        let writes = self.writes.get(&key.to_string()).map_or(&[][..], Vec::as_slice);
        let before = writes.iter().rfind(|(at, _)| *at <= from);
        let at_first = before.is_some_and(|(_, is_there)| *is_there);
        let mut meanwhile = writes.iter().filter(|(at, _)| (from + 1..=to).contains(at));
        at_first == there || meanwhile.any(|(_, is_there)| *is_there == there)
    }

    fn pipeline(&mut self, id: &PipelineId, entry: Option<Pipeline>, revision: u64) -> Result<(), String> {
        let current = self
            .lives
            .iter()
            .rposition(|life| life.id == *id)
            .filter(|current| self.lives[*current].removed.is_none());
        let Some(pipeline) = entry else {
            let Some(current) = current else { return Ok(()) };
            let life = &mut self.lives[current];
            life.removed = Some(revision);
            return match life.deleting {
                Some(_) => Ok(()),
                None => Err(format!(
                    "the entry of {id} was removed, and nobody had begun to delete it"
                )),
            };
        };
        let is_known = current.is_some_and(|current| self.lives[current].life == pipeline.life);
        if !is_known {
            if self.life(pipeline.life).is_some() {
                return Err(format!("{id}: life {} came back after its end", pipeline.life));
            }
            let mut begun = PipelineLife::begun(id, &pipeline, revision);
            // A pipeline whose stream is lost begins anew in place.
            if let Some(current) = current {
                let before = &mut self.lives[current];
                before.deleting = Some(revision);
                before.removed = Some(revision);
                begun.inherited.clone_from(&before.inherited);
                begun.inherited.extend(before.marks.clone());
            }
            self.lives.push(begun);
        }
        let life = self.lives.iter_mut().rfind(|life| life.id == *id);
        life.ok_or("no life")?.goes_on(&pipeline, revision)
    }

    fn tenant(&mut self, name: &Name, entry: Option<Tenant>, revision: u64) -> Result<(), String> {
        let current = self
            .tenants
            .iter_mut()
            .rfind(|known| known.name == *name)
            .filter(|known| known.removed.is_none());
        match (entry, current) {
            (None, None) => {}
            (None, Some(known)) => {
                known.removed = Some(revision);
                if known.deleting.is_none() {
                    return Err(format!(
                        "tenant {name} was removed, and nobody had begun to delete it"
                    ));
                }
            }
            (Some(tenant), Some(known)) if known.life == tenant.life => {
                if tenant.deleting {
                    known.deleting.get_or_insert(revision);
                } else if known.deleting.is_some() {
                    return Err(format!("tenant {name} was being deleted, and is not any more"));
                }
            }
            (Some(tenant), current) => {
                if current.is_some() {
                    return Err(format!("tenant {name} changed its life in place"));
                }
                self.tenants.push(TenantLife {
                    name: name.clone(),
                    life: tenant.life,
                    created: revision,
                    deleting: tenant.deleting.then_some(revision),
                    removed: None,
                });
            }
        }
        Ok(())
    }

    /// However many asked at once, what is made is never more than the quota.
    fn check_quotas(&self) -> Result<(), String> {
        for (name, tenant) in &self.registry.tenants {
            let ready = self.registry.pipelines_of(name);
            let ready: Vec<_> = ready.filter(|(_, pipeline)| pipeline.phase.is_ready()).collect();
            let own = |(_, pipeline): &&(&PipelineId, &std::sync::Arc<Pipeline>)| {
                pipeline.tenant_life == tenant.life
            };
            let pipelines = ready.iter().filter(own).count();
            let partitions = ready.iter().filter(own);
            let partitions: u32 = partitions
                .map(|(_, pipeline)| pipeline.active.manifest.partitions)
                .sum();
            let quotas = &tenant.quotas;
            if pipelines > quotas.pipelines as usize || partitions > quotas.partitions {
                return Err(format!(
                    "tenant {name} has {pipelines} pipelines of {partitions} partitions, beyond its quotas"
                ));
            }
        }
        Ok(())
    }
}

impl PipelineLife {
    fn begun(id: &PipelineId, pipeline: &Pipeline, revision: u64) -> Self {
        Self {
            id: id.clone(),
            life: pipeline.life,
            tenant_life: pipeline.tenant_life,
            created: revision,
            ready: None,
            deleting: None,
            removed: None,
            marks: BTreeMap::new(),
            inherited: BTreeMap::new(),
            since: BTreeMap::new(),
            first: pipeline.start_sequence.unwrap_or(1),
            is_new: pipeline.active.manifest.input.start == Start::New,
            partitions: pipeline.active.manifest.partitions,
            last_number: 0,
        }
    }

    fn goes_on(&mut self, pipeline: &Pipeline, revision: u64) -> Result<(), String> {
        let id = &self.id;
        let candidate = pipeline.candidate.as_ref().map(|candidate| &candidate.revision);
        for known in std::iter::once(&pipeline.active).chain(candidate) {
            let mark = mark(&known.manifest);
            if *self.marks.entry(known.number).or_insert(mark) != mark {
                return Err(format!("{id}: revision {} is another than it was", known.number));
            }
            self.since.entry(known.number).or_insert(revision);
        }
        self.last_number = self.last_number.max(pipeline.next_number() - 1);
        match pipeline.phase {
            PipelinePhase::Ready => {
                self.ready.get_or_insert(revision);
                if self.deleting.is_some() {
                    return Err(format!("{id} was being deleted, and is not any more"));
                }
            }
            PipelinePhase::Deleting => {
                self.deleting.get_or_insert(revision);
            }
            PipelinePhase::Creating | PipelinePhase::Renewing if self.ready.is_some() => {
                return Err(format!("{id} was there, and is being created again"));
            }
            PipelinePhase::Creating | PipelinePhase::Renewing => {}
        }
        Ok(())
    }

    /// Whether a mark is of one of its revisions.
    pub fn has(&self, mark: u64) -> bool {
        self.marks.values().any(|known| *known == mark)
    }

    /// Whether it ended before a revision of the registry, or began after another.
    pub fn was_there(&self, from: u64, to: u64) -> bool {
        self.created <= to && self.removed.is_none_or(|removed| removed > from)
    }
}
