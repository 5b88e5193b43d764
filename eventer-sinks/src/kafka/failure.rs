//! What librdkafka's codes mean for the events: the one table of them. Pure.
//!
//! | code | kind | because |
//! |---|---|---|
//! | too large for `kafka.message.max.bytes`, before anything is sent | `Rejected` | it judges this event |
//! | too large, invalid record, invalid timestamp, policy violation, from a broker | `Rejected` | it judges a batch of records: sent again in smaller parts until the guilty one stands alone |
//! | authentication or authorization failed | `Unauthorized` | secrets rotate, and rights are given |
//! | everything else: no broker, no leader, no such topic, a producer that is fenced … | `Unavailable` | trouble that passes or that someone will mend |

use eventer_core::{ExportError, ExportErrorKind};
use rdkafka::types::RDKafkaErrorCode;

use super::deliveries::Fate;

/// What librdkafka last told of trouble with the brokers, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) code: RDKafkaErrorCode,
    pub(super) reason: String,
}

impl Trouble {
    /// Adds to what librdkafka says what to do about it here.
    pub(super) fn new(code: RDKafkaErrorCode, reason: &str) -> Self {
        let hint = match code {
            RDKafkaErrorCode::SSL if reason.contains("certificate verify failed") => {
                "; the certificate of the authority that signed the broker's is given with cacert="
            }
            _ => "",
        };
        Self { code, reason: format!("{reason}{hint}") }
    }
}

/// Judges an export by what became of its events, of which those in `rejections` never can be queued. `topic_of` names
/// the topic of an event, and `trouble` is what is known of the brokers.
///
/// # Errors
/// Unless all was delivered.
pub(super) fn judge(
    fates: &[Fate],
    rejections: Vec<(usize, String)>,
    topic_of: impl Fn(usize) -> String,
    trouble: Option<&Trouble>,
) -> Result<(), ExportError> {
    let mut refused = Vec::new();
    let mut unsent = Vec::new();
    let mut worst: Option<(ExportErrorKind, String)> = None;
    for (index, fate) in fates.iter().enumerate() {
        let (kind, cause): (_, &dyn Fn() -> String) = match fate {
            Fate::Delivered => continue,
            _ if rejections.iter().any(|(rejected, _)| *rejected == index) => continue,
            Fate::Open | Fate::Pending => (kind_in(trouble), &|| pending_cause(fates, trouble)),
            Fate::Failed(code) if is_replaced(*code) => (kind_in(trouble), &|| replaced_cause(trouble)),
            Fate::Failed(code) => (kind_of(*code), &|| cause_of(*code, &topic_of(index))),
        };
        match kind {
            ExportErrorKind::Rejected => refused.push(index),
            _ => unsent.push(index),
        }
        // What passes by itself is tried again sooner than what somebody has to mend.
        if worst.as_ref().is_none_or(|(worst, _)| rank(kind) > rank(*worst)) {
            worst = Some((kind, cause()));
        }
    }
    let Some((kind, cause)) =
        worst.or_else(|| rejections.first().map(|(_, reason)| (ExportErrorKind::Rejected, reason.clone())))
    else {
        return Ok(());
    };
    let error = ExportError::new(kind, cause);
    if refused.len() == fates.len() || unsent.len() == fates.len() {
        return Err(error);
    }
    // Of a part of a batch it is not known which event is the guilty one; alone it will be.
    let error = error.with_unsent(refused.into_iter().chain(unsent));
    Err(rejections.into_iter().fold(error, |error, (index, reason)| error.with_rejected(index, reason)))
}

/// What a trouble means for the events that wait. It never judges them.
pub(super) fn kind_in(trouble: Option<&Trouble>) -> ExportErrorKind {
    match trouble.map(|trouble| kind_of(trouble.code)) {
        Some(ExportErrorKind::Unauthorized) => ExportErrorKind::Unauthorized,
        _ => ExportErrorKind::Unavailable,
    }
}

/// What a code means for the event that it was reported on.
fn kind_of(code: RDKafkaErrorCode) -> ExportErrorKind {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::PolicyViolation => ExportErrorKind::Rejected,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => ExportErrorKind::Unauthorized,
        _ => ExportErrorKind::Unavailable,
    }
}

/// Why an event that could not be queued never can; `None` if it can another time.
pub(super) fn rejection_of(code: RDKafkaErrorCode) -> Option<String> {
    (kind_of(code) == ExportErrorKind::Rejected).then(|| {
        "it is larger than kafka.message.max.bytes; raise that, if the topic's max.message.bytes is larger, too"
            .to_owned()
    })
}

/// Whether a code is what librdkafka heard of a topic some time ago, so that asking again may help.
pub(super) fn may_be_outdated(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
    )
}

