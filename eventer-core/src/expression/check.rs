//! Makes the tree that is evaluated of the one that the parser gives: every name must exist, and every type must fit.

use std::borrow::Cow;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};
use jiff::{SignedDuration, Timestamp};

use super::functions;
use super::mistakes::{
    NO_MACROS, NO_NULL, a, not_comparable, types, unknown_field, unknown_function, unknown_variable,
};
use super::node::{Arithmetic, Comparison, Kind, Node};
use super::problem::Problem;
use super::schema::Shape;
use super::value::{Type, Value};
use crate::re2;
use crate::time::parse_duration;

/// One check of an expression, which goes on after a mistake to find the others.
pub(super) struct Checker<'t> {
    text: &'t str,
    places: &'t SourceInfo,
    problems: Vec<Problem>,
}

impl<'t> Checker<'t> {
    /// Checks an expression that is to be true or false.
    pub(super) fn check(
        text: &'t str,
        expr: &IdedExpr,
        places: &'t SourceInfo,
    ) -> Result<Node, Vec<Problem>> {
        let mut checker = Self { text, places, problems: Vec::new() };
        match checker.node(expr) {
            Some(node) if node.gives == Type::Bool && checker.problems.is_empty() => Ok(node),
            Some(node) if checker.problems.is_empty() => {
                let what = format!("it must be true or false, and this is {}", a(node.gives));
                Err(vec![Problem::at(text, node.span.0, what)])
            }
            _ => Err(checker.problems),
        }
    }

    /// `None`: something is wrong, and was recorded.
    fn node(&mut self, expr: &IdedExpr) -> Option<Node> {
        let token = self.token(expr);
        match &expr.expr {
            Expr::Literal(literal) => self.literal(literal, token),
            Expr::Ident(name) => self.variable(name.trim_start_matches('.'), token),
            Expr::Select(select) => self.select(select, token),
            Expr::Call(call) => self.call(call, token),
            Expr::List(_) => self.problem(token.0, "a list stands right of in, and nowhere else"),
            Expr::Map(_) | Expr::Struct(_) => self.problem(token.0, "a map cannot be written here"),
            Expr::Comprehension(_) => self.problem(token.0, NO_MACROS),
            Expr::Unspecified => self.problem(token.0, "this is not understood"),
        }
    }

    fn literal(&mut self, literal: &LiteralValue, span: (usize, usize)) -> Option<Node> {
        let (gives, value) = match literal {
            LiteralValue::Boolean(it) => (Type::Bool, Value::Bool(*it.inner())),
            LiteralValue::Int(it) => (Type::Int, Value::Int(*it.inner())),
            LiteralValue::UInt(it) => match i64::try_from(*it.inner()) {
                Ok(it) => (Type::Int, Value::Int(it)),
                Err(_) => return self.problem(span.0, "the number is too large"),
            },
            LiteralValue::Double(it) => (Type::Double, Value::Double(*it.inner())),
            LiteralValue::String(it) => (Type::Text, Value::Text(Cow::Owned(it.inner().to_owned()))),
            LiteralValue::Bytes(_) => {
                return self.problem(span.0, "nothing in an event is bytes; leave the b out");
            }
            LiteralValue::Null => return self.problem(span.0, NO_NULL),
        };
        // The parser leaves a sign out of the place of its number.
        let is_signed = matches!(value, Value::Int(..0)) || matches!(value, Value::Double(it) if it < 0.0);
        let signed_at =
            self.text.get(..span.0).unwrap_or_default().trim_end().strip_suffix('-').map(str::len);
        let begin = signed_at.filter(|_| is_signed).unwrap_or(span.0);
        Some(Node { span: (begin, span.1), gives, kind: Kind::Constant(value) })
    }

    fn variable(&mut self, name: &str, span: (usize, usize)) -> Option<Node> {
        let fields = Shape::Event.fields();
        match fields.iter().position(|field| field.name == name) {
            Some(index) => Some(Node { span, gives: fields[index].gives, kind: Kind::Variable(index) }),
            None => self.problem(span.0, unknown_variable(name)),
        }
    }

