//! An expression as it is evaluated: a tree whose types were checked when it was made.

use regex::Regex;

use super::functions::Function;
use super::value::{Type, Value};

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Node {
    /// Where in the text it begins and ends, without the brackets around it.
    pub(super) span: (usize, usize),
    /// What it gives.
    pub(super) gives: Type,
    pub(super) kind: Kind,
}

/// What a part does.
#[derive(Debug)]
pub(super) enum Kind {
    Constant(Value<'static>),
    /// A field of the event, by its index in the schema.
    Variable(usize),
    /// A field of a part of the event.
    Field(Box<Node>, usize),
    /// What a map holds under a key.
    Entry(Box<[Node; 2]>),
    /// What a list holds at an index.
    Item(Box<[Node; 2]>),
    /// Whether a map has a key, or a list an item.
    In(Box<[Node; 2]>),
    /// Whether a value is one of those that are written out.
    OneOf(Box<Node>, Vec<Node>),
    /// Whether a field is filled in.
    Has(Box<Node>),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Compute(Arithmetic, Box<[Node; 2]>),
    Negate(Box<Node>),
    Matches(Box<Node>, Regex),
    Call(&'static Function, Vec<Node>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How two values are computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    /// What comes of values of these types, if they can be computed with.
    pub(super) fn gives(self, left: Type, right: Type) -> Option<Type> {
        match (self, left, right) {
            (_, Type::Int, Type::Int) => Some(Type::Int),
            (Self::Add, Type::Text, Type::Text) => Some(Type::Text),
            (Self::Add | Self::Subtract, Type::Time, Type::Duration)
            | (Self::Add, Type::Duration, Type::Time) => Some(Type::Time),
            (Self::Subtract, Type::Time, Type::Time)
            | (Self::Add | Self::Subtract, Type::Duration, Type::Duration) => Some(Type::Duration),
            _ => None,
        }
    }
}

impl Node {
    /// The parts that it is made of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Constant(_) | Kind::Variable(_) => Vec::new(),
            Kind::Field(one, _)
            | Kind::Has(one)
            | Kind::Not(one)
            | Kind::Negate(one)
            | Kind::Matches(one, _) => vec![one],
            Kind::Entry(two)
            | Kind::Item(two)
            | Kind::In(two)
            | Kind::And(two)
            | Kind::Or(two)
            | Kind::Compare(_, two)
            | Kind::Compute(_, two) => two.iter().collect(),
            Kind::If(three) => three.iter().collect(),
            Kind::OneOf(one, more) => std::iter::once(&**one).chain(more).collect(),
            Kind::Call(_, more) => more.iter().collect(),
        }
    }
}
