//! Plugins that look up rows of tables.

use tailrace_core::{event::Verdict, grant::Grant};

use super::{
    Sandbox, call,
    guests::{Guest, TABLES},
    host::TestHost,
    roomy,
};

#[test]
fn a_row_comes_back_whole_and_needs_its_grant() {
    // An option, then address and length of the row.
    let body = "(call $get (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 3) (i32.const 1200))
        (if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 1208)) (i32.const 3)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.load (i32.const 1204))) (i32.const 114)) (then unreachable))
        (i32.const 1024)";
    let guest = Guest::process(body)
        .import(TABLES, "get", "(param i32 i32 i32 i32 i32)")
        .data("filmabc");
    let sandbox = Sandbox::shared();
    assert!(sandbox.plugin(&guest).imports().iter().eq(&[Grant::Tables]));
    let mut instance = sandbox.instance(&guest, &roomy());
    let (call, host) = call(&mut *instance, TestHost::default());
    assert_eq!(call.result.expect("a verdict"), Verdict::Forward);
    assert_eq!(host.calls, ["tables.get film abc"]);
}
