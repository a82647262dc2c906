//! Bombs for the compiler: small files that are valid and would keep it busy for minutes or
//! gigabytes. Those beyond the structural bounds are refused before it sees them; what lies at the
//! bounds, the compiler must get over (in its child, with the limits of one: see the end-to-end
//! tests).

use bytes::Bytes;
use tailrace_core::ports::plugins::{PluginError, PluginRuntime as _};

use super::{Sandbox, guests::Guest};

/// What is said to an upload that must be refused before it is compiled.
fn refused(upload: &Bytes) -> String {
    match Sandbox::shared().runtime.admit(upload) {
        Err(refusal @ PluginError::Invalid(_)) => refusal.to_string(),
        Err(other) => panic!("not invalid but {other:?}"),
        Ok(_) => panic!("the bomb was admitted"),
    }
}

fn guest(more: &str) -> Bytes {
    Guest::forward().more(more).module()
}

#[test]
fn a_bomb_that_is_counted_is_refused_by_name() {
    let (blocks, many) = (5_000, 200_000);
    let huge = "(drop (i32.const 1))".repeat(400_000);
    let targets = "0 ".repeat(600_000);
    for (bomb, named) in [
        (format!("(func (local {}))", "i64 ".repeat(40_000)), "locals"),
        (
            format!("(func {} {})", "(block ".repeat(blocks), ")".repeat(blocks)),
            "nested",
        ),
        ("(func)".repeat(many), "functions"),
        (format!("(func {huge})"), "bytes of one function"),
        (
            format!("(func (block (br_table {targets} 0 (i32.const 0))))"),
            "targets",
        ),
        ("(global i32 (i32.const 0))".repeat(many), "globals"),
        ("(data \"\")".repeat(many), "data segments"),
        ("(elem func)".repeat(many), "element segments"),
        (
            (0..many).fold(String::new(), |all, n| {
                all + &format!("(export \"e{n}\" (func $process))")
            }),
            "exports",
        ),
        ("(rec (type (func (param i32))))".repeat(many), "types"),
    ] {
        let text = refused(&guest(&bomb));
        assert!(text.contains(named), "{named}: {text}");
    }
}
