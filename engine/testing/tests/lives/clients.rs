//! Clients: each asks one thing after the other, of any engine that runs, and goes away now and then before it is
//! answered.

use std::{sync::Arc, time::Duration};

use tailrace_control::{
    ControlError,
    command::{apply::Apply, condition::Condition, tenants::TenantRequest, tokens::TokenRequest},
};
use tailrace_core::{
    identity::{Digest, PipelineId},
    manifest::{PipelineManifest, PluginRef, parse::parse},
    name::Name,
    ports::broker::DeadLetters as _,
    registry::{Quotas, Registry, candidate::Mode},
    tasks,
};

use super::{
    cluster::{Cluster, INPUT, Session, lock, name},
    history::History,
    ledger::{Act, Answer, Ledger},
    plugins::COMPONENTS,
};

/// Longest wait between two requests.
const WAIT_MS: u64 = 700;
/// Within what time a client that goes away does so.
const GOES_WITHIN_MS: u64 = 1_500;
/// In virtual time: a request that waits longer hangs.
const ANSWERED_WITHIN: Duration = Duration::from_mins(4);

/// What clients share.
pub struct Clients {
    pub cluster: Arc<Cluster>,
    pub ledger: Arc<Ledger>,
    pub quotas: Quotas,
    marks: std::sync::Mutex<u64>,
}

impl Clients {
    pub fn new(cluster: &Arc<Cluster>) -> Arc<Self> {
        let below = |limit| cluster.faults.below(limit) as u32;
        Arc::new(Self {
            cluster: cluster.clone(),
            ledger: Arc::default(),
            quotas: Quotas {
                pipelines: 1 + below(2),
                partitions: 3 + below(2),
                plugins: 1 + below(2),
                ..Quotas::default()
            },
            marks: std::sync::Mutex::new(0),
        })
    }

    /// Asks for so many things.
    pub async fn ask_for(self: Arc<Self>, things: u64) {
        for _ in 0..things {
            self.wait().await;
            while self.cluster.running().is_empty() {
                self.wait().await;
            }
            let tenant = name(if self.below(3) == 0 { "bob" } else { "ann" });
            self.one_thing(&tenant).await;
        }
    }