    fn select(&mut self, select: &SelectExpr, token: (usize, usize)) -> Option<Node> {
        let of = self.node(&select.operand)?;
        // The place of a `has` is that of its bracket; the name stands behind the dot that follows its operand.
        let dot = if select.test {
            let behind = self.text.get(of.span.1..).unwrap_or_default();
            behind.find('.').map_or(token.0, |at| of.span.1 + at)
        } else {
            token.0
        };
        let behind = self.text.get(dot + 1..).unwrap_or_default();
        let at = dot + 1 + (behind.len() - behind.trim_start().len());
        let span = (of.span.0, at + select.field.len());
        let field = match of.gives {
            Type::Labels => {
                // `labels.team` is another way to write `labels["team"]`.
                let value = Value::Text(Cow::Owned(select.field.clone()));
                let key = Node { span: (at, span.1), gives: Type::Text, kind: Kind::Constant(value) };
                let (gives, kind) = match select.test {
                    true => (Type::Bool, Kind::In(Box::new([key, of]))),
                    false => (Type::Text, Kind::Entry(Box::new([of, key]))),
                };
                let span = if select.test { (self.before(token.0, "has"), span.1) } else { span };
                return Some(Node { span, gives, kind });
            }
            Type::Record(shape) => {
                let fields = shape.fields();
                let Some(index) = fields.iter().position(|field| field.name == select.field) else {
                    return self.problem(at, unknown_field(&select.field, shape));
                };
                Node { span, gives: fields[index].gives, kind: Kind::Field(Box::new(of), index) }
            }
            other => return self.problem(at, format!("there is no .{} in {}", select.field, a(other))),
        };
        if !select.test {
            return Some(field);
        }
        let span = (self.before(token.0, "has"), span.1);
        Some(Node { span, gives: Type::Bool, kind: Kind::Has(Box::new(field)) })
    }

    fn call(&mut self, call: &CallExpr, token: (usize, usize)) -> Option<Node> {
        let name = call.func_name.trim_start_matches('.');
        if let Some(comparison) = comparison(name) {
            return self.compare(comparison, &call.args, token);
        }
        if let Some(arithmetic) = arithmetic(name) {
            return self.compute(arithmetic, &call.args, token);
        }
        match name {
            operators::LOGICAL_AND => self.join(&call.args, Kind::And),
            operators::LOGICAL_OR => self.join(&call.args, Kind::Or),
            operators::LOGICAL_NOT => self.not(&call.args, token),
            operators::NEGATE => self.negate(&call.args, token),
            operators::CONDITIONAL => self.choice(&call.args),
            operators::INDEX => self.index(&call.args, token),
            operators::IN => self.membership(&call.args, token),
            _ => self.function(name, call, token),
        }
    }

    fn join(&mut self, args: &[IdedExpr], kind: fn(Box<[Node; 2]>) -> Kind) -> Option<Node> {
        let parts = self.two(args)?;
        let are_conditions = parts.each_ref().map(|part| self.is_condition(part));
        let span = span_of(&*parts);
        are_conditions.into_iter().all(|it| it).then(|| Node { span, gives: Type::Bool, kind: kind(parts) })
    }

    fn not(&mut self, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let part = self.nodes(args)?.pop().filter(|part| self.is_condition(part))?;
        Some(Node { span: (token.0, part.span.1), gives: Type::Bool, kind: Kind::Not(Box::new(part)) })
    }

    /// Whether it is true or false. Records if it is not.
    fn is_condition(&mut self, part: &Node) -> bool {
        let is_condition = part.gives == Type::Bool;
        if !is_condition {
            self.problem(part.span.0, format!("this must be true or false, and is {}", a(part.gives)));
        }
        is_condition
    }

    fn compare(&mut self, comparison: Comparison, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let parts = self.two(args)?;
        let span = span_of(&*parts);
        let [left, right] = [parts[0].gives, parts[1].gives];
        if !left.is_comparable_with(right) {
            return self.problem(token.0, not_comparable(self.operator(token), left, right));
        }
        Some(Node { span, gives: Type::Bool, kind: Kind::Compare(comparison, parts) })
    }

    fn compute(&mut self, arithmetic: Arithmetic, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let parts = self.two(args)?;
        let span = span_of(&*parts);
        let [left, right] = [parts[0].gives, parts[1].gives];
        match arithmetic.gives(left, right) {
            Some(gives) => Some(Node { span, gives, kind: Kind::Compute(arithmetic, parts) }),
            None => {
                let operator = self.operator(token);
                self.problem(token.0, format!("there is no {operator} of {} and {}", a(left), a(right)))
            }
        }
    }

