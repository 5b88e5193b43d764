//! What became of the events that were handed to librdkafka: which wait for their delivery, and who waits for them.
//!
//! An event is with librdkafka from the moment it is queued until its report comes, whether or not the export that queued
//! it still waits: an attempt whose time is up is dropped, and the next one finds its events here, and waits for them
//! instead of sending them again. A report that nobody waited for is kept until somebody asks ([`MOST_REMEMBERED`]).
//!
//! An event is known by its uid and version; one without them, by itself.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventer_core::{Event, EventBatch};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

use super::properties::QUEUE_MESSAGES;

/// The most deliveries that are kept for an export that never asks, since the event was given up meanwhile. What can be
/// with librdkafka at a time, so that a whole queue can come in between two attempts.
const MOST_REMEMBERED: usize = QUEUE_MESSAGES;

/// The deliveries of one sink, or of one producer of it.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    state: Mutex<State>,
    /// Nothing waits any more.
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// With librdkafka.
    pending: HashMap<Identity, Vec<Waiter>>,
    /// Delivered, and nobody has heard of it.
    remembered: HashSet<Identity>,
    /// What is remembered, the oldest first, and some that was asked for meanwhile.
    order: VecDeque<Identity>,
}

/// An event as a key.
#[derive(Clone, Debug)]
struct Identity(Arc<Event>);

/// A place in an export.
#[derive(Debug)]
struct Waiter {
    tally: Arc<Tally>,
    index: usize,
}

/// Counts the deliveries of one export.
#[derive(Debug)]
struct Tally {
    state: Mutex<TallyState>,
    /// All that was queued has its report.
    settled: Notify,
}

#[derive(Debug)]
struct TallyState {
    fates: Vec<Fate>,
    pending: usize,
    is_abandoned: bool,
}

/// What became of one event of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not queued.
    Open,
    /// It is with librdkafka.
    Pending,
    /// It is in Kafka.
    Delivered,
    /// It is not in Kafka, and librdkafka has it no more.
    Failed(RDKafkaErrorCode),
}

/// One export. Dropped before its end, it leaves what it knows for the next attempt.
#[derive(Debug)]
pub(super) struct Export {
    deliveries: Arc<Deliveries>,
    tally: Arc<Tally>,
    batch: EventBatch,
}

impl Deliveries {
    /// Begins an export of `batch`.
    pub(super) fn begin(self: &Arc<Self>, batch: &EventBatch) -> Export {
        let fates = vec![Fate::Open; batch.len()];
        let state = Mutex::new(TallyState { fates, pending: 0, is_abandoned: false });
        let tally = Arc::new(Tally { state, settled: Notify::new() });
        Export { deliveries: self.clone(), tally, batch: batch.clone() }
    }

    /// The report on an event: it is in Kafka, or why it is not.
    pub(super) fn report(&self, event: Arc<Event>, result: Result<(), RDKafkaErrorCode>) {
        let identity = Identity(event);
        let mut state = self.lock();
        let waiters = state.pending.remove(&identity).unwrap_or_default();
        let fate = result.map_or_else(Fate::Failed, |()| Fate::Delivered);
        let mut is_heard = false;
        for waiter in waiters {
            is_heard |= waiter.tally.settle(waiter.index, fate);
        }
        if !is_heard && fate == Fate::Delivered {
            state.remember(identity);
        }
        if state.pending.is_empty() {
            self.drained.notify_waiters();
        }
    }

    /// Resolves when nothing is with librdkafka.
    pub(super) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            if self.lock().pending.is_empty() {
                return;
            }
            drained.await;
        }
    }

    /// Remembers what `other` remembers.
    pub(super) fn inherit(&self, other: &Self) {
        let theirs = std::mem::take(&mut *other.lock()).remembered;
        let mut state = self.lock();
        theirs.into_iter().for_each(|identity| state.remember(identity));
    }

    /// How many events are with librdkafka, and how many deliveries are remembered.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.pending.len(), state.remembered.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, identity: Identity) {
        if self.remembered.insert(identity.clone()) {
            self.order.push_back(identity);
        }
        if self.order.len() > MOST_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }
}

