//! Objects are found, shared, kept after their deletion, and go when memory is short.

use std::sync::Arc;
use std::time::Duration;

use eventer_core::event::Enrichment;
use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::super::object::{Detail, Object};
use super::super::store::{Seen, Store};
use super::{SEEN, labels, object, owned, owner, uid};

const POD: usize = 0;
const SERVICE: usize = 1;

fn store() -> Store {
    Store::new(usize::MAX)
}

/// The bytes of a store with `count` objects that share nothing.
fn bytes_of(count: usize) -> usize {
    let mut store = store();
    (0..count).for_each(|n| _ = store.put(POD, SEEN, unlike(n)));
    store.bytes()
}

fn unlike(n: usize) -> Object {
    let name = format!("web-{n:04}");
    Object { labels: labels(&[("name", &name)]), ..object(&name) }
}

#[tokio::test(start_paused = true)]
async fn an_object_is_found_by_uid_and_by_name() {
    let mut store = store();
    assert!(store.put(POD, SEEN, object("a")));
    assert!(!store.put(POD, SEEN, object("a")), "it was there");
    let slot = store.by_uid(&uid("a")).unwrap();
    assert_eq!(store.by_name(POD, "prod/a"), Some(slot));
    assert_eq!(store.by_name(SERVICE, "prod/a"), None);
    assert_eq!(store.entry(slot).unwrap().name(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_that_of_the_last_object_that_had_it() {
    let mut store = store();
    store.put(POD, SEEN, object("a"));
    store.bury(&uid("a"), Instant::now());
    store.put(POD, SEEN, Object { uid: "second".to_owned(), ..object("a") });
    let first = store.by_uid(&uid("a")).unwrap();
    let second = store.by_uid("second").unwrap();
    assert!(store.entry(first).unwrap().is_deleted() && !store.entry(second).unwrap().is_deleted());
    assert_eq!(store.by_name(POD, "prod/a"), Some(second));
    advance(Duration::from_secs(601)).await;
    store.expire(Instant::now());
    assert_eq!((store.by_uid(&uid("a")), store.by_name(POD, "prod/a")), (None, Some(second)));
}

#[tokio::test(start_paused = true)]
async fn an_object_is_known_for_ten_minutes_after_its_deletion() {
    let mut store = store();
    store.put(POD, SEEN, object("a"));
    store.bury(&uid("a"), Instant::now());
    advance(Duration::from_secs(599)).await;
    store.expire(Instant::now());
    assert!(store.by_uid(&uid("a")).is_some());
    advance(Duration::from_secs(1)).await;
    store.expire(Instant::now());
    assert_eq!((store.by_uid(&uid("a")), store.len(), store.bytes()), (None, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_stays() {
    let mut store = store();
    store.put(POD, SEEN, object("a"));
    store.bury(&uid("a"), Instant::now());
    store.put(POD, SEEN, object("a"));
    advance(Duration::from_secs(3600)).await;
    store.expire(Instant::now());
    let slot = store.by_uid(&uid("a")).unwrap();
    assert!(!store.entry(slot).unwrap().is_deleted());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_on_the_next_list_is_gone() {
    let mut store = store();
    let other = Seen { scope: 7, list: 1 };
    store.put(POD, SEEN, object("a"));
    store.put(POD, SEEN, object("b"));
    store.put(POD, other, object("c"));
    let again = Seen { list: 2, ..SEEN };
    store.put(POD, again, object("b"));
    store.bury_unseen(again, Instant::now());
    let mut is_deleted = |name: &str| {
        let slot = store.by_uid(&uid(name)).unwrap();
        store.entry(slot).unwrap().is_deleted()
    };
    assert_eq!(["a", "b", "c"].map(&mut is_deleted), [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn what_objects_have_in_common_is_held_once() {
    let mut store = store();
    let replica = |name: &str| owned(name, owner("apps/v1", "ReplicaSet", "rs"));
    store.put(POD, SEEN, replica("a"));
    let one = store.bytes();
    store.put(POD, SEEN, replica("b"));
    let (a, b) = (store.by_uid(&uid("a")).unwrap(), store.by_uid(&uid("b")).unwrap());
    let (a, b) = (store.entry(a).unwrap(), store.entry(b).unwrap());
    assert!(Arc::ptr_eq(a.labels.as_ref().unwrap(), b.labels.as_ref().unwrap()));
    assert!(Arc::ptr_eq(a.owners.as_ref().unwrap(), b.owners.as_ref().unwrap()));
    assert!(store.bytes() < 2 * one);
}

#[test]
fn a_change_takes_and_gives_back_what_it_should() {
    let mut store = store();
    for n in 0..100 {
        let change = labels(&[("version", &format!("{}", n % 3))]);
        store.put(POD, SEEN, Object { labels: change, alias: Some(format!("alias-{n}")), ..object("a") });
    }
    assert!(store.by_uid("alias-99").is_some() && store.by_uid("alias-98").is_none());
    let mut fresh = Store::new(usize::MAX);
    fresh.put(
        POD,
        SEEN,
        Object { labels: labels(&[("version", "0")]), alias: Some("alias-99".to_owned()), ..object("a") },
    );
    assert_eq!((store.bytes(), store.len()), (fresh.bytes(), 1));
}

#[tokio::test(start_paused = true)]
async fn the_deleted_go_first_and_then_what_nobody_asks_for() {
    let mut store = Store::new(bytes_of(10));
    (0..10).for_each(|n| _ = store.put(POD, SEEN, unlike(n)));
    store.bury(&uid("web-0003"), Instant::now());
    store.put(POD, SEEN, unlike(10));
    assert_eq!((store.by_uid(&uid("web-0003")), store.take_evicted()), (None, 0), "it was deleted");
    assert!(!store.has_evicted(POD));

    for n in 11..200 {
        // This one is asked for all the time.
        assert!(store.by_uid(&uid("web-0005")).is_some(), "{n}");
        store.put(POD, SEEN, unlike(n));
        assert!(store.bytes() <= bytes_of(10));
    }
    assert!(store.has_evicted(POD) && store.len() <= 10);
    assert_eq!(store.take_evicted(), 189);
    assert_eq!(store.by_uid(&uid("web-0001")), None);
    store.begins_anew(POD);
    assert!(!store.has_evicted(POD));
}

#[test]
fn an_object_that_is_larger_than_all_memory_is_not_kept() {
    let mut store = Store::new(100);
    store.put(POD, SEEN, object("a"));
    assert_eq!((store.len(), store.bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_its_own_and_only_what_lives() {
    let mut store = store();
    let service = |namespace: &str, name: &str| Object {
        uid: format!("{namespace}-{name}"),
        namespace: namespace.to_owned(),
        detail: Detail::Selector(labels(&[("app", "web")])),
        ..object(name)
    };
    for (namespace, name) in
        [("prod", "b"), ("prod", "a"), ("prod", "c"), ("prod-2", "d"), ("pro", "e"), ("", "f")]
    {
        store.put(SERVICE, SEEN, service(namespace, name));
    }
    store.bury("prod-c", Instant::now());
    let names = |namespace| store.in_namespace(SERVICE, namespace).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("prod"), ["a", "b"]);
    assert_eq!(names(""), ["f"]);
    assert_eq!(names("other"), [""; 0]);
}

#[test]
fn what_does_not_change_takes_no_more() {
    let mut store = store();
    store.put(POD, SEEN, object("a"));
    let slot = store.by_uid(&uid("a")).unwrap();
    let around = Enrichment { services: vec!["web".to_owned()], ..Enrichment::default() };
    store.keep_memo(slot, Some("node-1"), Some(Arc::new(around)));
    let bytes = store.bytes();
    for _ in 0..100 {
        store.put(POD, SEEN, object("a"));
    }
    assert!(store.memo(slot, Some("node-1")).is_some(), "it is still known");
    assert_eq!(store.bytes(), bytes);
}

#[test]
fn a_name_that_an_object_has_no_more_leads_to_no_other() {
    let mut store = Store::new(bytes_of(1));
    store.put(POD, SEEN, object("a"));
    store.put(SERVICE, SEEN, Object { name: "b".to_owned(), ..object("a") });
    let slot = store.by_uid(&uid("a")).unwrap();
    assert_eq!((store.by_name(POD, "prod/a"), store.by_name(SERVICE, "prod/b")), (None, Some(slot)));
    // These take its room, and its slot.
    ["c", "d", "e"].into_iter().for_each(|name| _ = store.put(POD, SEEN, object(name)));
    assert_eq!((store.by_name(POD, "prod/a"), store.by_name(SERVICE, "prod/b")), (None, None));
}

#[test]
fn what_calls_itself_by_the_uid_of_another_does_not_take_its_place() {
    let mut store = store();
    let false_mirror = || Object { alias: Some(uid("a")), ..object("b") };
    for _ in 0..2 {
        store.put(POD, SEEN, object("a"));
        store.put(POD, SEEN, false_mirror());
        let slot = store.by_uid(&uid("a")).unwrap();
        assert_eq!((store.entry(slot).unwrap().name(), store.len()), ("a", 2));
    }
    store.put(POD, SEEN, object("b"));
    assert!(store.by_uid(&uid("a")).is_some());

    // Nor if it was there first.
    let mut store = self::store();
    store.put(POD, SEEN, false_mirror());
    store.put(POD, SEEN, object("a"));
    let slot = store.by_uid(&uid("a")).unwrap();
    assert_eq!((store.entry(slot).unwrap().name(), store.len()), ("a", 2));
}

/// What may happen to a store, to one of a few objects.
#[derive(Clone, Debug)]
enum Step {
    Put { kind: usize, uid: u8, name: u8, alias: Option<u8>, content: u8 },
    Memo { uid: u8, services: usize, has_node: bool },
    Bury(u8),
    BuryUnseen(u32),
    Expire,
}

fn steps() -> impl Strategy<Value = Step> {
    let put = (0..2_usize, 0..6_u8, 0..4_u8, prop::option::weighted(0.3, 0..8_u8), 0..4_u8);
    let put = put.prop_map(|(kind, uid, name, alias, content)| Step::Put { kind, uid, name, alias, content });
    let memo = (0..6_u8, 0..40_usize, any::<bool>());
    prop_oneof![
        6 => put,
        4 => memo.prop_map(|(uid, services, has_node)| Step::Memo { uid, services, has_node }),
        2 => (0..6_u8).prop_map(Step::Bury),
        1 => (1..3_u32).prop_map(Step::BuryUnseen),
        1 => Just(Step::Expire),
    ]
}

fn made(uid: u8, name: u8, alias: Option<u8>, content: u8) -> Object {
    let name = format!("n{name}");
    let text = content.to_string();
    let is_rich = content > 1;
    Object {
        uid: format!("u{uid}"),
        alias: alias.map(|alias| format!("u{alias}")),
        labels: labels(&[("app", &text)]),
        annotations: if is_rich { labels(&[("app", "1")]) } else { labels(&[]) },
        owners: if is_rich { vec![owner("apps/v1", "ReplicaSet", &text)] } else { Vec::new() },
        detail: if content == 3 { Detail::Selector(labels(&[("app", "web")])) } else { Detail::None },
        ..object(&name)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn its_account_is_what_it_holds(steps in prop::collection::vec(steps(), 0..60), is_narrow in any::<bool>()) {
        let mut store = Store::new(if is_narrow { bytes_of(3) } else { usize::MAX });
        let mut now = Instant::now();
        for step in steps {
            now += Duration::from_secs(100);
            match step {
                Step::Put { kind, uid, name, alias, content } => {
                    store.put(kind, SEEN, made(uid, name, alias, content));
                }
                Step::Memo { uid, services, has_node } => {
                    if let Some(slot) = store.by_uid(&format!("u{uid}")) {
                        let services = vec!["web".to_owned(); services];
                        let around = Enrichment { services, ..Enrichment::default() };
                        store.keep_memo(slot, has_node.then_some("node-1"), Some(Arc::new(around)));
                    }
                }
                Step::Bury(uid) => store.bury(&format!("u{uid}"), now),
                Step::BuryUnseen(list) => store.bury_unseen(Seen { list, ..SEEN }, now),
                Step::Expire => store.expire(now),
            }
            prop_assert_eq!(store.bytes(), store.recounted());
        }
    }
}