    fn negate(&mut self, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let part = self.nodes(args)?.pop()?;
        if part.gives != Type::Int {
            return self.problem(token.0, format!("there is no - of {}", a(part.gives)));
        }
        Some(Node { span: (token.0, part.span.1), gives: Type::Int, kind: Kind::Negate(Box::new(part)) })
    }

    fn choice(&mut self, args: &[IdedExpr]) -> Option<Node> {
        let parts: Box<[Node; 3]> = self.nodes(args)?.into_boxed_slice().try_into().ok()?;
        if !self.is_condition(&parts[0]) {
            return None;
        }
        if parts[1].gives != parts[2].gives {
            let what = format!(
                "both sides of : must be of one type, and here are {} and {}",
                a(parts[1].gives),
                a(parts[2].gives)
            );
            return self.problem(parts[1].span.0, what);
        }
        Some(Node { span: span_of(&*parts), gives: parts[1].gives, kind: Kind::If(parts) })
    }

    fn index(&mut self, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let parts = self.two(args)?;
        let span = span_of(&*parts);
        let (gives, kind) = match (parts[0].gives, parts[1].gives) {
            (Type::Labels, Type::Text) => (Type::Text, Kind::Entry(parts)),
            (Type::Texts, Type::Int) => (Type::Text, Kind::Item(parts)),
            (Type::Owners, Type::Int) => (Type::Record(Shape::Owner), Kind::Item(parts)),
            (of, by) => return self.problem(token.0, format!("{} has no index of {}", a(of), a(by))),
        };
        Some(Node { span, gives, kind })
    }

    fn membership(&mut self, args: &[IdedExpr], token: (usize, usize)) -> Option<Node> {
        let [item, of] = args else { return None };
        let item = self.node(item);
        if let Expr::List(list) = &of.expr {
            let bracket = self.token(of).0;
            let items = self.nodes(&list.elements);
            let (item, items) = (item?, items?);
            if let Some(other) = items.iter().find(|other| !item.gives.is_comparable_with(other.gives)) {
                let what = format!("this is {}, and left of in stands {}", a(other.gives), a(item.gives));
                return self.problem(other.span.0, what);
            }
            let end = items.last().map_or(bracket, |last| last.span.1).max(bracket + 1);
            return Some(Node {
                span: (item.span.0, end),
                gives: Type::Bool,
                kind: Kind::OneOf(Box::new(item), items),
            });
        }
        let of = self.node(of);
        let parts = Box::new([item?, of?]);
        match (parts[0].gives, parts[1].gives) {
            (Type::Text, Type::Labels | Type::Texts) => {
                Some(Node { span: span_of(&*parts), gives: Type::Bool, kind: Kind::In(parts) })
            }
            (item, of) => self.problem(token.0, format!("{} cannot be in {}", a(item), a(of))),
        }
    }

    fn function(&mut self, name: &str, call: &CallExpr, token: (usize, usize)) -> Option<Node> {
        if functions::MACROS.contains(&name) {
            return self.problem(token.0, NO_MACROS);
        }
        // These can be written in both ways: size(message) is message.size().
        let is_on_first =
            call.target.is_none() && matches!(name, "size" | "matches") && !call.args.is_empty();
        let (target, args) = match &call.target {
            Some(target) => (Some(&**target), &call.args[..]),
            None if is_on_first => (call.args.first(), &call.args[1..]),
            None => (None, &call.args[..]),
        };
        let target = target.map(|target| self.node(target));
        let args = self.nodes(args);
        // Something wrong in the target hides what the function would be asked of.
        let (target, args) = (target.map_or(Some(None), |target| target.map(Some))?, args?);
        let begin = match &call.target {
            Some(_) => target.as_ref().map_or(token.0, |target| target.span.0),
            None => self.before(token.0, name),
        };
        let end = args.last().map_or(token.1, |last| last.span.1.max(token.1));
        let span = (begin, end);
        match (name, target) {
            ("matches", Some(target)) => self.matches(target, &args, span),
            ("timestamp" | "duration", None) => self.constant(name, &args, span),
            (_, target) => {
                let on = target.as_ref().map(|target| target.gives);
                let Some(function) = functions::find(name, on) else {
                    return self.problem(self.before(token.0, name), unknown_function(name, on));
                };
                let takes: Vec<Type> = args.iter().map(|arg| arg.gives).collect();
                if takes != function.takes {
                    let what = format!("{name} takes {}, not {}", types(function.takes), types(&takes));
                    return self.problem(self.before(token.0, name), what);
                }
                let values = target.into_iter().chain(args).collect();
                Some(Node { span, gives: function.gives, kind: Kind::Call(function, values) })
            }
        }
    }

