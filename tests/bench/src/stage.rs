//! A broker and an engine of the benchmark's own, and the workers that are compared on them.
//!
//! Every worker does the same job: it consumes a stream, checks each event, and publishes it to
//! `bench.<name>.<key>`. The engine does it as a pipeline; the worker written by hand and the peers are
//! commands, each a process of its own.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use tailrace_nats::async_nats::jetstream::{
    consumer::{AckPolicy, Consumer, pull},
    stream,
};
use tailrace_tests::{
    access::Broker,
    cluster::{Cluster, eventually},
    engine::{Engine, Launch, TENANT},
};
use tempfile::TempDir;

use crate::memory::Plugin;

/// Who works.
#[derive(Debug, Clone)]
pub enum Worker {
    /// A command, with {nats}, {stream} and {prefix} to fill in.
    Command(String),
    /// The engine.
    Engine {
        /// Its delivery.
        delivery: &'static str,
        /// What its only step does.
        plugin: Plugin,
        /// Partitions.
        partitions: u32,
    },
    /// The engine, with a pipeline that is described by its name.
    Pipeline(fn(&str) -> String),
}

impl Worker {
    /// The worker written by hand: this program, as a process of its own.
    pub fn by_hand(partitions: u32) -> anyhow::Result<Self> {
        let this = std::env::current_exe()?;
        Ok(Self::Command(format!(
            "{} native --nats {{nats}} --stream {{stream}} --prefix {{prefix}} --partitions {partitions}",
            this.display()
        )))
    }

    /// The engine, checking every event.
    pub fn validating(delivery: &'static str, partitions: u32) -> Self {
        Self::Engine {
            delivery,
            plugin: Plugin::Validator,
            partitions,
        }
    }
}

/// How the engine can deliver.
pub const DELIVERIES: [&str; 3] = ["exactly-once", "at-least-once", "at-most-once"];

/// What a worker reads.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The stream.
    pub stream: &'a str,
    /// All of its subjects.
    pub subjects: &'a str,
}

/// A broker and an engine with the plugins.
pub struct Stage<B = Cluster> {
    /// The broker.
    pub cluster: B,
    /// The engine.
    pub engine: Engine,
    /// Copies of the own stream of a pipeline that is made from now on; none leaves it to the engine.
    pub replicas: Option<u8>,
    _folder: TempDir,
}

impl Stage {
    /// Starts both.
    pub async fn set() -> anyhow::Result<Self> {
        Self::set_with(&[]).await
    }

    /// Starts both, the engine with these variables.
    pub async fn set_with(environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::set_on(Cluster::start().await?, environment).await
    }
}

impl<B: Broker> Stage<B> {
    /// An engine on this broker, with these variables.
    pub async fn set_on(cluster: B, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let launch = environment
            .iter()
            .fold(Launch::on(&cluster), |launch, (name, value)| {
                launch.with(name, value)
            });
        let engine = Engine::start_with(&launch, folder.path()).await?;
        engine.tenant(TENANT, &["bench.>"]).await?;
        for plugin in [Plugin::Validator, Plugin::Forward] {
            let file = plugin.file();
            engine.upload(&file.replace('_', "-"), file).await?;
        }
        Ok(Self {
            cluster,
            engine,
            replicas: None,
            _folder: folder,
        })
    }

    /// What went wrong, with the end of the engine's log below it: tables show the first line only.
    pub fn explain(&self, cause: &anyhow::Error) -> anyhow::Error {
        anyhow::anyhow!("{cause:#}\n{}", self.engine.log())
    }

