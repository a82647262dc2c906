//! The engine inside a program of one's own: start it on a broker, make a tenant, upload a plugin,
//! apply a pipeline, all without HTTP.
//!
//! `cargo run -p tailrace-server --example embed -- nats://127.0.0.1:4222 validator.wasm pipeline.yaml` with
//! the validator that `make plugins` built and a pipeline whose tenant is `embedded`.

#![allow(clippy::print_stdout, reason = "it tells what it does")]

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tailrace_control::command::{apply::Apply, condition::Condition, tenants::TenantRequest};
use tailrace_core::{
    identity::PipelineId,
    manifest::{PluginRef, parse::read},
    name::Name,
};
use tailrace_server::{
    config::Config,
    wiring::{self, Compile},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |what: &str| arguments.next().with_context(|| format!("say {what}"));
    let (nats, plugin, pipeline) = (
        argument("the address of a nats-server")?,
        argument("a plugin's file")?,
        argument("a pipeline's file")?,
    );
    let mut config = Config {
        listen: "127.0.0.1:0".parse()?,
        data_dir: std::env::temp_dir().join("tailrace-embedded"),
        ..Config::default()
    };
    config.nats.url = nats;
    // One's own plugins need no child process to compile in; a server for strangers has one.
    let engine = wiring::start(&config, Compile::default()).await?;

    let tenant = Name::new("embedded")?;
    let everything = vec!["shop.>".to_owned()];
    let request = TenantRequest {
        read: everything.clone(),
        write: everything,
        nats_account: None,
        quotas: None,
    };
    // The registry answers a moment after the broker does.
    while engine
        .commands
        .put_tenant(&tenant, request.clone(), Condition::Any)
        .await
        .is_err()
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let written = read(&std::fs::read(pipeline)?)?;
    let plugin_ref: PluginRef = written.manifest.steps[0].plugin.clone();
    engine
        .commands
        .upload_plugin(&tenant, plugin_ref, Bytes::from(std::fs::read(plugin)?))
        .await?;
    let id = PipelineId {
        tenant: tenant.clone(),
        pipeline: written.manifest.name.clone(),
    };
    engine
        .commands
        .apply_pipeline(&tenant, written, Apply::default())
        .await?;
    for _ in 0..10 {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            // Another engine has the same identity: a copy of the data folder is at work.
            cause = engine.failed() => {
                engine.stop().await;
                return Err(cause.into());
            }
        }
        let status = engine.queries.pipeline_status(&id).await?;
        println!("{} events", status.engine.stats.counts.outcomes.events);
    }
    engine.stop().await;
    Ok(())
}
