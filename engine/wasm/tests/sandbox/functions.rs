//! Functions that were compiled before: taken where they are sound, compiled anew where they are not.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use tailrace_core::{event::Verdict, ports::plugins::PluginRuntime as _};
use tailrace_wasm::{Compile, WasmOptions, WasmRuntime};

use super::{alone, guests::Guest, roomy, verdict};

/// A plugin with as many functions as a small interpreter, and with this body of `process`.
fn with_interpreter(process: &str) -> Guest {
    let mut more = format!("(@custom \"padding\" \"{}\")", "x".repeat(4 << 20));
    for number in 0..800 {
        more.push_str("(func (param i64) (result i64) ");
        for round in 0..40 {
            let _ = write!(
                more,
                "(local.set 0 (i64.mul (i64.add (local.get 0) (i64.const {number}{round})) (i64.xor (local.get 0) (i64.const {round}{number}))))"
            );
        }
        more.push_str("(local.get 0))");
    }
    Guest::process(process).more(&more)
}

/// What a runtime without any compiled plugin makes of it.
fn verdict_of(guest: &Guest, functions: &Path) -> Verdict {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = WasmOptions {
        artefacts: folder.path().join("artefacts"),
        compile: Compile::InProcess {
            functions: Some(functions.to_owned()),
        },
    };
    let runtime = WasmRuntime::new(options).expect("the sandbox starts");
    let admitted = runtime.admit(&guest.module()).expect("admitted");
    let plugin = runtime
        .load(admitted.digest, &admitted.component)
        .expect("the plugin loads");
    verdict(&mut *plugin.instantiate("{}", &roomy()).expect("an instance"))
}

fn files(functions: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(functions).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "functions"))
        .collect()
}

#[test]
fn a_changed_plugin_takes_the_functions_of_its_interpreter_unless_they_are_damaged() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let functions = folder.path().join("functions");
    let forwards = with_interpreter("(i32.const 1024)");
    let drops = with_interpreter("(i32.store8 (i32.const 1028) (i32.const 2)) (i32.const 1024)");
    assert_eq!(verdict_of(&forwards, &functions), Verdict::Forward);
    let [kept] = &files(&functions)[..] else {
        panic!("one file is kept: {:?}", files(&functions));
    };
    // One that was of use is marked so, and what a plugin alone brings is not worth another file.
    let long_ago = SystemTime::UNIX_EPOCH;
    let file = fs::File::options().append(true).open(kept).expect("the file");
    file.set_modified(long_ago).expect("its time is set");
    assert_eq!(verdict_of(&drops, &functions), Verdict::Drop);
    assert_eq!(files(&functions), std::slice::from_ref(kept));
    let used = fs::metadata(kept).and_then(|file| file.modified());
    assert!(used.expect("its time") > long_ago);
    // A damaged one is no more, and is written anew.
    let sound = fs::read(kept).expect("readable");
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    fs::write(kept, damaged).expect("writable");
    assert_eq!(verdict_of(&forwards, &functions), Verdict::Forward);
    let [anew] = &files(&functions)[..] else {
        panic!("one file is kept: {:?}", files(&functions));
    };
    // In another order: functions are compiled beside each other.
    assert_eq!(fs::read(anew).expect("readable").len(), sound.len());
    assert_eq!(verdict_of(&drops, &functions), Verdict::Drop);
}
