//! Guest threads without threads.

use tailrace_core::{
    name::Name,
    ports::executor::{Executor, Job},
};

/// Runs each turn on the spot, in the task that submits it: no order but that of the tasks.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnTheSpot;

impl Executor for OnTheSpot {
    fn submit(&self, _: &Name, job: Job) {
        job();
    }
}
