//! Walks a parsed template with an event: Go's rules of evaluation, counted step by step.

use std::fmt;

use eventer_core::Event;
use gotmpl::parse::{
    ActionNode, BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr, TemplateNode,
};

use super::functions::{self, Call, encoding};
use super::kind::call_time_method;
use super::limits::{BYTES_A_STEP, DEPTH, NESTING, OUTPUT_BYTES};
use super::output::Output;
use super::parse::Parsed;
use super::pass::Pass;
use super::problem::{Problem, TemplateError};
use super::record::Record;
use super::scope::Escaping;
use super::value::{Text, Value};
use super::variables::Variables;

/// What is printed for something that is not there.
const NO_VALUE: &str = "<no value>";

/// One rendering.
pub(super) struct Rendering<'e> {
    parsed: &'e Parsed,
    pass: &'e Pass<'e>,
    output: Output,
    variables: Variables<'e>,
    depth: usize,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Outcome<T> = Result<T, TemplateError>;

impl<'e> Rendering<'e> {
    /// Renders `parsed` for `event`.
    pub(super) fn text(parsed: &'e Parsed, event: &'e Event, pass: &'e Pass<'e>) -> Outcome<String> {
        let mut rendering = Self::new(parsed, event, pass);
        rendering.list(&parsed.main, &Value::Record(Record::Event(event)))?;
        Ok(rendering.output.into_text())
    }

    /// What `action` of `parsed` gives for `event`, as JSON in its own type.
    pub(super) fn json(
        parsed: &'e Parsed,
        action: &'e ActionNode,
        event: &'e Event,
        pass: &'e Pass<'e>,
    ) -> Outcome<String> {
        let mut rendering = Self::new(parsed, event, pass);
        let value = rendering.pipeline(&action.pipe, &Value::Record(Record::Event(event)))?;
        encoding::typed_json(&value).map_err(|what| rendering.wrong(action.pos, what))
    }

    fn new(parsed: &'e Parsed, event: &'e Event, pass: &'e Pass<'e>) -> Self {
        Self {
            parsed,
            pass,
            output: Output::new(OUTPUT_BYTES, pass.scope.escaping),
            variables: Variables::new(Value::Record(Record::Event(event))),
            depth: 0,
        }
    }

