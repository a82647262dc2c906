//! The short form of each torture. `cargo run -p tailrace-tests --bin torture -- --help` has the long
//! ones, and the same by hand: a failure prints the seed.

use tailrace_tests::torture::{Form, Plan, Scenario, report};

/// The same choices every time; the long form takes others.
const SEED: u64 = 20_261_121;

async fn holds(scenario: Scenario) {
    let outcome = Plan::new(scenario, Form::Short, SEED).run().await;
    let table = report::markdown(SEED, std::slice::from_ref(&outcome));
    println!("{table}");
    assert!(outcome.is_well(), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_an_abort_at_every_point_of_the_walk() {
    holds(Scenario::Failpoints).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_kills_of_the_engine() {
    holds(Scenario::KillEngine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_kills_of_the_server() {
    holds(Scenario::KillServer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_stop_of_the_engine_beyond_time_outs() {
    holds(Scenario::StopEngine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_stop_of_the_server_beyond_time_outs() {
    holds(Scenario::StopServer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_never_double_and_one_is_enough() {
    holds(Scenario::TwoEngines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_while_the_broker_is_full_and_goes_on() {
    holds(Scenario::FullLimit).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(may_mount), ignore = "mounting a small disk needs root")]
async fn it_waits_while_the_brokers_disk_is_full_and_goes_on() {
    holds(Scenario::FullDisk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_rebuilds_a_damaged_folder() {
    holds(Scenario::StateErrors).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(may_mount), ignore = "mounting a small disk needs root")]
async fn it_goes_on_when_its_own_disk_is_full_or_read_only() {
    holds(Scenario::StateDisk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_and_rollbacks_under_load_lose_and_double_nothing() {
    holds(Scenario::Swaps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_and_deleted_is_whole_or_gone_whatever_fails_at_whichever_step() {
    holds(Scenario::Lives).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_kills_and_freezes_of_a_node_of_three() {
    holds(Scenario::Nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_storm_of_timers_and_a_kill_in_its_middle() {
    holds(Scenario::TimerStorm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_bad_connection() {
    holds(Scenario::Proxy).await;
}
