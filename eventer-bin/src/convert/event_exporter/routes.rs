//! The route tree, and the condition of each receiver.
//!
//! A route asks `drop` first: one rule of it that matches ends it, with all that is below. Then each rule of `match` sends by
//! itself, if it names a receiver; and only if all of them match do the routes below get the event.

use std::collections::BTreeSet;

use super::fields::tell_of_form;
use super::rules::{self, Rule};
use crate::convert::expression::Condition;
use crate::convert::report::{Report, Weight, did_you_mean};
use crate::document::Node;

/// A node of the tree.
#[derive(Debug, Default)]
pub(super) struct Route {
    drop: Vec<Rule>,
    matches: Vec<Rule>,
    routes: Vec<Route>,
}

const KEYS: [&str; 3] = ["drop", "match", "routes"];

impl Route {
    /// Reads a route; what is ignored there is told.
    pub(super) fn read(node: &Node, place: &str, report: &mut Report) -> Self {
        let mut route = Self::default();
        let Some(entries) = node.entries() else {
            tell_of_form(node, place, "a map", report);
            return route;
        };
        for entry in entries {
            let place = format!("{place}.{}", entry.key);
            match entry.key.as_str() {
                "drop" => route.drop = rules::read_all(&entry.node, &place, report),
                "match" => route.matches = rules::read_all(&entry.node, &place, report),
                "routes" => match entry.node.items() {
                    Some(items) => {
                        let items = items.iter().enumerate();
                        route.routes = items
                            .map(|(at, node)| Self::read(node, &format!("{place}[{at}]"), report))
                            .collect();
                    }
                    None => tell_of_form(&entry.node, &place, "a list of routes", report),
                },
                key => {
                    let hint = match rules::is_key(key) {
                        true => "; conditions and receivers stand in the rules of match".to_owned(),
                        false => did_you_mean(key, KEYS),
                    };
                    let text = format!("a route has no such key, and the tool ignores it{hint}");
                    report.add(Weight::Know, entry.line, place, text);
                }
            }
        }
        route.warn(place, report);
        route
    }

    /// A rule without conditions beside one without a receiver was mostly meant to be guarded by it.
    fn warn(&self, place: &str, report: &mut Report) {
        for rule in &self.drop {
            if let Some(receiver) = &rule.receiver {
                let text = format!("a rule of drop sends nothing; its receiver {receiver} is ignored");
                report.add(Weight::Know, rule.line, format!("{place}.drop"), text);
            }
            if rule.condition == Condition::Always(true) {
                let text = "a rule without conditions drops every event, so that this route sends nothing";
                report.add(Weight::Know, rule.line, format!("{place}.drop"), text);
            }
        }
        let has_gate = self.matches.iter().any(|rule| rule.receiver.is_none());
        for rule in self.matches.iter().filter(|rule| has_gate && rule.condition == Condition::Always(true)) {
            if let Some(receiver) = &rule.receiver {
                let text = format!(
                    "the rules of match are independent: the ones beside it do not guard {receiver}, which gets every event \
                     of this route, there as here"
                );
                report.add(Weight::Know, rule.line, format!("{place}.match"), text);
            }
        }
    }

    /// When `receiver` gets an event.
    pub(super) fn condition(&self, receiver: &str) -> Condition {
        self.sends(receiver).simplified()
    }

    fn sends(&self, receiver: &str) -> Condition {
        let own = self.matches.iter().filter(|rule| rule.receiver.as_deref() == Some(receiver));
        let mut ways: Vec<Condition> = own.map(|rule| rule.condition.clone()).collect();
        // A subtree that never sends to it needs no words.
        let below: Vec<Condition> = self
            .routes
            .iter()
            .map(|route| route.sends(receiver))
            .filter(|way| *way != Condition::Always(false))
            .collect();
        if !below.is_empty() {
            let mut gate: Vec<Condition> = self.matches.iter().map(|rule| rule.condition.clone()).collect();
            gate.push(Condition::Any(below));
            ways.push(Condition::All(gate));
        }
        if ways.is_empty() {
            return Condition::Always(false);
        }
        let mut parts: Vec<Condition> = self.drop.iter().map(|rule| rule.condition.clone().not()).collect();
        parts.push(Condition::Any(ways));
        Condition::All(parts)
    }

    /// Lets rules that ask for labels or annotations never match, as where none are looked up.
    pub(super) fn forget_labels(&mut self, report: &mut Report) {
        for rule in self.drop.iter_mut().chain(&mut self.matches).filter(|rule| rule.needs_lookup) {
            rule.condition = Condition::Always(false);
            let text = "with omitLookup there are no labels and annotations, so that this rule never matches, there as here";
            report.add(Weight::Know, rule.line, "omitLookup", text);
        }
        for route in &mut self.routes {
            route.forget_labels(report);
        }
    }

    /// The receivers that rules name, each with the line of the first rule that does.
    pub(super) fn named(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        self.collect(&mut found);
        let mut seen = BTreeSet::new();
        found.retain(|(name, _)| seen.insert(name.clone()));
        found
    }

    fn collect(&self, found: &mut Vec<(String, u64)>) {
        found.extend(self.matches.iter().filter_map(|rule| Some((rule.receiver.clone()?, rule.line))));
        for route in &self.routes {
            route.collect(found);
        }
    }

    /// All rules.
    pub(super) fn rules(&self) -> Vec<&Rule> {
        let own = self.drop.iter().chain(&self.matches);
        own.chain(self.routes.iter().flat_map(Self::rules)).collect()
    }
}
