//! State directories that cannot be used, or not now.

use std::fs;

use eventer_testkit::Reply;
use rusqlite::Connection;

use crate::process::{QUIET, Running, eventer, get, soon};
use crate::state::{State, flag, recording};

#[tokio::test]
async fn two_sinks_of_a_kind_need_names_that_last() {
    let state = State::new().await;
    let [ip, port] = QUIET;
    let given = |sinks: [&str; 2]| sinks.map(str::to_owned);
    let run = async |[first, second]: [String; 2]| {
        eventer(&[&recording(), &first, &second, &state.flag(), ip, port]).await
    };
    let ended = run(given(["--sink=log:", "--sink=log:?format=json"])).await;
    assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.stderr);
    ended.says(&["error: --sink: ", "two are of the kind log", "sink_name="]);
    assert!(!state.path().exists(), "nothing is opened");
    let ended = run(given(["--sink=log:?sink_name=a", "--sink=log:?format=json&sink_name=b"])).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let [ip, port] = QUIET;
    for path in [file.clone(), file.join("x"), "/proc/eventer".into()] {
        let ended = eventer(&[&recording(), "--sink=log:", &flag(&path), ip, port]).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""), "{}", ended.stderr);
        ended.says(&[
            "ERROR",
            "could not open the state directory",
            "could not make the directory",
            &path.display().to_string(),
        ]);
        let ended = eventer(&["journal", &flag(&path)]).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""), "{}", ended.stderr);
        ended.says(&["error: could not look into the state directory", "--state-dir"]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn a_directory_of_a_newer_version_is_left_alone() {
    let state = State::new().await;
    let [ip, port] = QUIET;
    let (source, flag) = (recording(), state.flag());
    let run = [&*source, "--sink=log:", &flag, ip, port];
    assert_eq!(eventer(&run).await.code, 0);
    let journal = state.path().join("journal.db");
    let version: i32 = {
        let connection = Connection::open(&journal).unwrap();
        let known = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "user_version", known + 1).unwrap();
        known
    };
    let before = fs::read(&journal).unwrap();
    for arguments in [&run[..], &["journal", &flag], &["dead-letters", "drop", "--all", &flag]] {
        let ended = eventer(arguments).await;
        assert_eq!((ended.code, &*ended.stdout), (1, ""), "{}", ended.stderr);
        let versions = format!(
            "has the format {} of a newer eventer, and this one knows formats up to {version}",
            version + 1
        );
        ended.says(&[&versions]);
    }
    assert_eq!(fs::read(&journal).unwrap(), before);
}

#[tokio::test]
async fn a_file_of_another_program_is_moved_aside() {
    let state = State::new().await;
    let [ip, port] = QUIET;
    fs::create_dir(state.path()).unwrap();
    let journal = state.path().join("journal.db");
    let foreign: [&dyn Fn(); 2] =
        [&|| fs::write(&journal, "this is a diary, and no journal; ".repeat(100)).unwrap(), &|| {
            Connection::open(&journal).unwrap().execute_batch("CREATE TABLE diary (day TEXT)").unwrap()
        }];
    for (number, make) in (1..).zip(foreign) {
        drop(fs::remove_file(&journal));
        make();
        let before = fs::read(&journal).unwrap();
        let ended = eventer(&["journal", &state.flag()]).await;
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert_eq!(fs::read(&journal).unwrap(), before, "whoever only looks changes nothing");

        let ended = eventer(&[&recording(), "--sink=log:", &state.flag(), ip, port]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.says(&["ERROR", "was moved aside", "journal.db"]);
        let aside = state.path().join(format!("journal.db.damaged-{number}"));
        assert_eq!(fs::read(&aside).unwrap(), before);
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_intake_until_there_is_room() {
    let state = State::new().await;
    state.destination.set_default(Reply::Hang);
    let (sink, flag) = (state.sink(1000), state.flag());
    let source = format!("{}?loop=true", recording());
    let arguments = [&*source, &*sink, &*flag, "--stop-timeout=100ms"];
    let mut running = Running::start_with_little_room(1 << 20, &arguments);
    let address = running.admin_address().await;
    let reasons = soon(async {
        loop {
            let (status, reasons) = get(address, "/readyz").await;
            if status != 200 && reasons.contains("disk") {
                return reasons;
            }
        }
    })
    .await;
    assert!(reasons.starts_with("state directory: "), "{reasons}");
    running.has_logged("the journal cannot be written").await;
    assert_eq!(get(address, "/livez").await.0, 200);

    running.has_room_again().await;
    running.has_logged("the journal can be written again").await;
    soon(async { while get(address, "/readyz").await.1.contains("state directory") {} }).await;
    running.signal("TERM").await;
    let ended = running.ends().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