    /// Sets a worker to work, under a name of its own.
    pub async fn launch(
        &self,
        worker: &Worker,
        name: &str,
        input: Input<'_>,
    ) -> anyhow::Result<Running<'_, B>> {
        let mut manifest = match worker {
            Worker::Command(template) => return self.command(template, name, input).await,
            Worker::Engine {
                delivery,
                plugin,
                partitions,
            } => manifest(name, input, delivery, *plugin, *partitions),
            Worker::Pipeline(manifest) => manifest(name),
        };
        if let Some(replicas) = self.replicas {
            manifest = manifest.replace("output: {", &format!("output: {{ replicas: {replicas},"));
        }
        self.engine.apply(name, &manifest).await?;
        let output = format!("TR_{TENANT}_{name}");
        eventually("the pipeline has its stream", || async {
            self.cluster.jetstream.get_stream(&output).await.is_ok()
        })
        .await?;
        Ok(Running {
            stage: self,
            name: name.to_owned(),
            output,
            process: None,
        })
    }

    /// Applies a pipeline again with another description, as a tenant does who swaps a plugin: the
    /// deadline of its step differs from revision to revision.
    pub async fn swap(
        &self,
        worker: &Worker,
        name: &str,
        input: Input<'_>,
        number: u32,
    ) -> anyhow::Result<()> {
        let Worker::Engine {
            delivery,
            plugin,
            partitions,
        } = worker
        else {
            anyhow::bail!("only a pipeline with a plugin is swapped");
        };
        let limits = format!("    limits: {{ deadline: {}ms }}\noutput:", 60 + number % 2);
        let manifest = manifest(name, input, delivery, *plugin, *partitions).replace("output:", &limits);
        self.engine.apply(name, &manifest).await.map(drop)
    }

    async fn command(&self, template: &str, name: &str, input: Input<'_>) -> anyhow::Result<Running<'_, B>> {
        let prefix = format!("bench.{name}");
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{prefix}.>")],
            allow_atomic_publish: true,
            allow_direct: true,
            num_replicas: self.cluster.replicas,
            ..stream::Config::default()
        };
        self.cluster.jetstream.create_stream(config).await?;
        let command = template
            .replace("{nats}", &self.cluster.urls())
            .replace("{stream}", input.stream)
            .replace("{prefix}", &prefix)
            .replace("{output}", name);
        let mut words = command.split_whitespace();
        let process = Command::new(words.next().context("an empty command")?)
            .args(words)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {command}"))?;
        Ok(Running {
            stage: self,
            name: name.to_owned(),
            output: name.to_owned(),
            process: Some(Ended(process)),
        })
    }
}

fn manifest(name: &str, input: Input<'_>, delivery: &str, plugin: Plugin, partitions: u32) -> String {
    let Input { stream, subjects } = input;
    let (grants, collections) = match plugin {
        Plugin::Vectors { dimensions } => (
            "vectors",
            format!("vectors:\n  keys: {{ dimensions: {dimensions}, metric: dot }}\n"),
        ),
        _ => ("state, log", String::new()),
    };
    format!(
        "name: {name}\ninput: {{ stream: {stream}, subjects: [\"{subjects}\"], key: {{ json: /user }} }}\npartitions: {partitions}\ndelivery: {delivery}\nsteps:\n  - name: step\n    plugin: {}@1.0.0\n    grants: [{grants}]\n    config: {}\n{collections}output: {{ subject: \"bench.{name}.{{key}}\" }}\n",
        plugin.file().replace('_', "-").trim_start_matches("examples/"),
        plugin.config(),
    )
}

/// A worker at work.
pub struct Running<'a, B = Cluster> {
    stage: &'a Stage<B>,
    name: String,
    /// The stream with its outputs.
    pub output: String,
    process: Option<Ended>,
}

impl<B: Broker> Running<'_, B> {
    /// The process that works.
    pub fn pid(&self) -> u32 {
        self.process
            .as_ref()
            .map_or_else(|| self.stage.engine.pid(), |process| process.0.id())
    }

    /// The pipeline, where the engine works.
    pub fn pipeline(&self) -> Option<&str> {
        self.process.is_none().then_some(self.name.as_str())
    }

    /// Its outputs, and nothing else that lies in the stream.
    pub fn outputs(&self) -> String {
        format!("bench.{}.*", self.name)
    }

    /// A consumer that nobody asks: the broker counts for it how many outputs there are.
    pub async fn counter(&self) -> anyhow::Result<Counter> {
        let stream = self.stage.cluster.jetstream.get_stream(&self.output).await?;
        let config = pull::Config {
            filter_subject: self.outputs(),
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_mins(10),
            ..pull::Config::default()
        };
        Ok(Counter(stream.create_consumer(config).await?))
    }

    /// Ends it and removes what it leaves.
    pub async fn end(mut self) -> anyhow::Result<()> {
        if self.process.take().is_some() {
            self.stage.cluster.jetstream.delete_stream(&self.name).await?;
        } else {
            let path = format!("pipelines/{}", self.name);
            let answer = self.stage.engine.own("DELETE", &path, "").await?;
            anyhow::ensure!(answer.status < 300, "{answer:?}");
        }
        Ok(())
    }
}

/// Counts outputs.
pub struct Counter(Consumer<pull::Config>);

impl Counter {
    /// How many there are.
    pub async fn count(&mut self) -> anyhow::Result<u64> {
        Ok(self.0.info().await?.num_pending)
    }
}

/// A process that ends with its guard.
#[derive(Debug)]
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
