//! Filters a batch and cuts it into portions of a size that the sink takes. Pure.

use std::sync::Arc;

use crate::batch::EventBatch;
use crate::event::Event;
use crate::sink::BatchLimits;

/// A part of a batch, to be exported at once.
#[derive(Debug)]
pub(crate) struct Portion {
    pub(crate) batch: EventBatch,
    /// With its verdict, so many events of the batch are settled, those included that the filter left out.
    pub(crate) settles: usize,
}

/// Cuts the events of `batch` that are wanted into portions within `limits`. A single event may exceed the bytes.
pub(super) fn split(batch: &EventBatch, limits: BatchLimits, wants: impl Fn(&Event) -> bool) -> Vec<Portion> {
    let mut portions = Vec::new();
    let mut events: Vec<Arc<Event>> = Vec::new();
    let mut bytes = 0;
    for (index, event) in batch.iter().enumerate() {
        if !wants(event) {
            continue;
        }
        let size = event.json_size_hint();
        if events.len() == limits.events.get() || (!events.is_empty() && bytes + size > limits.bytes) {
            portions.push(Portion { batch: batch.with_events(std::mem::take(&mut events)), settles: index });
            bytes = 0;
        }
        bytes += size;
        events.push(event.clone());
    }
    if !events.is_empty() {
        // The usual case, a batch that is wanted whole, shares the batch's own events.
        let whole = portions.is_empty() && events.len() == batch.len();
        let batch_of_rest = if whole { batch.clone() } else { batch.with_events(events) };
        portions.push(Portion { batch: batch_of_rest, settles: batch.len() });
    }
    portions
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

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
            let wants = |event: &Event| (event.count as usize).is_multiple_of(modulus);
            let portions = split(&batch, limits, wants);
            let sent: Vec<_> = portions.iter().flat_map(|portion| portion.batch.iter().cloned()).collect();
            let wanted: Vec<_> = events.iter().filter(|event| wants(event)).cloned().collect();
            prop_assert_eq!(sent, wanted);
            let mut settled = 0;
            for portion in &portions {
                let size: usize = portion.batch.iter().map(|event| event.json_size_hint()).sum();
                prop_assert!(portion.batch.len() <= most && (size <= bytes || portion.batch.len() == 1));
                prop_assert!(portion.settles > settled);
                prop_assert!(portion.batch.iter().all(|event| (event.count as usize) < portion.settles));
                settled = portion.settles;
            }
        }
    }
}
