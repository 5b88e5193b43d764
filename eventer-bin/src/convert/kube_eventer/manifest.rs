//! Containers of kube-eventer in a manifest, wherever in it they stand.

use super::words::{self, Word};
use crate::convert::report::{Report, Weight};
use crate::document::{DocumentError, Node, Value};

/// A container of the tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container<'n>(&'n Node);

/// What its image and its program are called. Alibaba's images are called `kube-eventer`, too.
const NAME: &str = "kube-eventer";

/// The containers in a document: in a Deployment, a Pod, a list, a template of whatever kind.
pub(super) fn containers(node: &Node) -> Vec<Container<'_>> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect<'n>(node: &'n Node, found: &mut Vec<Container<'n>>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                if entry.key == "containers" {
                    let items = entry.node.items().unwrap_or_default();
                    found.extend(items.iter().map(Container).filter(Container::is_the_tools));
                } else {
                    collect(&entry.node, found);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

impl Container<'_> {
    /// Its line.
    pub(super) fn line(&self) -> u64 {
        self.0.line
    }

    fn is_the_tools(&self) -> bool {
        let image = self.0.get("image").and_then(Node::text).unwrap_or_default();
        let program = self.texts("command").next().map(|word| word.text).unwrap_or_default();
        image.contains(NAME) || program.rsplit('/').next() == Some(NAME)
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = Word> {
        let items = self.0.get(key).and_then(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| Some(Word { line: item.line, text: from_kubernetes(item.text()?) }))
    }

    /// The words of its command and its arguments; those of a shell's script, if it has one.
    pub(super) fn words(&self, report: &mut Report) -> Result<Vec<Word>, DocumentError> {
        let words: Vec<Word> = self.texts("command").chain(self.texts("args")).collect();
        for variable in self.0.get("env").and_then(Node::items).unwrap_or_default() {
            if let Some(name) = variable.get("name").and_then(Node::text) {
                let text = format!(
                    "the container has the variable {name}; give it to eventer's, too, if it is still needed"
                );
                report.add(Weight::Know, variable.line, "env", text);
            }
        }
        let shell = |word: &Word| matches!(word.text.rsplit('/').next(), Some("sh" | "bash" | "ash"));
        if words.first().is_some_and(shell)
            && let Some(script) = words.iter().skip_while(|word| !word.text.ends_with('c')).nth(1)
        {
            let of_script = words::split(&script.text)?;
            return Ok(of_script.into_iter().map(|word| Word { line: script.line, ..word }).collect());
        }
        Ok(words)
    }
}

/// Kubernetes puts variables in for `$(NAME)`, and reads `$$(NAME)` as that text.
fn from_kubernetes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let (before, behind) = (&rest[..at], &rest[at + 2..]);
        match behind.split_once(')') {
            Some((_, rest_behind)) if before.ends_with('$') => {
                out.push_str(before);
                out.push_str(&rest[at + 1..rest.len() - rest_behind.len()]);
                rest = rest_behind;
            }
            Some((name, rest_behind)) => {
                out.push_str(&format!("{before}${{{name}}}"));
                rest = rest_behind;
            }
            None => break,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_kubernetes_become_ours() {
        assert_eq!(from_kubernetes("a$(B)c$(D"), "a${B}c$(D");
        assert_eq!(from_kubernetes("a$$(B)c"), "a$(B)c");
        assert_eq!(from_kubernetes("a$B"), "a$B");
    }

    #[test]
    fn containers_are_found_wherever_they_stand() {
        let text = "kind: List\nitems:\n- kind: Deployment\n  spec: {template: {spec: {containers: [{image: nginx}, {image: 'x/kube-eventer:1', args: [-v=3]}]}}}\n";
        let document = Node::parse(text).unwrap();
        let found = containers(&document);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].words(&mut Report::default()).unwrap()[0].text, "-v=3");
        let text = "spec: {containers: [{image: a, command: [sh, -c, 'exec /kube-eventer --sink=log: -v 2']}, {image: a, command: [/kube-eventer]}]}";
        assert_eq!(containers(&Node::parse(text).unwrap()).len(), 1);
    }
}