    fn list(&mut self, list: &'e ListNode, dot: &Value<'e>) -> Outcome<Flow> {
        for node in &list.nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'e Node, dot: &Value<'e>) -> Outcome<Flow> {
        self.pass.step(1)?;
        match node {
            Node::Text(text) => {
                let written = self.output.push(&text.text);
                self.written(written, text.pos)?;
            }
            Node::Action(action) => {
                let value = self.pipeline(&action.pipe, dot)?;
                if action.pipe.decl.is_empty() {
                    self.print(&value, action.pos)?;
                }
            }
            Node::If(branch) => {
                return self.nested(|this| {
                    let is_true = this.pipeline(&branch.pipe, dot)?.is_true();
                    this.branch(branch, is_true, dot, dot)
                });
            }
            Node::With(branch) => {
                return self.nested(|this| {
                    let value = this.pipeline(&branch.pipe, dot)?;
                    this.branch(branch, value.is_true(), &value, dot)
                });
            }
            Node::Range(branch) => return self.nested(|this| this.range(branch, dot)),
            Node::Template(call) => self.template(call, dot)?,
            Node::List(list) => return self.list(list, dot),
            Node::Define(_) => {}
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// Runs a block: what it declares ends with it.
    fn nested(&mut self, block: impl FnOnce(&mut Self) -> Outcome<Flow>) -> Outcome<Flow> {
        if self.depth == DEPTH {
            return Err(TemplateError::TooDeep);
        }
        self.depth += 1;
        let in_sight = self.variables.count();
        let flow = block(self)?;
        self.variables.back_to(in_sight);
        self.depth -= 1;
        Ok(flow)
    }

    fn branch(
        &mut self,
        branch: &'e BranchNode,
        is_true: bool,
        inner: &Value<'e>,
        outer: &Value<'e>,
    ) -> Outcome<Flow> {
        match &branch.else_body {
            _ if is_true => self.list(&branch.body, inner),
            Some(otherwise) => self.list(otherwise, outer),
            None => Ok(Flow::On),
        }
    }

    fn range(&mut self, branch: &'e BranchNode, dot: &Value<'e>) -> Outcome<Flow> {
        let over = self.commands(&branch.pipe, dot)?;
        let mut is_empty = true;
        let mut turn = |this: &mut Self, key: Value<'e>, item: Value<'e>| -> Outcome<bool> {
            is_empty = false;
            this.pass.step(1)?;
            let in_sight = this.variables.count();
            let mut set = |name, value| this.variables.set(name, value, branch.pipe.is_assign);
            match &branch.pipe.decl[..] {
                [] => {}
                [only] => set(only, item.clone()),
                [first, second, ..] => {
                    set(first, key);
                    set(second, item.clone());
                }
            }
            let flow = this.list(&branch.body, &item)?;
            this.variables.back_to(in_sight);
            Ok(flow != Flow::Break)
        };
        match &over {
            Value::Nil => {}
            Value::List(list) => {
                for (index, item) in list.items.iter().enumerate() {
                    if !turn(self, Value::Int(index as i64), item.clone())? {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                for index in 0..*count {
                    if !turn(self, Value::Int(index), Value::Int(index))? {
                        break;
                    }
                }
            }
            other => {
                let what = || format!("range cannot go through {}", other.kind());
                let entries = other.entries().ok_or_else(|| self.wrong(branch.pipe.pos, what()))?;
                for (key, item) in entries {
                    if !turn(self, Value::Text(key), item)? {
                        break;
                    }
                }
            }
        }
        match &branch.else_body {
            Some(otherwise) if is_empty => self.list(otherwise, dot),
            _ => Ok(Flow::On),
        }
    }

    fn template(&mut self, call: &'e TemplateNode, dot: &Value<'e>) -> Outcome<()> {
        let Some(body) = self.parsed.defined.get(call.name.as_str()) else {
            return Err(self.wrong(call.pos, format!("there is no template \"{}\"", call.name)));
        };
        let inner = call.pipe.as_ref().map_or(Ok(Value::Nil), |pipe| self.pipeline(pipe, dot))?;
        let outer = self.variables.enter(inner.clone());
        self.nested(|this| this.list(body, &inner))?;
        self.variables.leave(outer);
        Ok(())
    }

    /// Computes a pipeline, and sets the variable that it declares or assigns.
    fn pipeline(&mut self, pipe: &'e PipeNode, dot: &Value<'e>) -> Outcome<Value<'e>> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.decl {
            self.variables.set(name, value.clone(), pipe.is_assign);
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &'e PipeNode, dot: &Value<'e>) -> Outcome<Value<'e>> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value.take())?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    /// `piped` is the value of the command before it, which is its last argument.
    fn command(
        &mut self,
        command: &'e CommandNode,
        dot: &Value<'e>,
        piped: Option<Value<'e>>,
    ) -> Outcome<Value<'e>> {
        let Some((first, rest)) = command.args.split_first() else { return Ok(Value::Nil) };
        match first {
            Expr::Identifier(pos, name) => self.call(*pos, name, rest, dot, piped),
            Expr::Chain(pos, inner, names) => {
                let value = match &**inner {
                    Expr::Identifier(pos, name) => self.call(*pos, name, &[], dot, None)?,
                    other => self.expression(other, dot)?,
                };
                self.members(*pos, value, names, rest, dot, piped)
            }
            Expr::Field(pos, names) => self.members(*pos, dot.clone(), names, rest, dot, piped),
            Expr::Variable(pos, name, names) => {
                let value = self.get(*pos, name)?;
                self.members(*pos, value, names, rest, dot, piped)
            }
            other => self.expression(other, dot),
        }
    }

    fn call(
        &mut self,
        pos: Pos,
        name: &'e str,
        arguments: &'e [Expr],
        dot: &Value<'e>,
        piped: Option<Value<'e>>,
    ) -> Outcome<Value<'e>> {
        if let "and" | "or" = name {
            return self.first_that(name == "or", arguments, dot, piped);
        }
        let Some(function) = functions::find(name) else {
            return Err(self.wrong(pos, format!("there is no function \"{name}\"")));
        };
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            values.push(self.expression(argument, dot)?);
        }
        values.extend(piped);
        let weight = values.iter().fold(0, |sum: usize, value| sum.saturating_add(value.weight()));
        self.pass.step(1 + weight / BYTES_A_STEP)?;
        let call = Call { pass: self.pass, regexes: &self.parsed.regexes, values: &values };
        let value = (function.call)(&call).map_err(|what| match self.pass.steps_left.get() {
            0 => TemplateError::TooManySteps,
            _ => self.wrong(pos, format!("{name}: {what}")),
        })?;
        match (value.weight(), value.depth()) {
            (weight, _) if weight > OUTPUT_BYTES => Err(TemplateError::TooLong(OUTPUT_BYTES)),
            (_, depth) if depth > NESTING => Err(TemplateError::TooDeep),
            _ => Ok(value),
        }
    }

