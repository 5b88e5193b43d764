//! Our config file, as it is written.

use super::expression::Condition;
use super::yaml::{self, Yaml};

/// What goes into the file.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// What the file was made of, in a word or two.
    pub(super) origin: String,
    /// Keys that stand before the sources.
    pub(super) head: Vec<(String, Yaml)>,
    /// The options of each source.
    pub(super) sources: Vec<Vec<(String, Yaml)>>,
    /// What would be sinks, in their order.
    pub(super) sinks: Vec<Sink>,
    /// Keys that stand behind the sinks.
    pub(super) tail: Vec<(String, Yaml)>,
    /// Lines of a comment at the end.
    pub(super) comment: Vec<String>,
}

/// What would be a sink.
#[derive(Debug)]
pub(super) struct Sink {
    /// The options, with `kind` and `sink_name`.
    pub(super) options: Vec<(String, Yaml)>,
    /// When it gets an event.
    pub(super) condition: Condition,
    /// Why it stands in a comment, if it does.
    pub(super) instead: Option<String>,
}

impl Config {
    /// The file.
    pub(super) fn to_yaml(&self) -> String {
        let mut text = format!(
            "# Made by `eventer convert {}`, whose report says what is different.\n{}",
            self.origin,
            yaml::entries(&self.head, 0)
        );
        text.push_str("sources:\n");
        for source in &self.sources {
            text.push_str(&yaml::item(source, 2));
        }
        text.push_str(if self.sinks.iter().any(|sink| sink.instead.is_none()) {
            "sinks:\n"
        } else {
            "sinks: []\n"
        });
        for sink in &self.sinks {
            text.push_str(&sink.to_yaml());
        }
        text.push_str(&yaml::entries(&self.tail, 0));
        for line in &self.comment {
            text.push_str(&format!("# {line}\n"));
        }
        text
    }
}

impl Sink {
    fn to_yaml(&self) -> String {
        let mut options = self.options.clone();
        if self.condition != Condition::Always(true) {
            // Beside the names, where people look for it.
            let at =
                options.iter().take_while(|(key, _)| matches!(key.as_str(), "kind" | "sink_name")).count();
            options.insert(at, ("where".to_owned(), Yaml::Folded(self.condition.lines())));
        }
        let text = yaml::item(&options, 2);
        match &self.instead {
            None => text,
            Some(reason) => {
                let lines: String = text.lines().map(|line| format!("  # {}\n", &line[2..])).collect();
                format!("  # {reason}\n{lines}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Node;

    #[test]
    fn what_is_no_sink_stands_in_a_comment() {
        let option = |key: &str, value: &str| (key.to_owned(), Yaml::text(value));
        let mut config = Config {
            origin: "x".to_owned(),
            sources: vec![vec![option("kind", "demo")]],
            ..Config::default()
        };
        config.sinks.push(Sink {
            options: vec![option("kind", "loki"), option("sink_name", "a")],
            condition: Condition::Always(false),
            instead: Some("there is no sink loki yet".to_owned()),
        });
        let text = config.to_yaml();
        assert_eq!(Node::parse(&text).unwrap().get("sinks").unwrap().items(), Some(&[][..]), "{text}");
        config.sinks.push(Sink {
            options: vec![option("kind", "log")],
            condition: Condition::Always(true),
            instead: None,
        });
        assert_eq!(
            config.to_yaml(),
            "# Made by `eventer convert x`, whose report says what is different.\nsources:\n  - kind: demo\nsinks:\n  \
             # there is no sink loki yet\n  # - kind: loki\n  #   sink_name: a\n  #   where: 'false'\n  - kind: log\n"
        );
    }
}
