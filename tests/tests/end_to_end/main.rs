//! From end to end, against a real nats-server and the real binary. Each test has a broker and an
//! engine of its own, on free ports, ended with it.

#![allow(missing_docs, reason = "the tests' names are their documentation")]
#![allow(clippy::print_stdout, reason = "tests print the figures that they judge")]

mod accounts;
mod accuracy;
mod alarms;
mod altered;
mod books;
mod broker;
mod broker_login;
mod broker_tls;
mod by_hand;
mod candidates;
mod chained;
mod changes;
mod circles;
mod clock;
mod cloudevents;
mod command_line;
mod compiling;
mod deletions;
mod docs;
mod edge;
mod engines;
mod exists;
mod exits;
mod failures;
mod house;
mod https;
mod joins;
mod languages;
mod limits;
mod lives;
mod logs;
mod nexmark;
mod nodes;
mod openapi;
mod operator_mode;
mod refusals;
mod schemas;
mod secrets;
mod share;
mod sketches;
mod stored;
mod streams;
mod tables;
mod tenants;
mod timers;
mod torture;
mod traces;
mod upstream;
mod views;
mod walk;
mod wikipedia;
mod windows;

use tailrace_tests::{
    cluster::{BrokerOptions, Cluster},
    engine::Engine,
};
use tempfile::TempDir;

/// A broker, an engine with plugin `probe`, and stream `SHOP`.
pub struct Stage {
    pub cluster: Cluster,
    pub engine: Engine,
    pub folder: TempDir,
}

impl Stage {
    pub async fn set() -> anyhow::Result<Self> {
        Self::set_on(&BrokerOptions::default()).await
    }

    pub async fn set_on(options: &BrokerOptions) -> anyhow::Result<Self> {
        let cluster = Cluster::start_with(options).await?;
        let folder = tempfile::tempdir()?;
        let engine = Engine::start(&cluster, folder.path()).await?;
        cluster.stream("SHOP", &["shop.events.>"]).await?;
        engine.upload("probe", "tailrace_test_guest").await?;
        Ok(Self {
            cluster,
            engine,
            folder,
        })
    }
}

/// A pipeline of one probe; `more` goes into the step.
pub fn probe(name: &str, partitions: u32, more: &str) -> String {
    format!(
        "name: {name}\ninput:\n  subjects: [\"shop.events.>\"]\n  key: {{ json: /user }}\npartitions: {partitions}\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\n{more}\noutput:\n  subject: \"shop.{name}.{{key}}\"\n"
    )
}
