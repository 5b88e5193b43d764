//! The text, and how it is cut.

use eventer_core::Event;
use eventer_testkit::events;

use super::{fit, json_width, text};
use crate::kube_eventer::compact;

#[test]
fn labels_stand_last_first_and_are_taken_literally() {
    let event: Event = serde_json::from_str(events::golden_input(2)).unwrap();
    let labels = ["50%s", "", "idc-1"].map(str::to_owned);
    assert_eq!(
        text(&event, &labels, "now"),
        "idc-1\n\n50%s\nLevel:Warning \nKind:Pod \nNamespace:prod \nName:web-0.17a1b2c3d4e5f602 \nReason:BackOff \n\
         Timestamp:now \nMessage:"
    );
}

#[test]
fn what_fits_is_not_cut() {
    assert_eq!(fit("head:", "message", "!", 13, char::len_utf8), "head:message!");
    assert_eq!(fit("", "", "", 0, char::len_utf8), "");
}

#[test]
fn the_message_is_cut_between_characters_and_the_tail_kept() {
    assert_eq!(fit("head:", "message", "!", 12, char::len_utf8), "head:mes…!");
    for (limit, cut) in
        [(9, "head:…!"), (11, "head:…!"), (12, "head:中…!"), (17, "head:中文…!"), (18, "head:中文中文!")]
    {
        assert_eq!(fit("head:", "中文中文", "!", limit, char::len_utf8), cut, "{limit}");
    }
}

#[test]
fn a_head_that_leaves_no_room_is_cut_itself() {
    assert_eq!(fit("head: long", "message", "!", 9, char::len_utf8), "head: …");
    assert_eq!(fit("head", "message", "!", 1, char::len_utf8), "…");
}

#[test]
fn the_width_in_json_is_what_is_written() {
    for c in ('\0'..='\u{ff}').chain(['中', '🦀', '\u{2028}', '\u{2029}', '\u{fffd}']) {
        let mut written = Vec::new();
        compact(&c, &mut written);
        assert_eq!(json_width(c), written.len() - 2, "{c:?}: {}", String::from_utf8_lossy(&written));
    }
}
