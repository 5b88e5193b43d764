//! One pass over an event: what the renderings of it have left between them, and what they have made on the way.

use std::cell::{Cell, OnceCell};

use eventer_core::Event;

use super::exporter;
use super::limits::STEPS;
use super::problem::TemplateError;
use super::scope::Scope;

/// What a rendering works with besides the template and the event. Several templates for one event, as those of a layout,
/// share one, so that all of them together keep to the limit of one.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) steps_left: Cell<usize>,
    /// The event as `.DeDot` shows it, once it was asked for.
    de_dotted: OnceCell<Event>,
}

impl<'a> Pass<'a> {
    /// A pass with nothing used up. It is for one event.
    pub(crate) fn new(scope: Scope<'a>) -> Self {
        Self { scope, steps_left: Cell::new(STEPS), de_dotted: OnceCell::new() }
    }

    /// Takes steps.
    pub(super) fn step(&self, steps: usize) -> Result<(), TemplateError> {
        let left = self.steps_left.get().checked_sub(steps).ok_or(TemplateError::TooManySteps)?;
        self.steps_left.set(left);
        Ok(())
    }

    /// The event of this pass with no dot in a key of its labels and annotations.
    pub(super) fn de_dotted(&self, event: &Event) -> &Event {
        self.de_dotted.get_or_init(|| exporter::de_dotted(event))
    }
}
