//! A join as the documentation says it, over a list of events: slow and plain.

/// A row: value, number of the left event, number of the right one.
pub type Row = (String, Option<u64>, Option<u64>);

/// What the join is, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub before: u64,
    pub after: u64,
    pub grace: u64,
    pub left_alone: bool,
    pub right_alone: bool,
}

#[derive(Debug, Clone)]
struct Event {
    is_left: bool,
    key: String,
    time: u64,
    number: u64,
    is_paired: bool,
}

/// The join of all keys.
pub struct Model {
    rule: Rule,
    kept: Vec<Event>,
    pub told: Vec<Row>,
}

impl Model {
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            kept: Vec::new(),
            told: Vec::new(),
        }
    }

    /// An event comes, and the watermark with it.
    pub fn take(&mut self, is_left: bool, key: &str, time: u64, number: u64, watermark: u64) {
        self.tick(watermark);
        let mut event = Event {
            is_left,
            key: key.to_owned(),
            time,
            number,
            is_paired: false,
        };
        let rule = self.rule;
        for kept in &mut self.kept {
            if kept.is_left == is_left || kept.key != event.key {
                continue;
            }
            let (left, right) = if is_left {
                (&event, &*kept)
            } else {
                (&*kept, &event)
            };
            if right.time + rule.before >= left.time && right.time <= left.time + rule.after {
                self.told
                    .push((key.to_owned(), Some(left.number), Some(right.number)));
                kept.is_paired = true;
                event.is_paired = true;
            }
        }
        self.kept.push(event);
        self.tick(watermark);
    }

    /// The watermark moves, and waits end.
    pub fn tick(&mut self, watermark: u64) {
        let rule = self.rule;
        let is_over = |event: &Event| {
            let longest = if event.is_left { rule.after } else { rule.before };
            event.time + longest + rule.grace < watermark
        };
        let (over, kept) = self.kept.drain(..).partition(is_over);
        self.kept = kept;
        let over: Vec<Event> = over;
        for event in over.into_iter().filter(|event| !event.is_paired) {
            let number = Some(event.number);
            match event.is_left {
                true if rule.left_alone => self.told.push((event.key, number, None)),
                false if rule.right_alone => self.told.push((event.key, None, number)),
                _ => {}
            }
        }
    }
}
