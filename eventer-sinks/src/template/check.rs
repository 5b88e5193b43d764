//! Checks a parsed template before there is an event: what it names must exist.
//!
//! The kind of a value is followed as far as it is known: through fields, methods, variables, `with`, `range`, pipelines
//! and calls of templates. Where it is not known, nothing is found wrong.

use std::collections::{HashMap, HashSet};

use gotmpl::parse::{BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr};

use super::escapes::{EscapingVariables, assigned};
use super::functions::{self, Regexes, dates};
use super::kind::{Kind, TIME_METHODS, TIME_METHODS_NOT_OFFERED};
use super::problem::Problem;
use super::shape::Shape;

/// One check of a template.
pub(super) struct Checker<'t> {
    text: &'t str,
    defined: &'t HashMap<String, ListNode>,
    regexes: &'t mut Regexes,
    problems: Vec<Problem>,
    /// The variables in sight, the newest last.
    variables: Vec<(&'t str, Kind)>,
    /// Variables whose kind may change on the way.
    changing: HashSet<&'t str>,
    escaping_variables: EscapingVariables<'t>,
    escaping_actions: HashSet<usize>,
    /// How many `range` lie around.
    ranges: usize,
    /// Calls of templates: which, and with what for a dot.
    calls: Vec<(&'t str, Kind)>,
}

impl<'t> Checker<'t> {
    /// Checks the template `text` that was parsed into `main` and `defined`, puts its regular expressions into `regexes`,
    /// and answers with the places of the actions that escape what they print.
    pub(super) fn check(
        text: &'t str,
        main: &'t ListNode,
        defined: &'t HashMap<String, ListNode>,
        regexes: &'t mut Regexes,
    ) -> Result<HashSet<usize>, Vec<Problem>> {
        let bodies = || std::iter::once(main).chain(defined.values());
        let mut checker = Self {
            text,
            defined,
            regexes,
            problems: Vec::new(),
            variables: Vec::new(),
            changing: assigned(bodies()),
            escaping_variables: EscapingVariables::of(bodies()),
            escaping_actions: HashSet::new(),
            ranges: 0,
            calls: Vec::new(),
        };
        checker.body(main, Kind::Record(Shape::Event));
        let mut seen = HashSet::new();
        while let Some((name, dot)) = checker.calls.pop() {
            if let Some(body) = checker.defined.get(name).filter(|_| seen.insert((name, dot))) {
                checker.body(body, dot);
            }
        }
        for (name, body) in defined {
            if !seen.iter().any(|(called, _)| called == name) {
                checker.body(body, Kind::Unknown);
            }
        }
        if checker.problems.is_empty() { Ok(checker.escaping_actions) } else { Err(checker.problems) }
    }

    fn body(&mut self, body: &'t ListNode, dot: Kind) {
        self.variables = vec![("$", dot)];
        self.ranges = 0;
        self.list(body, dot);
    }

    fn list(&mut self, list: &'t ListNode, dot: Kind) {
        for node in &list.nodes {
            self.node(node, dot);
        }
    }

    fn node(&mut self, node: &'t Node, dot: Kind) {
        match node {
            Node::Text(_) | Node::Define(_) => {}
            Node::Action(action) => {
                self.pipeline(&action.pipe, dot);
                if self.escaping_variables.escapes(&action.pipe) {
                    self.escaping_actions.insert(action.pos.offset);
                }
            }
            Node::List(list) => self.list(list, dot),
            Node::If(branch) => self.block(|this| {
                this.pipeline(&branch.pipe, dot);
                this.branches(branch, dot, dot);
            }),
            Node::With(branch) => self.block(|this| {
                let inner = this.pipeline(&branch.pipe, dot);
                this.branches(branch, inner, dot);
            }),
            Node::Range(branch) => self.block(|this| this.range(branch, dot)),
            Node::Template(call) => {
                let inner = call.pipe.as_ref().map_or(Kind::Unknown, |pipe| self.pipeline(pipe, dot));
                if let Some((name, _)) = self.defined.get_key_value(call.name.as_str()) {
                    self.calls.push((name, inner));
                } else {
                    let known = self.defined.keys().map(String::as_str);
                    let hint = did_you_mean(&call.name, known, "");
                    self.problem(call.pos, format!("there is no template \"{}\"{hint}", call.name));
                }
            }
            Node::Break(pos) | Node::Continue(pos) => {
                if self.ranges == 0 {
                    self.problem(*pos, "break and continue belong into a range");
                }
            }
        }
    }

    fn block(&mut self, block: impl FnOnce(&mut Self)) {
        let in_sight = self.variables.len();
        block(self);
        self.variables.truncate(in_sight);
    }

    fn branches(&mut self, branch: &'t BranchNode, inner: Kind, outer: Kind) {
        self.block(|this| this.list(&branch.body, inner));
        if let Some(otherwise) = &branch.else_body {
            self.block(|this| this.list(otherwise, outer));
        }
    }

    fn range(&mut self, branch: &'t BranchNode, dot: Kind) {
        let over = self.commands(&branch.pipe, dot);
        let (key, item) = match over {
            Kind::Unknown => (Kind::Unknown, Kind::Unknown),
            Kind::Labels => (Kind::Text, Kind::Text),
            Kind::List(item) => (Kind::Int, *item),
            Kind::Int => (Kind::Int, Kind::Int),
            other => {
                self.problem(branch.pipe.pos, format!("range cannot go through {}", other.name()));
                (Kind::Unknown, Kind::Unknown)
            }
        };
        self.block(|this| {
            match &branch.pipe.decl[..] {
                [] => {}
                [only] => this.declare(&branch.pipe, only, item),
                [first, second, ..] => {
                    this.declare(&branch.pipe, first, key);
                    this.declare(&branch.pipe, second, item);
                }
            }
            this.ranges += 1;
            this.list(&branch.body, item);
            this.ranges -= 1;
        });
        if let Some(otherwise) = &branch.else_body {
            self.block(|this| this.list(otherwise, dot));
        }
    }

    fn pipeline(&mut self, pipe: &'t PipeNode, dot: Kind) -> Kind {
        let kind = self.commands(pipe, dot);
        for name in &pipe.decl {
            self.declare(pipe, name, kind);
        }
        kind
    }

    fn declare(&mut self, pipe: &'t PipeNode, name: &'t SmolStr, kind: Kind) {
        if pipe.is_assign {
            self.variable(pipe.pos, name);
        } else {
            let kind = if self.changing.contains(name.as_str()) { Kind::Unknown } else { kind };
            self.variables.push((name, kind));
        }
    }

    fn variable(&mut self, pos: Pos, name: &str) -> Kind {
        if let Some((_, kind)) = self.variables.iter().rev().find(|(known, _)| *known == name) {
            return *kind;
        }
        let hint = did_you_mean(name, self.variables.iter().map(|(known, _)| *known), "");
        self.problem(pos, format!("there is no variable {name}{hint}"));
        Kind::Unknown
    }

    fn commands(&mut self, pipe: &'t PipeNode, dot: Kind) -> Kind {
        let mut kind = Kind::Unknown;
        for (index, command) in pipe.commands.iter().enumerate() {
            kind = self.command(command, dot, index > 0);
        }
        kind
    }

    fn command(&mut self, command: &'t CommandNode, dot: Kind, is_piped: bool) -> Kind {
        let Some((first, rest)) = command.args.split_first() else { return Kind::Unknown };
        let given = rest.len() + usize::from(is_piped);
        match first {
            Expr::Identifier(pos, name) => self.call(*pos, name, rest, dot, given),
            Expr::Field(pos, names) => {
                self.arguments(rest, dot);
                self.members(*pos, dot, names, given)
            }
            Expr::Variable(pos, name, names) if !names.is_empty() => {
                self.arguments(rest, dot);
                let kind = self.variable(*pos, name);
                self.members(*pos, kind, names, given)
            }
            Expr::Chain(pos, inner, names) => {
                self.arguments(rest, dot);
                let kind = self.expression(inner, dot);
                self.members(*pos, kind, names, given)
            }
            Expr::Nil(pos) => {
                self.problem(*pos, "nil is no value to print");
                Kind::Unknown
            }
            other => {
                if given > 0 {
                    self.problem(other.pos(), "this is no function, and takes no values");
                }
                self.expression(other, dot)
            }
        }
    }

    fn arguments(&mut self, arguments: &'t [Expr], dot: Kind) -> Vec<Kind> {
        arguments.iter().map(|argument| self.expression(argument, dot)).collect()
    }

    fn call(&mut self, pos: Pos, name: &str, arguments: &'t [Expr], dot: Kind, given: usize) -> Kind {
        let kinds = self.arguments(arguments, dot);
        let Some(function) = functions::find(name) else {
            self.problem(pos, unknown_function(name));
            return Kind::Unknown;
        };
        let (least, most) = function.takes;
        if given < least || given > most {
            let wanted = match (least, most) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            self.problem(pos, format!("{name} takes {wanted} values, not {given}"));
        }
        if let (true, Some(Expr::String(at, pattern))) = (Regexes::are_taken_by(name), arguments.first())
            && let Err(what) = self.regexes.add(pattern)
        {
            self.problem(*at, what);
        }
        if let ("dateInZone" | "date_in_zone", Some(Expr::String(at, zone))) = (name, arguments.get(2))
            && &**zone != "Local"
            && dates::find_zone(zone).is_none()
        {
            self.problem(*at, format!("there is no time zone \"{zone}\""));
        }
        match (name, kinds.first()) {
            ("index", Some(kind)) if kinds.len() == 2 => match kind {
                Kind::Labels => Kind::Text,
                Kind::List(item) => **item,
                _ => Kind::Unknown,
            },
            _ => function.gives,
        }
    }

    fn expression(&mut self, expression: &'t Expr, dot: Kind) -> Kind {
        match expression {
            Expr::Dot(_) => dot,
            Expr::Field(pos, names) => self.members(*pos, dot, names, 0),
            Expr::Variable(pos, name, names) => {
                let kind = self.variable(*pos, name);
                self.members(*pos, kind, names, 0)
            }
            Expr::Identifier(pos, name) => self.call(*pos, name, &[], dot, 0),
            Expr::String(..) => Kind::Text,
            Expr::Number(_, Number::Int(_)) => Kind::Int,
            Expr::Number(pos, Number::Uint(_)) => {
                self.problem(*pos, "the number is too large");
                Kind::Unknown
            }
            Expr::Number(..) | Expr::Nil(_) => Kind::Unknown,
            Expr::Bool(..) => Kind::Bool,
            Expr::Pipe(_, pipe) => self.pipeline(pipe, dot),
            Expr::Chain(pos, inner, names) => {
                let kind = self.expression(inner, dot);
                self.members(*pos, kind, names, 0)
            }
        }
    }

    /// Follows `names`; `given` values go to the last.
    fn members(&mut self, pos: Pos, mut kind: Kind, names: &[SmolStr], given: usize) -> Kind {
        for (index, name) in names.iter().enumerate() {
            let given = if index + 1 == names.len() { given } else { 0 };
            match member(kind, name, given) {
                Ok(next) => kind = next,
                Err(what) => {
                    self.problem(pos, what);
                    return Kind::Unknown;
                }
            }
        }
        kind
    }

    fn problem(&mut self, pos: Pos, what: impl Into<String>) {
        self.problems.push(Problem::at(self.text, pos.offset, what));
    }
}

/// What `.name` is of something of that kind.
fn member(kind: Kind, name: &str, given: usize) -> Result<Kind, String> {
    let (takes, gives) = match kind {
        Kind::Unknown => return Ok(Kind::Unknown),
        Kind::Labels => (0, Kind::Text),
        Kind::Record(shape) => {
            let field = shape.field(name);
            (0, field.ok_or_else(|| unknown_field(shape, name))?)
        }
        Kind::Time => {
            let method = TIME_METHODS.iter().find(|method| method.name == name);
            let method = method.ok_or_else(|| unknown_method(name))?;
            (method.takes, method.gives)
        }
        Kind::Text => {
            return Err(format!(
                "there is no .{name} in text; a key with dots in it is read by index .Labels \"app.{name}\""
            ));
        }
        other => return Err(format!("there is no .{name} in {}", other.name())),
    };
    match (given, takes) {
        (given, takes) if given == takes => Ok(gives),
        (_, 0) => Err(format!(".{name} takes no values")),
        (given, takes) => Err(format!(".{name} takes {takes} value, not {given}")),
    }
}

fn unknown_field(shape: Shape, name: &str) -> String {
    let hint = match name {
        "metadata" => ", did you mean .ObjectMeta?".to_owned(),
        _ => did_you_mean(name, shape.names().map(|(known, _)| known), "."),
    };
    format!("there is no .{name} in {}{hint}", shape.name())
}

fn unknown_method(name: &str) -> String {
    if TIME_METHODS_NOT_OFFERED.contains(&name) {
        return format!(
            ".{name} of a time is not offered; use .Format, .Unix, ago, dateInZone or dateModify"
        );
    }
    let hint = did_you_mean(name, TIME_METHODS.iter().map(|method| method.name), ".");
    format!("there is no .{name} in a time{hint}")
}

fn unknown_function(name: &str) -> String {
    if let Some(why) = functions::why_not(name) {
        return format!("the function {name} is not offered: {why}");
    }
    if Shape::Event.field(name).is_some() {
        return format!("there is no function \"{name}\", did you mean .{name}?");
    }
    let hint = did_you_mean(name, functions::all().map(|function| function.name), "");
    format!("there is no function \"{name}\"{hint}")
}

/// The name that was meant, with `before` before it, if one is like `name`.
fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>, before: &str) -> String {
    let lower = name.to_lowercase();
    let distance = |known: &str| strsim::osa_distance(&lower, &known.to_lowercase());
    let nearest = known.map(|known| (distance(known), known)).min();
    match nearest {
        Some((far, known)) if far <= 2 && far * 2 < name.chars().count().max(2) => {
            format!(", did you mean {before}{known}?")
        }
        _ => String::new(),
    }
}
