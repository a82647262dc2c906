//! Where log lines go: to standard error, as text or JSON.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Sets logs up; once a process.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|cause| {
        anyhow::anyhow!(
            "log.filter {:?} is not valid: {cause}; write info, or tailrace_core=debug",
            config.filter
        )
    })?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match config.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    set.map_err(|cause| anyhow::anyhow!("logs are set up already: {cause}"))
}
