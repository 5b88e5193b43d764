//! What reaches a pipe and a terminal, byte by byte.

use std::sync::atomic::Ordering;

use eventer_core::Event;
use eventer_core::event::EventType;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::fold::SPAN;
use super::*;

const BEGIN: &str = "2026-11-21T06:00:00Z";

/// A view of a table, and what was written.
struct Rig {
    view: View<Vec<u8>>,
    terminal: Option<Terminal>,
    begin: Instant,
}

impl Rig {
    fn on_pipe() -> Self {
        Self::new(style(), None)
    }

    fn on_terminal(columns: fn() -> Option<usize>) -> Self {
        let is_open = Arc::new(AtomicBool::new(false));
        Self::new(style(), Some(Terminal { columns, is_open }))
    }

    fn new(style: Style, terminal: Option<Terminal>) -> Self {
        let view = View::table(style, Vec::new(), terminal.clone());
        Self { view, terminal, begin: Instant::now() }
    }

    fn now(&self, after: Duration) -> Now {
        let begin: Timestamp = BEGIN.parse().unwrap();
        Now { instant: self.begin + after, timestamp: begin + after }
    }

    fn show(&mut self, events: &[Event], after: Duration) {
        let now = self.now(after);
        let events = events.iter().cloned().map(Arc::new).collect();
        self.view.show(&EventBatch::new("test", now.timestamp, events), now).unwrap();
    }

    /// What was written since it was asked last.
    fn written(&mut self) -> String {
        let View::Table(table) = &mut self.view else { panic!("it is a table") };
        String::from_utf8(std::mem::take(table.screen.output())).unwrap()
    }
}

fn style() -> Style {
    Style { is_wide: false, has_namespaces: false, is_colored: false, zone: TimeZone::UTC }
}

fn event(uid: &str, count: i32, message: &str) -> Event {
    let begin: Timestamp = BEGIN.parse().unwrap();
    let mut event = Event {
        reason: "BackOff".to_owned(),
        message: message.to_owned(),
        event_type: EventType::Warning,
        count,
        first_timestamp: Some(begin),
        last_timestamp: Some(begin + Duration::from_secs(30) * u32::try_from(count - 1).unwrap()),
        ..Event::default()
    };
    event.metadata.uid = uid.to_owned();
    event.metadata.name = format!("web-0.{uid}");
    event.metadata.namespace = "shop".to_owned();
    event.involved_object.kind = "Pod".to_owned();
    event.involved_object.name = "web-0".to_owned();
    event.source.component = "kubelet".to_owned();
    event.source.host = "node-1".to_owned();
    event
}

const NOTHING: Duration = Duration::ZERO;

#[tokio::test]
async fn on_a_pipe_a_repeat_is_a_line_once_in_a_span() {
    let mut rig = Rig::on_pipe();
    rig.show(&[event("a", 1, "restarting"), event("a", 2, "restarting")], NOTHING);
    rig.show(&[event("a", 3, "restarting")], SPAN / 2);
    assert_eq!(
        rig.written(),
        "LAST SEEN  TYPE     REASON            OBJECT                        MESSAGE\n\
         06:00:00   Warning  BackOff           Pod/web-0                     restarting\n"
    );
    let now = rig.now(SPAN);
    rig.view.tick(now).unwrap();
    assert_eq!(
        rig.written(),
        "06:01:00   Warning  BackOff           Pod/web-0                     (x3 over 60s) restarting\n"
    );
    rig.show(&[event("a", 4, "restarting")], SPAN);
    assert_eq!(rig.written(), "");
    rig.view.end(now).unwrap();
    assert_eq!(
        rig.written(),
        "06:01:30   Warning  BackOff           Pod/web-0                     (x4 over 90s) restarting\n"
    );
}

