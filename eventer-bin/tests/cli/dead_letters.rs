//! What a destination rejects, and the commands that put it in order, beside the process and without one.

use eventer_testkit::{Reply, events};
use serde_json::Value;

use crate::cluster::{cluster, happen};
use crate::process::{Ended, Running, eventer, soon};
use crate::state::State;

async fn dead_letters(state: &State, command: &[&str]) -> Ended {
    let ended = eventer(&[&["dead-letters"], command, &[&state.flag()]].concat()).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{}", ended.stdout);
    ended
}

/// Waits until so many are there.
async fn until(state: &State, count: usize) -> Vec<Value> {
    soon(async {
        loop {
            let listed = dead_letters(state, &["list", "-o", "json"]).await;
            let letters: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
            if letters.len() == count {
                return letters;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_is_rejected_is_kept_replayed_and_dropped_beside_the_process_and_without_it() {
    let state = State::new().await;
    let (server, source) = cluster().await;
    let (sink, flag) = (state.sink(1), state.flag());
    let arguments = [&*source, &sink, &flag, "--frequency=10ms"];
    state.destination.set_default(Reply::status(422).with_body("no such index"));
    let mut running = Running::start(&arguments);
    running.admin_address().await;
    happen(&server).await;

    // Beside the process.
    let letters = until(&state, events::GOLDEN_INPUTS).await;
    assert!(letters.iter().all(|letter| letter["sink"] == "webhook" && letter["replaying"] == false));
    let list = dead_letters(&state, &["list"]).await.stdout;
    assert!(list.starts_with("ID "), "{list}");
    for part in ["  webhook  ", "  kept  ", "Scheduled", "422"] {
        assert!(list.lines().nth(1).unwrap().contains(part), "{part}: {list}");
    }
    let first = letters[0]["id"].to_string();
    let dropped = dead_letters(&state, &["drop", &first]).await;
    assert_eq!(dropped.stdout, "1 dead letter is deleted\n");
    running.signal("TERM").await;
    assert_eq!(running.ends().await.code, 0);

    // Without it.
    let mut letters = until(&state, events::GOLDEN_INPUTS - 1).await;
    let last = letters.pop().unwrap()["id"].to_string();
    let shown = dead_letters(&state, &["show", &last]).await.stdout;
    assert!(
        shown.starts_with(&format!("id:        {last}\n")) && shown.contains("\n  \"metadata\": {"),
        "{shown}"
    );
    let ended = eventer(&["dead-letters", "drop", &first, &flag]).await;
    assert_eq!((ended.code, &*ended.stdout), (1, "no dead letters\n"));
    ended.says(&["error: no dead letter has the id", &first]);
    let replayed = dead_letters(&state, &["replay", "--sink=webhook", "-o", "json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&replayed.stdout).unwrap()["replaying"],
        events::GOLDEN_INPUTS - 1
    );

    // The destination has mended, and the next process delivers them, once each.
    state.destination.set_default(Reply::ok());
    state.destination.clear();
    let mut running = Running::start(&arguments);
    running.admin_address().await;
    until(&state, 0).await;
    assert_eq!(state.destination.count(), events::GOLDEN_INPUTS - 1);

    // What is rejected again is a new letter; replayed beside the process it gets there.
    state.destination.set_default(Reply::status(400));
    server.add(events::flood_event(1));
    let letters = until(&state, 1).await;
    let id = letters[0]["id"].as_i64().unwrap();
    dead_letters(&state, &["replay", &id.to_string()]).await;
    let again = soon(async {
        loop {
            let letters = until(&state, 1).await;
            if letters[0]["id"].as_i64().unwrap() > id {
                return letters[0].clone();
            }
        }
    })
    .await;
    assert_eq!(again["replaying"], false);
    state.destination.set_default(Reply::ok());
    dead_letters(&state, &["replay", "--all"]).await;
    until(&state, 0).await;
    let delivered = state.destination.requests().pop().unwrap();
    assert_eq!(
        delivered.text().trim(),
        state.destination.requests()[events::GOLDEN_INPUTS - 1].text().trim()
    );
    running.signal("TERM").await;
    assert_eq!(running.ends().await.code, 0);
}

#[tokio::test]
async fn nobody_replays_or_drops_by_mistake() {
    let state = State::new().await;
    for command in ["replay", "drop"] {
        let ended = eventer(&["dead-letters", command, &state.flag()]).await;
        assert_eq!((ended.code, &*ended.stdout), (2, ""));
        ended.says(&[&format!("error: {command} is not told which dead letters"), "--sink=NAME or --all"]);
    }
}
