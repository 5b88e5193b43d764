//! `eventer sinks` and `eventer sources`.

use eventer_core::{ComponentSpec, OptionSpec, Registry, policy, registry};

use crate::process::eventer;

/// All kinds that the program knows.
pub(crate) fn built_in() -> Registry {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    registry
}

async fn check(command: &str, specs: Vec<&'static ComponentSpec>, common: &[OptionSpec]) {
    assert!(!specs.is_empty());
    let overview = eventer(&[command]).await;
    assert_eq!((overview.code, overview.stderr.as_str()), (0, ""));
    for spec in specs {
        for part in [spec.kind, spec.summary, spec.example] {
            assert!(overview.stdout.contains(part), "{part}: {}", overview.stdout);
        }
        let page = eventer(&[command, spec.kind]).await;
        assert_eq!(page.code, 0);
        assert!(page.stdout.contains(spec.example));
        for option in spec.options.iter().chain(common) {
            let line = format!("  {}={}", option.name, option.value);
            assert!(page.stdout.contains(&line), "{line}: {}", page.stdout);
            assert!(page.stdout.contains(option.help), "{}: {}", option.help, page.stdout);
            // A kind may have defaults of its own for what is common to all.
            let own = spec.options.iter().any(|known| known.name == option.name);
            let default = option.default.filter(|_| own).map(|default| format!("default: {default}"));
            assert!(page.stdout.contains(&default.unwrap_or_default()), "{}: {}", option.name, page.stdout);
            let file = option.is_secret.then(|| format!("or {}=PATH", option.file_name()));
            let variable = option.variable.map(|name| format!("else ${name}"));
            for part in file.into_iter().chain(variable) {
                assert!(page.stdout.contains(&part), "{part}: {}", page.stdout);
            }
        }
    }
}

#[tokio::test]
async fn every_option_of_every_sink_is_shown() {
    check("sinks", built_in().sinks().collect(), policy::OPTIONS).await;
}

#[tokio::test]
async fn every_option_of_every_source_is_shown() {
    check("sources", built_in().sources().collect(), registry::SOURCE_OPTIONS).await;
}

#[tokio::test]
async fn an_unknown_kind_is_refused_with_the_nearest_one() {
    let ended = eventer(&["sinks", "webhok"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    ended.says(&["webhok", "did you mean \"webhook\"?"]);
    let ended = eventer(&["sources", "kubernets"]).await;
    assert_eq!(ended.code, 2);
    ended.says(&["kubernets", "did you mean \"kubernetes\"?"]);
}
