//! What happens in a run, line by line, in virtual time: `RUST_LOG=debug SIMULATION_SEED=42`.

use std::fmt;

use tokio::time::Instant;
use tracing_subscriber::{
    EnvFilter,
    fmt::{TestWriter, format::Writer, time::FormatTime},
};

struct Virtual;

impl FormatTime for Virtual {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        thread_local! {
            static BEGAN: Instant = Instant::now();
        }
        let passed = BEGAN.with(Instant::elapsed);
        write!(writer, "{:>9.3}", passed.as_secs_f64())
    }
}

/// Shows what the engine logs, where that is asked for.
pub fn show() {
    if std::env::var_os("RUST_LOG").is_some() {
        let shown = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
        let shown = shown.with_timer(Virtual).with_ansi(false);
        // Another test of this process may have done so.
        let _ = shown.with_writer(TestWriter::new()).try_init();
    }
}