/// What went wrong, and what to do about it.
pub(super) fn cause_of(code: RDKafkaErrorCode, topic: &str) -> String {
    use RDKafkaErrorCode as Code;
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => format!(
            "topic \"{topic}\" does not exist: create it, or let the brokers do so (auto.create.topics.enable)"
        ),
        Code::TopicAuthorizationFailed => {
            format!(
                "the brokers do not let us write to topic \"{topic}\": it takes the ACLs Describe and Write"
            )
        }
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => format!(
            "a broker says that the records are too large: topic \"{topic}\" has a smaller max.message.bytes than \
             kafka.message.max.bytes"
        ),
        _ => format!("topic \"{topic}\": {code}"),
    }
}

/// Whether a code says that the client goes, and not what is wrong.
fn is_replaced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fatal | Code::PurgeQueue | Code::PurgeInflight)
}

fn replaced_cause(trouble: Option<&Trouble>) -> String {
    let why = trouble.map(|trouble| format!(": {}", trouble.reason)).unwrap_or_default();
    let is_forbidden =
        trouble.is_some_and(|trouble| trouble.code == RDKafkaErrorCode::ClusterAuthorizationFailed);
    let hint =
        if is_forbidden { "; give the ACL IdempotentWrite on the cluster, or write with acks=1" } else { "" };
    format!("the client of the brokers has to be replaced{why}{hint}")
}

fn pending_cause(fates: &[Fate], trouble: Option<&Trouble>) -> String {
    let pending = fates.iter().filter(|fate| matches!(fate, Fate::Pending | Fate::Open)).count();
    let why = trouble.map_or("no answer", |trouble| &trouble.reason);
    format!("{pending} of {} events wait for a broker: {why}", fates.len())
}

fn rank(kind: ExportErrorKind) -> u8 {
    match kind {
        ExportErrorKind::Rejected => 0,
        ExportErrorKind::Unauthorized => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERED: Fate = Fate::Delivered;
    const DOWN: Fate = Fate::Failed(RDKafkaErrorCode::LeaderNotAvailable);
    const FORBIDDEN: Fate = Fate::Failed(RDKafkaErrorCode::TopicAuthorizationFailed);
    const LARGE: Fate = Fate::Failed(RDKafkaErrorCode::MessageSizeTooLarge);

    fn judged(fates: &[Fate], rejected: &[usize]) -> Option<ExportError> {
        let rejections = rejected.iter().map(|index| (*index, "no topic".to_owned())).collect();
        judge(fates, rejections, |_| "events".to_owned(), None).err()
    }

    #[test]
    fn all_that_was_delivered_is_no_error() {
        assert!(judged(&[DELIVERED; 3], &[]).is_none());
    }

    #[test]
    fn the_soonest_that_can_help_decides_over_the_kind() {
        use ExportErrorKind::{Rejected, Unauthorized, Unavailable};
        for (fates, kind) in [
            ([DELIVERED, DOWN, FORBIDDEN], Unavailable),
            ([DELIVERED, LARGE, FORBIDDEN], Unauthorized),
            ([DELIVERED, LARGE, Fate::Pending], Unavailable),
            ([DELIVERED, LARGE, DELIVERED], Rejected),
        ] {
            let error = judged(&fates, &[]).unwrap();
            let open = (0..3).filter(|index| fates[*index] != DELIVERED).collect::<Vec<_>>();
            let mut unsent = error.unsent().to_vec();
            unsent.sort_unstable();
            assert_eq!((error.kind(), unsent, error.rejections().len()), (kind, open, 0), "{fates:?}");
        }
    }

    #[test]
    fn what_is_about_all_is_about_the_batch() {
        for fates in [[LARGE; 2], [DOWN; 2], [Fate::Open, Fate::Pending]] {
            assert!(!judged(&fates, &[]).unwrap().is_partial(), "{fates:?}");
        }
    }

    #[test]
    fn an_event_that_cannot_be_queued_is_rejected_alone() {
        let error = judged(&[Fate::Open, DELIVERED], &[0]).unwrap();
        assert_eq!((error.kind(), error.unsent()), (ExportErrorKind::Rejected, [].as_slice()));
        assert_eq!((error.rejections()[0].index, error.rejections()[0].reason.as_str()), (0, "no topic"));
        let error = judged(&[Fate::Open, DOWN], &[0]).unwrap();
        assert_eq!((error.kind(), error.unsent()), (ExportErrorKind::Unavailable, [1].as_slice()));
    }

    #[test]
    fn events_that_wait_are_never_rejected_whatever_the_trouble_is() {
        let trouble = |code| Trouble { code, reason: String::new() };
        let (large, login) =
            (trouble(RDKafkaErrorCode::MessageSizeTooLarge), trouble(RDKafkaErrorCode::Authentication));
        assert_eq!(kind_in(Some(&large)), ExportErrorKind::Unavailable);
        assert_eq!(kind_in(Some(&login)), ExportErrorKind::Unauthorized);
        assert_eq!(kind_in(None), ExportErrorKind::Unavailable);
    }
}
