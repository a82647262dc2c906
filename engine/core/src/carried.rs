//! How far a pipeline was in event time when it published a message: a header says it, with the partition. Whoever reads
//! the pipeline's own stream knows by it what is still to come of each partition.
//!
//! A header is believed only in messages of a stream that is a pipeline's own, and only as a bound: it holds a watermark
//! back, and never moves it further than the times of events do. So who can publish there gains nothing by a false one
//! but some delay.
//!
//! Why: docs/decisions/0185-a-pipeline-is-bound-by-the-one-it-reads.md

use crate::{event::Header, manifest::bounds::MAX_PARTITIONS};

const HEADER: &str = "Tr-Watermark";

/// How far a partition was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarriedWatermark {
    /// No event before it was still to come of this partition, but for late ones.
    pub watermark_ms: u64,
    /// The partition.
    pub partition: u32,
    /// How many the pipeline has.
    pub partitions: u32,
}

impl CarriedWatermark {
    /// Whether a header is this one.
    pub fn is_header(header: &Header) -> bool {
        header.name.eq_ignore_ascii_case(HEADER)
    }

    /// What a message carries; nothing where that cannot be read.
    pub fn of(headers: &[Header]) -> Option<Self> {
        let header = headers.iter().find(|header| Self::is_header(header))?;
        let (watermark, place) = header.value.split_once(' ')?;
        let (partition, partitions) = place.split_once('/')?;
        let carried = Self {
            watermark_ms: watermark.parse().ok()?,
            partition: partition.parse().ok()?,
            partitions: partitions.parse().ok()?,
        };
        let is_whole = carried.partition < carried.partitions && carried.partitions <= MAX_PARTITIONS;
        is_whole.then_some(carried)
    }

    /// As a message carries it.
    pub fn to_header(self) -> Header {
        let Self {
            watermark_ms,
            partition,
            partitions,
        } = self;
        Header {
            name: HEADER.to_owned(),
            value: format!("{watermark_ms} {partition}/{partitions}"),
        }
    }

    /// The name of a partition as a source.
    pub fn source(partition: u32) -> String {
        format!("partition {partition}")
    }

    /// By this the partitions of one pipeline are told from other sources. A pipeline that was made anew with as many
    /// goes on where the one before it was.
    pub fn per(self) -> u32 {
        let place = format!("upstream of {} partitions", self.partitions);
        crc32fast::hash(place.as_bytes()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_what_is_none_says_nothing() {
        let carried = CarriedWatermark {
            watermark_ms: 1_795_825_800_000,
            partition: 3,
            partitions: 4,
        };
        let header = carried.to_header();
        assert_eq!(header.value, "1795825800000 3/4");
        assert!(CarriedWatermark::is_header(&header));
        assert_eq!(CarriedWatermark::of(&[header]), Some(carried));
        for hostile in [
            "",
            "1",
            "1 1",
            "1 0/0",
            "1 4/4",
            "-1 0/1",
            "x 0/1",
            "1 0/4294967295",
            "99999999999999999999 0/1",
            "1  0/1",
        ] {
            let name = HEADER.to_ascii_lowercase();
            let value = hostile.to_owned();
            assert_eq!(
                CarriedWatermark::of(&[Header { name, value }]),
                None,
                "{hostile:?}"
            );
        }
        assert_eq!(CarriedWatermark::of(&[]), None);
    }
}
