//! The sandbox must not get dearer unnoticed: processor time of its call against the bare wasmtime call
//! of the same guest, by the thread alone, in turn, as a ratio of medians.

use tailrace_core::ports::plugins::PluginRuntime as _;

use super::{Guest, Sandbox, TestHost, bare::Bare, event, roomy};

/// Calls of a round: some milliseconds.
const CALLS: u64 = 5_000;
const ROUNDS: usize = 15;
/// In a debug build, where our own code is hardly optimised and wasmtime is: about twice what was
/// measured. `make bench` has the ratio that counts.
const MOST: f64 = 4.0;

#[test]
fn a_call_costs_no_more_of_the_bare_call_than_it_did() {
    let sandbox = Sandbox::shared();
    let admitted = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("the guest is admitted");
    let mut bare = Bare::new(&admitted.component, "{}").expect("the guest runs bare");
    let limits = roomy();
    let mut instance = sandbox.instance(&Guest::forward(), &limits);
    let event = event();
    let (mut bare_ns, mut ours_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_ns.push(timed(|| bare.call(&event).expect("the guest takes the event")));
        let mut host = TestHost::default();
        ours_ns.push(timed(|| {
            let call = instance.process(&event, &mut host);
            assert!(call.result.is_ok());
        }));
    }
    let ratio = median(ours_ns) / median(bare_ns);
    eprintln!("a call costs {ratio:.2} of the bare call");
    assert!(ratio <= MOST, "a call costs {ratio:.2} of the bare call");
}

fn timed(mut call: impl FnMut()) -> f64 {
    let before = thread_cpu_ns();
    (0..CALLS).for_each(|_| call());
    (thread_cpu_ns() - before) as f64
}

/// Time that this thread had a processor, as the kernel counts it.
fn thread_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let first = text.split_whitespace().next().expect("a figure");
    first.parse().expect("a number")
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
