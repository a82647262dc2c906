//! The scenarios, one a file.

pub mod failpoints;
pub mod full_disk;
pub mod full_limit;
pub mod kill_engine;
pub mod kill_server;
pub mod lives;
pub mod net_split;
pub mod nodes;
pub mod proxy;
pub mod state_disk;
pub mod state_errors;
pub mod stop_engine;
pub mod stop_server;
pub mod swaps;
pub mod timer_storm;
pub mod two_engines;
pub mod upgrade;

use std::{fs, io::Write as _, path::Path, time::Duration};

use tokio::time::Instant;

use super::{Form, Plan, arena::Arena};

/// Requests time out after 5 s: this is beyond.
const STOPPED: Duration = Duration::from_secs(8);
/// The same, as short as it may be.
const STOPPED_SHORT: Duration = Duration::from_secs(7);
/// Heartbeats, pulls and leases expire too.
const STOPPED_LONG: Duration = Duration::from_secs(35);

/// How long a process is stopped, each time.
fn stops(plan: &Plan) -> Vec<Duration> {
    let rounds = plan.rounds as usize;
    match plan.form {
        Form::Short => vec![STOPPED_SHORT; rounds],
        Form::Long => {
            let mut stops = vec![STOPPED; rounds];
            stops.push(STOPPED_LONG);
            stops
        }
    }
}

/// Writes a file until nothing more fits on its disk; gives how many bytes did.
fn fill_disk(ballast: &Path) -> anyhow::Result<u64> {
    let mut file = fs::File::create(ballast)?;
    // Down to single bytes, for the last page.
    for bytes in [1 << 20, 4 << 10, 1] {
        let piece = vec![0; bytes];
        while file.write_all(&piece).is_ok() {}
    }
    Ok(file.metadata()?.len())
}

/// A damage that needs an operator must not hide the others: does what the operator would.
async fn go_on(arena: &mut Arena, suffered: anyhow::Result<()>) -> anyhow::Result<()> {
    let Err(cause) = suffered else { return Ok(()) };
    arena.outcome.failures.push(format!("{cause:#}"));
    arena.engine.kill();
    fs::remove_dir_all(arena.engine.data_dir())?;
    arena.engine.restart(&arena.launch)?;
    arena.recovered(Instant::now(), "folder deleted by hand").await
}