impl Export {
    /// Whether the event has to be queued. It has not if it is with librdkafka already, or was delivered without anybody
    /// hearing of it. If it has, its report is waited for from now on.
    pub(super) fn has_to_queue(&self, index: usize) -> bool {
        let identity = Identity(self.batch.events()[index].clone());
        let mut state = self.deliveries.lock();
        if state.remembered.remove(&identity) {
            self.tally.lock().fates[index] = Fate::Delivered;
            return false;
        }
        self.tally.wait_for(index);
        let waiter = Waiter { tally: self.tally.clone(), index };
        match state.pending.entry(identity) {
            Entry::Occupied(mut waiters) => {
                waiters.get_mut().push(waiter);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(vec![waiter]);
                true
            }
        }
    }

    /// librdkafka did not take the event, so that no report will come.
    pub(super) fn was_refused(&self, index: usize, code: RDKafkaErrorCode) {
        self.deliveries.report(self.batch.events()[index].clone(), Err(code));
    }

    /// Resolves when all that was queued has its report.
    pub(super) async fn settled(&self) {
        while self.tally.lock().pending > 0 {
            self.tally.settled.notified().await;
        }
    }

    /// Ends the export, and says what became of each event. Those that are pending stay so, for the next attempt.
    pub(super) fn end(self) -> Vec<Fate> {
        let _no_report_in_between = self.deliveries.lock();
        let mut tally = self.tally.lock();
        tally.is_abandoned = true;
        std::mem::take(&mut tally.fates)
    }

    /// How many events have no report yet.
    #[cfg(test)]
    fn pending(&self) -> usize {
        self.tally.lock().pending
    }
}

impl Drop for Export {
    /// Leaves what it knows for the next attempt.
    fn drop(&mut self) {
        let mut state = self.deliveries.lock();
        let mut tally = self.tally.lock();
        tally.is_abandoned = true;
        // After its end it knows nothing any more.
        for (fate, event) in tally.fates.iter().zip(self.batch.events()) {
            if *fate == Fate::Delivered {
                state.remember(Identity(event.clone()));
            }
        }
    }
}

impl Tally {
    fn wait_for(&self, index: usize) {
        let mut state = self.lock();
        state.fates[index] = Fate::Pending;
        state.pending += 1;
    }

    /// False: nobody hears of it any more.
    fn settle(&self, index: usize, fate: Fate) -> bool {
        let mut state = self.lock();
        if state.is_abandoned {
            return false;
        }
        state.fates[index] = fate;
        state.pending -= 1;
        if state.pending == 0 {
            self.settled.notify_one();
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, TallyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    fn has_id(&self) -> bool {
        !self.0.metadata.uid.is_empty() && !self.0.metadata.resource_version.is_empty()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.0.metadata, &other.0.metadata);
        ptr::eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0))
            || (self.has_id() && ours.uid == theirs.uid && ours.resource_version == theirs.resource_version)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.has_id() {
            self.0.metadata.uid.hash(state);
            self.0.metadata.resource_version.hash(state);
        } else {
            ptr::hash(Arc::as_ptr(&self.0), state);
        }
    }
}

#[cfg(test)]
mod tests {
    use eventer_core::testing::batch;

    use super::*;

    const DOWN: RDKafkaErrorCode = RDKafkaErrorCode::BrokerTransportFailure;

    /// Queues all, and says which had to be.
    fn queue(export: &Export, len: usize) -> Vec<usize> {
        (0..len).filter(|index| export.has_to_queue(*index)).collect()
    }

    #[tokio::test]
    async fn an_export_is_settled_when_each_event_has_its_report() {
        let deliveries = Arc::new(Deliveries::default());
        let batch = batch(0..3);
        let export = deliveries.begin(&batch);
        assert_eq!(queue(&export, 3), [0, 1, 2]);
        deliveries.report(batch.events()[1].clone(), Ok(()));
        export.was_refused(0, DOWN);
        assert_eq!(export.pending(), 1);
        deliveries.report(batch.events()[2].clone(), Ok(()));
        export.settled().await;
        assert_eq!(export.end(), [Fate::Failed(DOWN), Fate::Delivered, Fate::Delivered]);
        assert_eq!(deliveries.counts(), (0, 0));
        deliveries.drained().await;
    }

