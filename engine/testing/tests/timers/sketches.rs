//! What plugins read of sketches: as of the last sealed batch, wherever its commit is.

use super::stage::Stage;

const STEPS: &str = "steps: [{name: a, plugin: waker@1.0.0, config: a, grants: [sketches]}]\n\
    sketches: {amounts: {kind: quantiles}, users: {kind: distinct}, items: {kind: top}, \
    minutes: {kind: quantiles, window: 1m, keep: 1h}}";

const NOTHING: &str = "None 0 0 [] 0";
const ONE: &str = "Some(5.0) 1 2 [(\"tea\", 2)] 2";
const TWO: &str = "Some(9.0) 2 4 [(\"tea\", 4)] 4";

#[test]
fn a_plugin_reads_the_batches_before_and_not_its_own() {
    let mut stage = Stage::set(STEPS);
    stage.send("ada", 0, "learn 5");
    stage.send("ada", 0, "learn 5");
    stage.commit();
    stage.send("ada", 0, "learn 9");
    stage.commit();
    stage.send("ada", 0, "learn 1");
    stage.commit();
    assert_eq!(stage.said()[..2], [NOTHING, NOTHING]);
    assert_eq!(stage.said()[2], "Some(5.0) 1 4 [(\"tea\", 4)] 4");
    assert_eq!(stage.said()[3], "Some(9.0) 2 6 [(\"tea\", 6)] 6");
}

#[test]
fn it_reads_the_same_whether_the_commit_before_is_under_way_or_done() {
    for is_done in [false, true] {
        let mut stage = Stage::set(STEPS);
        stage.send("ada", 0, "learn 5");
        stage.commit();
        stage.send("ada", 0, "learn 9");
        stage.turn();
        let sealed = stage.seal();
        stage.send("ada", 0, "learn 1");
        if is_done {
            stage.apply(sealed);
            stage.turn();
        } else {
            stage.turn();
            stage.apply(sealed);
        }
        stage.commit_batch();
        assert_eq!(stage.said()[..], [NOTHING, ONE, TWO], "{is_done}");
    }
}

#[test]
fn an_engine_that_takes_over_reads_the_same() {
    let mut stage = Stage::set(STEPS);
    for value in [5, 9] {
        stage.send("ada", 0, &format!("learn {value}"));
        stage.commit();
        stage.crash();
    }
    stage.send("ada", 0, "learn 1");
    stage.turn();
    stage.crash();
    stage.commit();
    assert_eq!(stage.said()[..], [NOTHING, ONE, TWO]);
}

#[test]
fn a_sketch_that_cannot_be_read_says_why() {
    let mut stage = Stage::set(STEPS);
    stage.send("ada", 0, "misread minutes;misread users;misread nothing");
    stage.commit();
    let said = stage.said();
    assert!(said[0].contains("windows or groups"), "{said:?}");
    assert!(said[1].contains("is declared as distinct"), "{said:?}");
    assert!(said[2].contains("declares no sketch"), "{said:?}");
}