    fn matches(&mut self, target: Node, args: &[Node], span: (usize, usize)) -> Option<Node> {
        if target.gives != Type::Text {
            return self.problem(span.0, format!("matches is asked of a string, not of {}", a(target.gives)));
        }
        let [Node { kind: Kind::Constant(Value::Text(pattern)), span: at, .. }] = args else {
            return self
                .problem(span.0, "matches takes a regular expression that is written out as a string");
        };
        match re2::compile(pattern) {
            Ok(regex) => Some(Node { span, gives: Type::Bool, kind: Kind::Matches(Box::new(target), regex) }),
            Err(what) => self.problem(at.0, what),
        }
    }

    /// A timestamp or duration that is written out.
    fn constant(&mut self, name: &str, args: &[Node], span: (usize, usize)) -> Option<Node> {
        let [Node { kind: Kind::Constant(Value::Text(text)), span: at, .. }] = args else {
            return self.problem(span.0, format!("{name} takes a string that is written out"));
        };
        let made = match name {
            "timestamp" => text
                .parse::<Timestamp>()
                .map(|at| (Type::Time, Value::Time(at)))
                .map_err(|_| format!("\"{text}\" is no timestamp such as 2026-11-21T06:00:00Z")),
            _ => duration(text).map(|it| (Type::Duration, Value::Duration(it))),
        };
        match made {
            Ok((gives, value)) => Some(Node { span, gives, kind: Kind::Constant(value) }),
            Err(what) => self.problem(at.0, what),
        }
    }

    /// All of them, so that every mistake is found.
    fn nodes(&mut self, exprs: &[IdedExpr]) -> Option<Vec<Node>> {
        let nodes: Vec<Option<Node>> = exprs.iter().map(|expr| self.node(expr)).collect();
        nodes.into_iter().collect()
    }

    fn two(&mut self, args: &[IdedExpr]) -> Option<Box<[Node; 2]>> {
        self.nodes(args)?.into_boxed_slice().try_into().ok()
    }

    fn problem(&mut self, at: usize, what: impl Into<String>) -> Option<Node> {
        self.problems.push(Problem::at(self.text, at, what));
        None
    }

    /// Where the token stands that the parser puts an expression at: a name, a literal, an operator, or the bracket of a
    /// call or list.
    fn token(&self, expr: &IdedExpr) -> (usize, usize) {
        let (start, last) = self.places.offset_for(expr.id).unwrap_or_default();
        (start as usize, (last as usize + 1).min(self.text.len()))
    }

    fn operator(&self, token: (usize, usize)) -> &'t str {
        self.text.get(token.0..token.1).unwrap_or_default()
    }

    /// Where the name of a function begins, whose bracket stands at `bracket`.
    fn before(&self, bracket: usize, name: &str) -> usize {
        self.text.get(..bracket).unwrap_or_default().trim_end().len().saturating_sub(name.len())
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}

/// From where the first begins to where the last ends.
fn span_of(parts: &[Node]) -> (usize, usize) {
    let begin = parts.iter().map(|part| part.span.0).min().unwrap_or_default();
    let end = parts.iter().map(|part| part.span.1).max().unwrap_or_default();
    (begin, end)
}

/// Go's form, which our own lacks the sign of.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let (is_negative, span) = text.strip_prefix('-').map_or((false, text), |span| (true, span));
    let span = parse_duration(span).map_err(|_| format!("\"{text}\" is no duration such as 90s or 1h30m"))?;
    let span = SignedDuration::try_from(span).map_err(|error| error.to_string())?;
    Ok(if is_negative { -span } else { span })
}