#[tokio::test]
async fn on_a_terminal_the_last_line_is_rewritten_in_place() {
    let mut rig = Rig::on_terminal(|| Some(80));
    rig.show(&[event("a", 1, "restarting")], NOTHING);
    assert_eq!(
        rig.written(),
        "LAST SEEN  TYPE     REASON     OBJECT            MESSAGE\n\
         06:00:00   Warning  BackOff    Pod/web-0         restarting"
    );
    rig.show(&[event("a", 7, "restarting")], NOTHING);
    assert_eq!(
        rig.written(),
        "\r06:03:00   Warning  BackOff    Pod/web-0         (x7 over 3m) restarting\x1b[K"
    );
    rig.show(&[event("b", 1, "pulled"), event("a", 8, "restarting")], NOTHING);
    assert_eq!(rig.written(), "\n06:00:00   Warning  BackOff    Pod/web-0         pulled");
    rig.view.close().unwrap();
    assert_eq!(rig.written(), "\n");
}

#[tokio::test]
async fn a_line_behind_which_the_log_has_written_is_left_as_it_is() {
    let mut rig = Rig::on_terminal(|| Some(80));
    rig.show(&[event("a", 1, "restarting")], NOTHING);
    rig.written();
    let terminal = rig.terminal.clone().unwrap();
    terminal.is_open.store(false, Ordering::Relaxed);
    rig.show(&[event("a", 2, "restarting")], SPAN / 2);
    assert_eq!(rig.written(), "", "it is held as on a pipe");
    rig.show(&[event("a", 3, "restarting")], SPAN);
    assert_eq!(rig.written(), "06:01:00   Warning  BackOff    Pod/web-0         (x3 over 60s) restarting");
}

/// What a terminal shows of a pod with a long name, and of a message in Chinese.
fn shown(columns: fn() -> Option<usize>, has_namespaces: bool) -> String {
    let mut long = event("a", 1, "Back-off restarting failed container web in pod web-0_shop");
    long.involved_object.name = "a-deployment-with-a-long-name-7c9d8f6b5-x8k2p".to_owned();
    let terminal = Terminal { columns, is_open: Arc::new(AtomicBool::new(false)) };
    let mut rig = Rig::new(Style { has_namespaces, ..style() }, Some(terminal));
    rig.show(&[long, event("b", 1, "容器重启容器重启容器重启容器重启")], NOTHING);
    rig.written()
}

#[tokio::test]
async fn where_there_is_room_no_line_is_longer_than_the_terminal_is_wide() {
    assert_eq!(
        shown(|| Some(120), true),
        "LAST SEEN  NAMESPACE  TYPE     REASON            OBJECT                         MESSAGE\n\
         06:00:00   shop       Warning  BackOff           Pod/a-deployme…c9d8f6b5-x8k2p  Back-off restarting failed container w…\n\
         06:00:00   shop       Warning  BackOff           Pod/web-0                      容器重启容器重启容器重启容器重启"
    );
    assert_eq!(
        shown(|| Some(80), false),
        "LAST SEEN  TYPE     REASON     OBJECT            MESSAGE\n\
         06:00:00   Warning  BackOff    Pod/a-de…5-x8k2p  Back-off restarting failed co…\n\
         06:00:00   Warning  BackOff    Pod/web-0         容器重启容器重启容器重启容器…"
    );
}

/// Where it would not have it otherwise, the line goes on in the next row.
#[tokio::test]
async fn the_message_has_its_room_on_a_narrow_terminal() {
    assert_eq!(
        shown(|| Some(80), true),
        "LAST SEEN  NAMESPACE  REASON     OBJECT          MESSAGE\n\
         06:00:00   shop       BackOff    Pod/a-d…-x8k2p  Back-off restarting failed co…\n\
         06:00:00   shop       BackOff    Pod/web-0       容器重启容器重启容器重启容器…"
    );
    assert_eq!(
        shown(|| Some(60), false),
        "REASON     OBJECT            MESSAGE\n\
         BackOff    Pod/a-de…5-x8k2p  Back-off restarting failed co…\n\
         BackOff    Pod/web-0         容器重启容器重启容器重启容器…"
    );
    assert_eq!(
        shown(|| Some(12), false),
        "REASON     OBJECT          MESSAGE\n\
         BackOff    Pod/a-d…-x8k2p  Back-off restarting failed cont…\n\
         BackOff    Pod/web-0       容器重启容器重启容器重启容器重启"
    );
}