    fn below(&self, limit: u64) -> u64 {
        self.cluster.faults.below(limit)
    }

    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(self.below(WAIT_MS))).await;
    }

    /// What the registry holds at this moment.
    fn seen(&self) -> History {
        let mut history = History::default();
        for entry in self.cluster.registry.written_after(0) {
            // What is wrong with it is found when all is checked.
            let _ = history.take(&entry);
        }
        history
    }

    async fn one_thing(&self, tenant: &Name) {
        let history = self.seen();
        let registry = history.registry.published();
        if !registry.tenants.contains_key(tenant) && self.below(4) > 0 {
            return self.put_tenant(tenant).await;
        }
        if registry.plugins_of(tenant).next().is_none() && self.below(4) > 0 {
            return self.upload(tenant).await;
        }
        let pipeline = name(["p", "q", "r"][self.below(3) as usize]);
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline,
        };
        let is_there = registry.pipelines.contains_key(&id);
        match self.below(100) {
            0..4 => self.put_tenant(tenant).await,
            4..10 => self.upload(tenant).await,
            10..14 => self.make_token(tenant).await,
            14..20 => self.empty_and_delete(tenant, &registry).await,
            20..26 if is_there => self.candidate(&id, &registry).await,
            26..30 if is_there => self.pause(&id).await,
            30..33 if is_there => {
                let roll_back = |commands: tailrace_control::Commands, id: PipelineId| async move {
                    applied(commands.roll_back(&id, None, false).await)
                };
                let to = id.clone();
                self.ask(Act::RollBack(id), |engine| roll_back(engine.commands, to))
                    .await;
            }
            33..43 if is_there => self.redrive(&id).await,
            43..52 if is_there => self.read(&id).await,
            52..72 if is_there => self.delete(&id).await,
            72..75 if is_there => self.lose_stream(&id).await,
            75..77 if is_there => self.renew(&id).await,
            77..79 => self.mend().await,
            79..82 => self.read_audit(tenant).await,
            82..87 => self.delete_plugin(tenant).await,
            _ => self.apply(&id, &registry, None).await,
        }
    }

    /// Asks an engine; goes away now and then.
    async fn ask<F>(&self, act: Act, what: impl FnOnce(Session) -> F) -> Answer
    where
        F: Future<Output = Result<Answer, ControlError>> + Send + 'static,
    {
        let running = self.cluster.running();
        if running.is_empty() {
            return Answer::Unheard;
        }
        let engine = running[self.below(running.len() as u64) as usize].clone();
        let faults = &self.cluster.faults;
        faults.note(act.what());
        let revision = || self.cluster.registry.entries();
        let input = self.cluster.broker.last_sequence(INPUT);
        tracing::info!(engine = %engine.name, ?act, "asked");
        let number = self.ledger.begin(act, revision(), input);
        let goes = faults.strikes("client goes away", 20);
        let goes_after = Duration::from_millis(self.below(GOES_WITHIN_MS));
        let session = engine.session(number.to_string());
        let mut asked = engine.group.within(|| tasks::spawn(what(session)));
        let answer = tokio::select! {
            biased;
            answered = &mut asked => match answered {
                Ok(Ok(answer)) => answer,
                Ok(Err(refused)) => Answer::Refused(refused.code(), refused.to_string()),
                Err(_) => Answer::Unheard,
            },
            () = engine.died() => Answer::Unheard,
            () = tokio::time::sleep(ANSWERED_WITHIN) => Answer::Never,
            () = tokio::time::sleep(goes_after), if goes => Answer::Unheard,
        };
        asked.abort();
        tracing::info!(engine = %engine.name, number, ?answer, "answered");
        self.ledger.end(number, revision(), answer.clone());
        answer
    }

    async fn put_tenant(&self, tenant: &Name) {
        let request = TenantRequest {
            read: vec!["in.>".to_owned()],
            write: vec![format!("out.{tenant}.>")],
            nats_account: None,
            quotas: Some(self.quotas.clone()),
        };
        let name = tenant.clone();
        self.ask(Act::PutTenant(tenant.clone()), |engine| {
            let commands = engine.commands;
            async move {
                let put = commands.put_tenant(&name, request, Condition::Any).await;
                put.map(|_| Answer::Done)
            }
        })
        .await;
    }

    async fn empty_and_delete(&self, tenant: &Name, registry: &Registry) {
        // Others may make pipelines meanwhile.
        for (id, _) in registry.pipelines_of(tenant) {
            self.delete(id).await;
        }
        let name = tenant.clone();
        self.ask(Act::DeleteTenant(tenant.clone()), |engine| {
            let commands = engine.commands;
            async move {
                let deleted = commands.delete_tenant(&name, Condition::Any).await;
                deleted.map(|()| Answer::Done)
            }
        })
        .await;
    }

    async fn upload(&self, tenant: &Name) {
        let component = COMPONENTS[self.below(2) as usize];
        let version = 1 + self.below(2);
        let plugin: PluginRef = format!("count@{version}.0.0").parse().expect("a plugin");
        let act = Act::Upload(tenant.clone(), plugin.clone(), Digest::of(component));
        let name = tenant.clone();
        self.ask(act, |engine| {
            let commands = engine.commands;
            async move {
                let component = bytes::Bytes::from_static(component);
                let uploaded = commands.upload_plugin(&name, plugin, component).await;
                uploaded.map(|_| Answer::Done)
            }
        })
        .await;
    }

    /// Any version: one that is named stays, and one that is being named now goes or stays.
    async fn delete_plugin(&self, tenant: &Name) {
        let version = 1 + self.below(2);
        let plugin: PluginRef = format!("count@{version}.0.0").parse().expect("a plugin");
        let (name, act) = (tenant.clone(), Act::DeletePlugin(tenant.clone(), plugin.clone()));
        self.ask(act, |engine| {
            let commands = engine.commands;
            async move {
                let deleted = commands.delete_plugin_version(&name, &plugin).await;
                deleted.map(|()| Answer::Done)
            }
        })
        .await;
    }

    async fn make_token(&self, tenant: &Name) {
        let name = tenant.clone();
        let made = Arc::new(std::sync::Mutex::new(None));
        let place = made.clone();
        self.ask(Act::MakeToken(tenant.clone()), |engine| {
            let commands = engine.commands;
            async move {
                let token = commands.create_token(&name, TokenRequest::default()).await?;
                *lock(&place) = Some(token.shown.id);
                Ok(Answer::Done)
            }
        })
        .await;
        let made = lock(&made).take();
        let Some(token) = made.filter(|_| self.below(2) == 0) else {
            return;
        };
        self.wait().await;
        let name = tenant.clone();
        self.ask(Act::RevokeToken(tenant.clone(), token.clone()), |engine| {
            let commands = engine.commands;
            async move {
                let revoked = commands.revoke_token(&name, &token).await;
                revoked.map(|()| Answer::Done)
            }
        })
        .await;
    }

    async fn apply(&self, id: &PipelineId, registry: &Registry, beside: Option<Mode>) {
        let mark = {
            let mut marks = lock(&self.marks);
            // Now and then what was applied last, once more.
            if *marks == 0 || self.below(20) > 0 {
                *marks += 1;
            }
            *marks
        };
        let absent = beside.is_none() && self.below(6) == 0;
        let how = Apply {
            forced: false,
            beside,
            condition: if absent { Condition::Absent } else { Condition::Any },
            is_dry: false,
        };
        let manifest = self.manifest(id, registry, mark);
        let act = Act::Apply {
            id: id.clone(),
            mark,
            absent,
            beside: beside.is_some(),
        };
        let tenant = id.tenant.clone();
        self.ask(act, |engine| {
            let commands = engine.commands;
            async move { applied(commands.apply_pipeline(&tenant, manifest, how).await) }
        })
        .await;
    }

    fn manifest(&self, id: &PipelineId, registry: &Registry, mark: u64) -> PipelineManifest {
        let PipelineId { tenant, pipeline } = id;
        let known = registry.pipelines.get(id).filter(|_| self.below(8) > 0);
        // What cannot change is mostly the same, so that a revision is accepted.
        let partitions = known.map_or_else(
            || 1 + self.below(3) as u32,
            |known| known.active.manifest.partitions,
        );
        let plugins: Vec<_> = registry.plugins_of(tenant).collect();
        let plugin = match plugins.len() {
            0 => "count@1.0.0".to_owned(),
            some => plugins[self.below(some as u64) as usize].plugin.to_string(),
        };
        let start = if self.below(2) == 0 { "all" } else { "new" };
        let strict = self.below(2) == 0;
        let alarms = if self.cluster.has_alarms {
            r#","alarms":[{"name":"some","when":"events-per-second > 0"}]"#
        } else {
            ""
        };
        let text = format!(
            r#"{{"name":"{pipeline}","partitions":{partitions},
            "input":{{"stream":"{INPUT}","subjects":["in.>"],"key":{{"subject-token":2}},"start":"{start}"}},
            "steps":[{{"name":"count","plugin":"{plugin}","config":{{"mark":{mark},"strict":{strict}}},
                "grants":["state"],"on-error":{{"retries":40,"backoff":"10ms"}}}}],
            "output":{{"subject":"out.{tenant}.{pipeline}.{{key}}"}}{alarms}}}"#
        );
        parse(text.as_bytes()).expect("the manifest is valid")
    }

    /// Begins a candidate, promotes it, or abandons it.
    async fn candidate(&self, id: &PipelineId, registry: &Registry) {
        let of = id.clone();
        match self.below(3) {
            0 => self.apply(id, registry, Some(Mode::Shadow)).await,
            1 => {
                self.ask(Act::Promote(id.clone()), |engine| {
                    let commands = engine.commands;
                    async move { applied(commands.promote(&of).await) }
                })
                .await;
            }
            _ => {
                self.ask(Act::Abandon(id.clone()), |engine| {
                    let commands = engine.commands;
                    async move { applied(commands.abandon(&of).await) }
                })
                .await;
            }
        }
    }

    async fn pause(&self, id: &PipelineId) {
        for (act, reason) in [
            (Act::Pause(id.clone()), Some("simulated".to_owned())),
            (Act::Resume(id.clone()), None),
        ] {
            let of = id.clone();
            self.ask(act, |engine| {
                let commands = engine.commands;
                async move {
                    let done = commands.set_paused(&of, reason).await;
                    done.map(|()| Answer::Done)
                }
            })
            .await;
            self.wait().await;
        }
    }

    async fn delete(&self, id: &PipelineId) {
        let of = id.clone();
        self.ask(Act::Delete(id.clone()), |engine| {
            let commands = engine.commands;
            async move {
                let deleted = commands.delete_pipeline(&of, Condition::Any).await;
                deleted.map(|()| Answer::Done)
            }
        })
        .await;
    }

    async fn redrive(&self, id: &PipelineId) {
        let letters = self.cluster.broker.list(id, 0, 5).await.unwrap_or_default();
        let Some(letter) = letters.first().map(|letter| letter.sequence) else {
            return;
        };
        let of = id.clone();
        self.ask(Act::Redrive(id.clone(), letter), |engine| {
            let commands = engine.commands;
            async move { commands.redrive(&of, letter).await.map(|_| Answer::Done) }
        })
        .await;
    }

    async fn read(&self, id: &PipelineId) {
        let key = format!("k{}", self.below(4));
        let of = id.clone();
        self.ask(Act::Read(id.clone(), key.clone()), |engine| {
            let queries = engine.queries;
            async move {
                let entry = queries.state(&of, "count", &key).await?;
                Ok(Answer::Read(entry.value))
            }
        })
        .await;
    }

    async fn read_audit(&self, tenant: &Name) {
        let name = tenant.clone();
        self.ask(Act::ReadAudit(tenant.clone()), |engine| async move {
            let records = engine.queries.audit_of(&name, None, 100).await?;
            let lives = records.iter().map(|known| known.record.tenant_life);
            Ok(Answer::Audit(lives.collect()))
        })
        .await;
    }

    /// Somebody deletes a pipeline's own stream by hand; then the pipeline is renewed, as it says itself.
    async fn lose_stream(&self, id: &PipelineId) {
        self.cluster.lose_stream(id);
        tokio::time::sleep(Duration::from_millis(self.below(5_000))).await;
        self.renew(id).await;
    }

    pub async fn renew(&self, id: &PipelineId) {
        let of = id.clone();
        self.ask(Act::Renew(id.clone()), |engine| {
            let commands = engine.commands;
            async move { commands.renew_stream(&of).await.map(|()| Answer::Done) }
        })
        .await;
    }

    pub async fn mend(&self) {
        self.ask(Act::Mend, |engine| {
            let (queries, commands) = (engine.queries, engine.commands);
            async move {
                let found = queries.examine().await?;
                commands.mend(found).await?;
                Ok(Answer::Done)
            }
        })
        .await;
    }

    /// Lets a pipeline go on that was paused.
    pub async fn resume(&self, id: &PipelineId) {
        let of = id.clone();
        self.ask(Act::Resume(id.clone()), |engine| {
            let commands = engine.commands;
            async move { commands.set_paused(&of, None).await.map(|()| Answer::Done) }
        })
        .await;
    }
}

fn applied(
    done: Result<tailrace_control::command::apply::AppliedPipeline, ControlError>,
) -> Result<Answer, ControlError> {
    done.map(|applied| Answer::Applied(applied.revision, applied.changed))
}
