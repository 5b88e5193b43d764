//! The variables in sight.

use super::value::Value;

/// A stack of variables, the newest last. A template that is called sees those from its frame on.
pub(super) struct Variables<'e> {
    stack: Vec<(&'e str, Value<'e>)>,
    frame: usize,
}

impl<'e> Variables<'e> {
    /// Nothing but `$`, which is the event.
    pub(super) fn new(event: Value<'e>) -> Self {
        Self { stack: vec![("$", event)], frame: 0 }
    }

    /// How many there are, to go [back to](Self::back_to).
    pub(super) fn count(&self) -> usize {
        self.stack.len()
    }

    /// Takes those out of sight that came after the first `count`.
    pub(super) fn back_to(&mut self, count: usize) {
        self.stack.truncate(count);
    }

    /// Puts all out of sight but a new `$`. Answers with the frame to [return](Self::leave) to.
    pub(super) fn enter(&mut self, dot: Value<'e>) -> usize {
        let outer = std::mem::replace(&mut self.frame, self.stack.len());
        self.stack.push(("$", dot));
        outer
    }

    /// Brings those back into sight that [`enter`](Self::enter) put out of it.
    pub(super) fn leave(&mut self, outer: usize) {
        self.stack.truncate(self.frame);
        self.frame = outer;
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'e>> {
        let known = self.stack[self.frame..].iter().rev().find(|(known, _)| *known == name);
        known.map(|(_, value)| value.clone())
    }

    /// Declares a variable, or gives the newest of its name another value.
    pub(super) fn set(&mut self, name: &'e str, value: Value<'e>, is_assign: bool) {
        let known = self.stack[self.frame..].iter_mut().rev().find(|(known, _)| *known == name);
        match known {
            Some((_, slot)) if is_assign => *slot = value,
            _ => self.stack.push((name, value)),
        }
    }
}
