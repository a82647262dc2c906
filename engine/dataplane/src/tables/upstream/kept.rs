//! What of a pipeline is a table, and the rows that it makes.

use bytes::Bytes;
use tailrace_core::{delta::Delta, manifest::PipelineTable, ports::store::Exported};

/// What of a pipeline is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UpstreamPart {
    /// The state of a step.
    State(String),
    /// A collection of vectors.
    Vectors(String),
}

impl UpstreamPart {
    /// As the manifest says it.
    pub(super) fn of(upstream: PipelineTable<'_>) -> Self {
        match upstream {
            PipelineTable::State(step) => Self::State(step.to_string()),
            PipelineTable::Vectors(collection) => Self::Vectors(collection.to_string()),
        }
    }

    /// What a commit does to the rows.
    pub(super) fn changes(&self, delta: &Delta) -> Vec<(String, Option<Bytes>)> {
        match self {
            Self::State(step) => {
                let writes = delta.state.get(step).into_iter().flatten();
                let changes = writes.map(|(key, value)| {
                    let payload = value.as_ref().map(|value| Bytes::copy_from_slice(&value.value));
                    (key.clone(), payload)
                });
                changes.collect()
            }
            Self::Vectors(collection) => {
                let writes = delta.vectors.get(collection).into_iter().flatten();
                let changes = writes.map(|(id, vector)| (id.clone(), vector.as_deref().map(row)));
                changes.collect()
            }
        }
    }

    /// The row of an entry of a snapshot; none where the entry is of something else.
    pub(super) fn row_of(&self, entry: Exported<'_>) -> Option<(String, Bytes)> {
        match (self, entry) {
            (Self::State(own), Exported::State { step, key, value }) if own == step => {
                Some((key.to_owned(), value.value.into()))
            }
            (
                Self::Vectors(own),
                Exported::Vector {
                    collection,
                    id,
                    vector,
                },
            ) if own == collection => Some((id.to_owned(), row(&vector))),
            _ => None,
        }
    }
}

/// A vector as a row: JSON, which joins and plugins read, and which says each number exactly.
fn row(vector: &[f32]) -> Bytes {
    serde_json::to_vec(vector).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_reads_back_as_it_was() {
        let vector = [0.1_f32, -3.0e-20, f32::MAX, f32::MIN_POSITIVE, 0.0];
        let read: Vec<f32> = serde_json::from_slice(&row(&vector)).unwrap();
        assert_eq!(read, vector);
        assert_eq!(row(&[0.5, -2.0]), Bytes::from_static(b"[0.5,-2.0]"));
    }
}
