//! Plugins of the contract's version before run unchanged. `contract-0.1/counter.wasm` is what cargo left of a plugin of
//! the SDK of 0.1: for each event it counts the key in `state`, tells `sketches` and `vectors` and writes a log line.

use bytes::Bytes;
use tailrace_core::{event::Verdict, grant::Grant, ports::plugins::PluginRuntime as _};

use super::{Sandbox, call, event, host::TestHost, roomy};

const COUNTER: &[u8] = include_bytes!("../contract-0.1/counter.wasm");

#[test]
fn a_plugin_of_0_1_is_admitted_and_runs_and_imports_the_names_of_0_1() {
    let sandbox = Sandbox::shared();
    let admitted = sandbox
        .runtime
        .admit(&Bytes::from_static(COUNTER))
        .expect("admitted");
    let grants = [Grant::State, Grant::Vectors, Grant::Sketches, Grant::Log];
    assert!(admitted.imports.iter().eq(&grants), "{:?}", admitted.imports);
    let names = String::from_utf8_lossy(&admitted.component).into_owned();
    for interface in ["state", "vectors", "sketches", "log", "panics", "transform"] {
        assert!(
            names.contains(&format!("tailrace:plugin/{interface}@0.1.0")),
            "{interface}"
        );
    }
    assert!(!names.contains("@0.2"), "nothing of it is new");
    let plugin = sandbox
        .runtime
        .load(admitted.digest, &admitted.component)
        .expect("loaded");
    let mut instance = plugin.instantiate("{}", &roomy()).expect("an instance");
    let (call, host) = call(&mut *instance, TestHost::default());
    let Verdict::Emit(messages) = call.result.expect("a verdict") else {
        panic!("no message");
    };
    // The host of the tests has `stored` under every key.
    assert_eq!(messages[0].payload[..], [b's' + 1]);
    let key = event().key;
    assert_eq!(
        host.calls,
        [
            format!("state.get {key}"),
            format!("state.set {key} [116] None"),
            format!("sketches.distinct keys {key}"),
            format!("vectors.set counts {key} [116.0]"),
            "log Info counted".to_owned(),
        ]
    );
}