    #[tokio::test]
    async fn the_next_attempt_waits_for_what_is_pending_and_knows_what_was_delivered() {
        let deliveries = Arc::new(Deliveries::default());
        let first = batch(0..4);
        let export = deliveries.begin(&first);
        queue(&export, 4);
        deliveries.report(first.events()[0].clone(), Ok(()));
        deliveries.report(first.events()[1].clone(), Err(DOWN));
        drop(export);
        // In between two attempts.
        deliveries.report(first.events()[2].clone(), Ok(()));
        assert_eq!(deliveries.counts(), (1, 2));

        // The same events, read from the journal again.
        let second = batch(0..4);
        let export = deliveries.begin(&second);
        assert_eq!(queue(&export, 4), [1]);
        assert_eq!(export.pending(), 2);
        deliveries.report(first.events()[3].clone(), Ok(()));
        deliveries.report(second.events()[1].clone(), Ok(()));
        export.settled().await;
        assert_eq!(export.end(), [Fate::Delivered; 4]);
        assert_eq!(deliveries.counts(), (0, 0));
    }

    #[test]
    fn what_an_attempt_learned_is_not_lost_however_often_attempts_are_dropped() {
        let deliveries = Arc::new(Deliveries::default());
        let events = batch(0..2);
        let export = deliveries.begin(&events);
        queue(&export, 2);
        deliveries.report(events.events()[0].clone(), Ok(()));
        drop(export);
        for _ in 0..3 {
            let export = deliveries.begin(&events);
            assert_eq!(queue(&export, 2), [] as [usize; 0]);
            drop(export);
        }
        deliveries.report(events.events()[1].clone(), Ok(()));
        let export = deliveries.begin(&events);
        assert_eq!(queue(&export, 2), [] as [usize; 0]);
        assert_eq!(export.end(), [Fate::Delivered; 2]);
        // Asked once, a delivery is forgotten: the same event can come again.
        assert_eq!(queue(&deliveries.begin(&events), 2), [0, 1]);
    }

    #[test]
    fn an_attempt_that_ends_while_events_are_pending_leaves_them_to_the_next() {
        let deliveries = Arc::new(Deliveries::default());
        let events = batch(0..2);
        let export = deliveries.begin(&events);
        queue(&export, 2);
        deliveries.report(events.events()[0].clone(), Ok(()));
        assert_eq!(export.end(), [Fate::Delivered, Fate::Pending]);
        deliveries.report(events.events()[1].clone(), Ok(()));
        assert_eq!(deliveries.counts(), (0, 1));
        let rest = events.with_events(vec![events.events()[1].clone()]);
        let export = deliveries.begin(&rest);
        assert!(!export.has_to_queue(0));
        assert_eq!(export.end(), [Fate::Delivered]);
    }

    #[test]
    fn a_repeat_of_an_event_that_is_pending_is_sent_once_and_each_export_hears_of_it() {
        let deliveries = Arc::new(Deliveries::default());
        let twice = batch([7, 7]);
        let (one, other) = (deliveries.begin(&twice), deliveries.begin(&twice));
        assert_eq!(queue(&one, 2), [0]);
        assert_eq!(queue(&other, 2), [] as [usize; 0]);
        deliveries.report(twice.events()[0].clone(), Ok(()));
        assert_eq!(one.end(), [Fate::Delivered; 2]);
        assert_eq!(other.end(), [Fate::Delivered; 2]);
    }

    #[test]
    fn events_without_an_id_are_taken_for_one_another_by_nobody() {
        let deliveries = Arc::new(Deliveries::default());
        let events = batch([]).with_events(vec![Arc::default(), Arc::default()]);
        let export = deliveries.begin(&events);
        assert_eq!(queue(&export, 2), [0, 1]);
        drop(export);
        assert_eq!(queue(&deliveries.begin(&events), 2), [] as [usize; 0]);
    }

    #[test]
    fn what_nobody_ever_asks_for_does_not_pile_up() {
        let deliveries = Arc::new(Deliveries::default());
        for begin in (0..MOST_REMEMBERED + 3000).step_by(1000) {
            let events = batch(begin..begin + 1000);
            let export = deliveries.begin(&events);
            queue(&export, 1000);
            drop(export);
            events.iter().for_each(|event| deliveries.report(event.clone(), Ok(())));
        }
        assert_eq!(deliveries.counts(), (0, MOST_REMEMBERED));
    }
}
