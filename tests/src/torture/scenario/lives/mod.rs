//! Lives: pipelines and tenants are created, changed, deleted and made anew, while the load of the arena goes on.
//! First each step of each intent meets each fault: the engine dies there, the client goes away, the broker dies
//! ([`steps`]). Then many clients are at it at once, under a few names ([`churn`]).
//!
//! After each fault all must settle by itself: what was begun is done, what is made anew begins from nothing, and
//! nothing is without an owner. At the end the engine has as many threads and open files as before.

mod churn;
mod hall;
mod steps;

use self::hall::Hall;
use crate::torture::{Form, Plan, arena::Arena, report::Outcome};

/// Pipelines of a churn, in each form.
const CHURNED: (usize, usize) = (20, 200);

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let faults = faults(&mut arena, plan).await;
    Ok(arena.judge(faults).await)
}

async fn faults(arena: &mut Arena, plan: &Plan) -> anyhow::Result<()> {
    let mut hall = Hall::open(arena).await?;
    for round in 1..=plan.rounds {
        steps::meet_each_fault(&mut hall, round).await?;
        hall.arena
            .say(&format!("round {round} of {} is over", plan.rounds));
    }
    let pipelines = match plan.form {
        Form::Short => CHURNED.0,
        Form::Long => CHURNED.1,
    };
    churn::run(&mut hall, pipelines).await?;
    hall.nothing_is_left().await
}