#[tokio::test]
async fn on_a_pipe_nothing_is_cut_and_what_is_too_long_pushes_the_rest_on() {
    let mut long = event("a", 1, &"m".repeat(500));
    long.involved_object.name = "n".repeat(100);
    let mut rig = Rig::on_pipe();
    rig.show(&[long, event("b", 1, "short")], NOTHING);
    let written = rig.written();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0].find("MESSAGE"), Some(100));
    assert!(lines[1].ends_with(&format!("Pod/{}  {}", "n".repeat(100), "m".repeat(500))), "{written}");
    assert_eq!(lines[2].find("short"), Some(100));
}

#[tokio::test]
async fn nothing_of_an_event_steers_the_terminal() {
    let mut hostile = event("a", 1, "one\ntwo\x1b[31m\u{202e}three\r\x07");
    hostile.reason = "Back\x1b]0;title\x07Off".to_owned();
    hostile.involved_object.name = "web\n0".to_owned();
    hostile.event_type = "Odd\tType".into();
    hostile.metadata.namespace = "sh\x1bop".to_owned();
    for is_wide in [false, true] {
        let mut rig = Rig::new(Style { is_wide, has_namespaces: true, ..style() }, None);
        rig.show(std::slice::from_ref(&hostile), NOTHING);
        let written = rig.written();
        assert_eq!(written.lines().count(), 2, "{written}");
        let active: Vec<char> = written.chars().filter(|c| eventer_core::text::is_active(*c)).collect();
        assert_eq!(active, ['\n', '\n'], "{written}");
    }
}

#[tokio::test]
async fn colours_are_around_what_they_colour() {
    let mut rig = Rig::new(Style { is_colored: true, ..style() }, None);
    rig.show(&[event("a", 1, "restarting")], NOTHING);
    let line = "\x1b[2m06:00:00\x1b[0m   \x1b[33mWarning\x1b[0m  \x1b[33mBackOff\x1b[0m           Pod/web-0                     restarting\n";
    assert_eq!(rig.written().split_inclusive('\n').nth(1), Some(line));
}

#[tokio::test]
async fn the_wide_table_has_more_columns_and_the_count_is_one() {
    let mut rig = Rig::new(Style { is_wide: true, has_namespaces: true, ..style() }, None);
    let mut node = event("n", 1, "");
    node.source.host = String::new();
    node.reason = String::new();
    rig.show(&[event("a", 7, "restarting"), node], Duration::from_secs(86_400));
    assert_eq!(
        rig.written(),
        "LAST SEEN        NAMESPACE  TYPE     REASON            OBJECT                        SOURCE           FIRST SEEN       COUNT  NAME     MESSAGE\n\
         Nov 21 06:03:00  shop       Warning  BackOff           Pod/web-0                     kubelet, node-1  Nov 21 06:00:00  7      web-0.a  restarting\n\
         Nov 21 06:00:00  shop       Warning  -                 Pod/web-0                     kubelet          Nov 21 06:00:00  1      web-0.n  \n"
    );
}

#[tokio::test]
async fn json_is_every_event_on_a_line_and_folds_nothing() {
    let mut view = View::Json(Vec::new());
    let rig = Rig::on_pipe();
    let now = rig.now(NOTHING);
    let events = vec![Arc::new(event("a", 1, "one\ntwo")), Arc::new(event("a", 2, "one\ntwo"))];
    view.show(&EventBatch::new("test", now.timestamp, events.clone()), now).unwrap();
    view.end(now).unwrap();
    let View::Json(written) = view else { panic!("it is JSON") };
    let read: Vec<Event> =
        String::from_utf8(written).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(read.iter().zip(&events).all(|(read, event)| read == &**event) && read.len() == 2);
}
