//! Each kind of damage is found, and only it.

use super::*;

fn inputs() -> Vec<Published> {
    (0..4)
        .map(|number| Published {
            sequence: number + 1,
            user: format!("u{}", number % 2),
            number,
        })
        .collect()
}

fn outputs() -> Vec<Emitted> {
    let emitted = |input: &Published| Emitted {
        at: input.sequence * 2,
        user: input.user.clone(),
        count: input.number / 2 + 1,
        sequence: input.sequence,
    };
    inputs().iter().map(emitted).collect()
}

fn states() -> BTreeMap<String, Option<u64>> {
    BTreeMap::from([("u0".to_owned(), Some(2)), ("u1".to_owned(), Some(2))])
}

fn judge(outputs: &[Emitted]) -> Findings {
    check(&inputs(), outputs, &states()).unwrap()
}

#[test]
fn what_is_right_is_found_right() {
    let findings = judge(&outputs());
    let right = Findings {
        events: 4,
        outputs: 4,
        ..Findings::default()
    };
    assert_eq!(findings, right);
}

#[test]
fn a_lost_event_is_found() {
    let mut outputs = outputs();
    outputs.pop();
    let findings = judge(&outputs);
    assert_eq!((findings.lost, findings.out_of_order), (1, 0));
    assert!(findings.first.unwrap().contains("number: 3"));
}

#[test]
fn a_lost_event_in_the_middle_breaks_the_count_too() {
    let mut outputs = outputs();
    outputs.remove(0);
    let findings = judge(&outputs);
    assert_eq!((findings.lost, findings.out_of_order), (1, 1));
}

#[test]
fn a_doubled_output_is_found() {
    let mut outputs = outputs();
    outputs.push(outputs[1].clone());
    assert_eq!(judge(&outputs).doubled, 1);
}

#[test]
fn an_output_of_no_event_or_of_another_user_is_invented() {
    let mut outputs = outputs();
    outputs[3].sequence = 77;
    let findings = judge(&outputs);
    assert_eq!((findings.invented, findings.lost), (1, 1));
    outputs[3].sequence = 3;
    assert_eq!(judge(&outputs).invented, 1);
}

#[test]
fn swapped_outputs_of_a_user_are_out_of_order() {
    let mut outputs = outputs();
    outputs.swap(0, 2);
    assert!(judge(&outputs).out_of_order > 0);
}

#[test]
fn a_counter_that_repeats_is_out_of_order() {
    let mut outputs = outputs();
    outputs[2].count = 1;
    assert_eq!(judge(&outputs).out_of_order, 1);
}

#[test]
fn a_state_that_differs_or_lacks_is_wrong() {
    let states = BTreeMap::from([("u0".to_owned(), Some(3))]);
    let findings = check(&inputs(), &outputs(), &states).unwrap();
    assert_eq!(findings.wrong_state, 2);
}

#[test]
fn a_load_that_lacks_an_event_or_has_one_twice_says_nothing() {
    let mut lacking = inputs();
    lacking.remove(1);
    assert!(check(&lacking, &[], &states()).is_err());
    let mut double = inputs();
    double.push(double[0].clone());
    assert!(check(&double, &[], &states()).is_err());
}