    /// `and` and `or`, which compute no more than they need.
    fn first_that(
        &mut self,
        is_true: bool,
        arguments: &'e [Expr],
        dot: &Value<'e>,
        piped: Option<Value<'e>>,
    ) -> Outcome<Value<'e>> {
        let mut last = Value::Nil;
        for argument in arguments {
            last = self.expression(argument, dot)?;
            if last.is_true() == is_true {
                return Ok(last);
            }
        }
        Ok(piped.unwrap_or(last))
    }

    fn expression(&mut self, expression: &'e Expr, dot: &Value<'e>) -> Outcome<Value<'e>> {
        self.pass.step(1)?;
        Ok(match expression {
            Expr::Dot(_) => dot.clone(),
            Expr::Field(pos, names) => self.members(*pos, dot.clone(), names, &[], dot, None)?,
            Expr::Variable(pos, name, names) => {
                let value = self.get(*pos, name)?;
                self.members(*pos, value, names, &[], dot, None)?
            }
            Expr::Identifier(pos, name) => self.call(*pos, name, &[], dot, None)?,
            Expr::String(_, text) => Value::borrowed(text),
            Expr::Number(_, Number::Int(number)) => Value::Int(*number),
            Expr::Number(_, Number::Float(number)) => Value::Float(*number),
            Expr::Number(pos, Number::Uint(_)) => return Err(self.wrong(*pos, "the number is too large")),
            Expr::Bool(_, yes) => Value::Bool(*yes),
            Expr::Nil(_) => Value::Nil,
            Expr::Pipe(_, pipe) => self.pipeline(pipe, dot)?,
            Expr::Chain(pos, inner, names) => {
                let value = self.expression(inner, dot)?;
                self.members(*pos, value, names, &[], dot, None)?
            }
        })
    }

    /// Follows `names` from `value`; the last may be a method that takes the arguments.
    fn members(
        &mut self,
        pos: Pos,
        mut value: Value<'e>,
        names: &'e [SmolStr],
        arguments: &'e [Expr],
        dot: &Value<'e>,
        piped: Option<Value<'e>>,
    ) -> Outcome<Value<'e>> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.expression(argument, dot)?);
        }
        values.extend(piped);
        for (index, name) in names.iter().enumerate() {
            let given = if index + 1 == names.len() { &values[..] } else { &[] };
            value = self.member(&value, name, given).map_err(|what| self.wrong(pos, what))?;
        }
        Ok(value)
    }

    fn member(&self, value: &Value<'e>, name: &str, given: &[Value<'e>]) -> Result<Value<'e>, String> {
        let found = match value {
            // Of what is not there, nothing is there. Go gives up where it is a nil pointer; an event is worth more.
            Value::Nil => Some(Value::Nil),
            Value::Record(record) => record.field(name, self.pass),
            Value::Labels(_) | Value::Dict(_) => Some(value.entry(name).unwrap_or(Value::Nil)),
            Value::Time(time) => {
                let layout = given.first().map(Text::of);
                call_time_method(
                    *time,
                    name,
                    layout.as_deref().unwrap_or_default(),
                    self.pass.scope.time_zone,
                )
            }
            _ => None,
        };
        found.ok_or_else(|| format!("there is no .{name} in {}", value.kind()))
    }

    fn print(&mut self, value: &Value<'e>, pos: Pos) -> Outcome<()> {
        let written = match value {
            Value::Nil => self.output.push_value(NO_VALUE),
            value
                if self.pass.scope.escaping == Escaping::Json
                    && self.parsed.escaping_actions.contains(&pos.offset) =>
            {
                // It is escaped already: what it says is JSON as it stands.
                self.output.push(&Text::of(value))
            }
            value => self.output.push_value(value),
        };
        self.written(written, pos)
    }

    fn written(&self, written: fmt::Result, pos: Pos) -> Outcome<()> {
        match written {
            Ok(()) => Ok(()),
            Err(fmt::Error) if self.output.is_full() => Err(TemplateError::TooLong(OUTPUT_BYTES)),
            Err(fmt::Error) => Err(self.wrong(pos, "the value cannot be printed")),
        }
    }

    fn get(&self, pos: Pos, name: &str) -> Outcome<Value<'e>> {
        self.variables.get(name).ok_or_else(|| self.wrong(pos, format!("there is no variable {name}")))
    }

    fn wrong(&self, pos: Pos, what: impl Into<String>) -> TemplateError {
        TemplateError::Action(Problem::at(&self.parsed.text, pos.offset, what))
    }
}
