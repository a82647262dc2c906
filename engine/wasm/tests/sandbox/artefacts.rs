//! Compiled plugins on disk: used when they are sound, made anew when they are not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use tailrace_core::{
    event::Verdict,
    ports::plugins::{Admitted, PluginRuntime as _},
};

use super::{Sandbox, alone, guests::Guest, roomy, runtime_in, verdict};

fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    fs::read_dir(sandbox.folder.path().join("artefacts"))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// What a runtime that starts anew makes of the plugin.
fn verdict_after_restart(sandbox: &Sandbox, plugin: &Admitted) -> Verdict {
    let plugin = runtime_in(&sandbox.folder)
        .load(plugin.digest, &plugin.component)
        .expect("the plugin loads");
    verdict(&mut *plugin.instantiate("{}", &roomy()).expect("an instance"))
}

fn drops() -> Guest {
    Guest::process("(i32.store8 (i32.const 1028) (i32.const 2)) (i32.const 1024)")
}

#[test]
fn an_admitted_plugin_is_not_compiled_again() {
    // Seen by putting the artefact of another plugin in its place: a compiler would not be fooled.
    let _alone = alone();
    let sandbox = Sandbox::new();
    let forward = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted");
    let forward_file = files(&sandbox).pop().expect("its artefact");
    sandbox.runtime.admit(&drops().module()).expect("admitted");
    let drop_file = files(&sandbox)
        .into_iter()
        .find(|file| *file != forward_file)
        .expect("the other artefact");
    assert_eq!(verdict_after_restart(&sandbox, &forward), Verdict::Forward);
    fs::copy(drop_file, forward_file).expect("a copy");
    assert_eq!(verdict_after_restart(&sandbox, &forward), Verdict::Drop);
}

#[test]
fn a_damaged_artefact_is_made_anew() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let forward = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted");
    let file = files(&sandbox).pop().expect("its artefact");
    let sound = fs::read(&file).expect("readable");
    for damage in [
        Vec::new(),
        sound[..20].to_vec(),
        sound[..sound.len() - 1].to_vec(),
        {
            let mut flipped = sound.clone();
            flipped[sound.len() / 2] ^= 1;
            flipped
        },
    ] {
        fs::write(&file, damage).expect("writable");
        assert_eq!(verdict_after_restart(&sandbox, &forward), Verdict::Forward);
        assert_eq!(fs::read(&file).expect("readable"), sound);
    }
}

#[test]
fn a_folder_that_cannot_be_written_costs_speed_only() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    // A file where the artefact would be put first.
    fs::remove_dir(sandbox.folder.path().join("artefacts")).expect("it is empty");
    let plugin = sandbox.plugin(&Guest::forward());
    assert_eq!(
        verdict(&mut *plugin.instantiate("{}", &roomy()).expect("an instance")),
        Verdict::Forward
    );
}

#[test]
fn nobody_else_can_enter_the_folder_of_artefacts() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let artefacts = sandbox.folder.path().join("artefacts");
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&artefacts), 0o700);
    // Also where somebody made it before.
    fs::set_permissions(&artefacts, fs::Permissions::from_mode(0o777)).expect("ours");
    drop(runtime_in(&sandbox.folder));
    assert_eq!(mode(&artefacts), 0o700);
}

#[test]
fn one_plugin_is_held_in_memory_once() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let admitted = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted");
    let load = || {
        sandbox
            .runtime
            .load(admitted.digest, &admitted.component)
            .expect("loaded")
    };
    assert!(Arc::ptr_eq(&load(), &load()));
}
