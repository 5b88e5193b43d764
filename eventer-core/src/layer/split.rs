//! Cuts what a sink wants of a batch into portions of a size that it takes. Pure.

use crate::batch::EventBatch;
use crate::sink::BatchLimits;

/// A part of a batch, to be exported at once.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) batch: EventBatch,
    /// The indices of its events in the batch that was cut.
    pub(crate) indices: Vec<usize>,
}

impl Portion {
    /// The events at these places of the portion.
    pub(super) fn part(&self, places: &[usize]) -> Self {
        Self {
            batch: self.batch.with_events(places.iter().map(|at| self.batch.events()[*at].clone()).collect()),
            indices: places.iter().map(|at| self.indices[*at]).collect(),
        }
    }
}

/// Cuts the events of `batch` at `indices` into portions within `limits`. A single event may exceed the bytes.
pub(super) fn split(batch: &EventBatch, indices: &[usize], limits: BatchLimits) -> Vec<Portion> {
    let mut portions = Vec::new();
    let mut begin = 0;
    let mut bytes = 0;
    for (end, index) in indices.iter().enumerate() {
        let size = batch.events()[*index].json_size_hint();
        if end - begin == limits.events.get() || (end > begin && bytes + size > limits.bytes) {
            portions.push(portion(batch, &indices[begin..end]));
            (begin, bytes) = (end, 0);
        }
        bytes += size;
    }
    if begin < indices.len() {
        portions.push(portion(batch, &indices[begin..]));
    }
    portions
}

fn portion(batch: &EventBatch, indices: &[usize]) -> Portion {
    let part = match indices.len() {
        // The usual case, a batch that is wanted whole, shares the batch's own events.
        all if all == batch.len() => batch.clone(),
        _ => batch.with_events(indices.iter().map(|index| batch.events()[*index].clone()).collect()),
    };
    Portion { batch: part, indices: indices.to_vec() }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::event::Event;

    proptest! {
        #[test]
        fn splitting_loses_and_repeats_nothing(
            lengths in prop::collection::vec(0..2000_usize, 0..60),
            most in 1..20_usize,
            bytes in 1..6000_usize,
            modulus in 1..4_usize,
        ) {
            let events: Vec<_> = lengths
                .iter()
                .enumerate()
                .map(|(n, len)| Arc::new(Event { count: n as i32, message: "x".repeat(*len), ..Event::default() }))
                .collect();
            let batch = EventBatch::new("test", Timestamp::UNIX_EPOCH, events.clone());
            let limits = BatchLimits { events: NonZeroUsize::new(most).unwrap(), bytes };
            let wanted: Vec<usize> = (0..events.len()).filter(|n| n.is_multiple_of(modulus)).collect();
            let portions = split(&batch, &wanted, limits);
            let indices: Vec<usize> = portions.iter().flat_map(|portion| portion.indices.clone()).collect();
            prop_assert_eq!(indices, wanted);
            for portion in &portions {
                let size: usize = portion.batch.iter().map(|event| event.json_size_hint()).sum();
                prop_assert!(portion.batch.len() <= most && (size <= bytes || portion.batch.len() == 1));
                prop_assert_eq!(portion.batch.len(), portion.indices.len());
                for (event, index) in portion.batch.iter().zip(&portion.indices) {
                    prop_assert_eq!(event.count as usize, *index);
                }
            }
        }
    }
}
