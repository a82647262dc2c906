//! `tailrace plugin delete`.

use clap::Args;
use tailrace_core::manifest::PluginRef;

use crate::cli::global::Session;

/// Which version goes.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The version, as `name@version`.
    #[arg(value_name = "NAME@VERSION")]
    plugin: PluginRef,
    /// Confirm the deletion.
    #[arg(long, required = true)]
    yes: bool,
}

/// Deletes it.
pub fn run(args: &DeleteArgs, session: &Session) -> anyhow::Result<()> {
    let PluginRef { name, version } = &args.plugin;
    let (name, version) = (name.to_string(), version.to_string());
    let route = session.tenant_route(&["plugins", &name, "versions", &version])?;
    let answer = session.client.delete(&route)?;
    let told = || Ok(format!("plugin {} is deleted", args.plugin));
    session.output.show(&answer, told)
}
