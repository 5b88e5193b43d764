//! How much a rendering may take: none may hang a sink or fill its memory.

/// Bytes of the rendered text, and of any value on the way to it.
pub(crate) const OUTPUT_BYTES: usize = 1 << 20;

/// Steps of a rendering: a node of the template is one, and so is each [`BYTES_A_STEP`] of what a function is given.
/// An ordinary template takes some dozens.
pub(super) const STEPS: usize = 200_000;

/// How many bytes of its arguments a function handles in a step.
pub(super) const BYTES_A_STEP: usize = 32;

/// Steps that the compilation of a regular expression counts for; those that stand in the template as they are were
/// compiled with it.
pub(super) const REGEX_STEPS: usize = 500;

/// How deep blocks and calls of templates may nest. A worker's stack is 2 MiB.
pub(super) const DEPTH: usize = 100;

/// Bytes of the template itself: what a ConfigMap can hold.
pub(crate) const TEMPLATE_BYTES: usize = 1 << 20;

/// Width or precision in the format of a `printf`.
pub(super) const PRINTF_WIDTH: usize = 1000;

/// How many lists and maps may lie in one another.
pub(super) const NESTING: usize = 100;
