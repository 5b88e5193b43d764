//! What stories are made of: things that happen, once or again and again, and those that they happen to.

use std::collections::VecDeque;

use eventer_core::Event;
use eventer_core::event::ObjectReference;
use fastrand::Rng;

/// The letters and digits that Kubernetes makes names of: no vowels, so that no words come about.
const NAME_CHARACTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Something that goes on in the cluster.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) steps: VecDeque<Step>,
    /// What has happened in it so far, each in its latest version.
    pub(super) events: Vec<Event>,
    happenings: usize,
}

/// What comes next in a story.
#[derive(Debug)]
pub(super) enum Step {
    /// Something happens that has not happened in this story yet.
    Happens(Box<Happening>),
    /// Something happens again: the event of that number in the story is seen once more.
    Again(usize),
}

/// What happens, told by whom.
#[derive(Debug)]
pub(super) struct Happening {
    pub(super) object: ObjectReference,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) is_warning: bool,
    pub(super) reporter: Reporter,
}

/// Who reports an event.
#[derive(Clone, Debug)]
pub(super) enum Reporter {
    /// A controller, in the old form.
    Controller(&'static str),
    /// What runs on a node, in the old form.
    OnNode(&'static str, String),
    /// The scheduler, in the new form; says what it was about.
    Scheduler(&'static str),
}

/// A pod with one container.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) object: ObjectReference,
    pub(super) node: String,
    pub(super) container: &'static str,
    pub(super) image: String,
}

impl Story {
    /// Adds what happens next; the number is for [`again`](Self::again).
    pub(super) fn happens(
        &mut self,
        object: &ObjectReference,
        reporter: Reporter,
        reason: &'static str,
        message: impl Into<String>,
    ) -> usize {
        self.add(object, reporter, reason, message.into(), false)
    }

    /// Adds what goes wrong next; the number is for [`again`](Self::again).
    pub(super) fn fails(
        &mut self,
        object: &ObjectReference,
        reporter: Reporter,
        reason: &'static str,
        message: impl Into<String>,
    ) -> usize {
        self.add(object, reporter, reason, message.into(), true)
    }

    /// Adds that something happens again.
    pub(super) fn again(&mut self, number: usize) {
        self.steps.push_back(Step::Again(number));
    }

    fn add(
        &mut self,
        object: &ObjectReference,
        reporter: Reporter,
        reason: &'static str,
        message: String,
        is_warning: bool,
    ) -> usize {
        let happening = Happening { object: object.clone(), reason, message, is_warning, reporter };
        self.steps.push_back(Step::Happens(Box::new(happening)));
        self.happenings += 1;
        self.happenings - 1
    }
}

impl Pod {
    /// The kubelet of its node.
    pub(super) fn kubelet(&self) -> Reporter {
        Reporter::OnNode("kubelet", self.node.clone())
    }

    /// Its container, as the object of an event.
    pub(super) fn container(&self) -> ObjectReference {
        let field_path = format!("spec.containers{{{}}}", self.container);
        ObjectReference { field_path, ..self.object.clone() }
    }

    /// `namespace/name`
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.object.namespace, self.object.name)
    }
}

/// A new object.
pub(super) fn object(
    rng: &mut Rng,
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> ObjectReference {
    ObjectReference {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: uid(rng),
        api_version: api_version.to_owned(),
        resource_version: rng.u32(1_000..90_000).to_string(),
        field_path: String::new(),
        ..ObjectReference::default()
    }
}

/// A node. The kubelet writes a node's name for its uid.
pub(super) fn node(name: &str) -> ObjectReference {
    ObjectReference {
        kind: "Node".to_owned(),
        name: name.to_owned(),
        uid: name.to_owned(),
        ..ObjectReference::default()
    }
}

/// A random uid (RFC 9562, version 4).
pub(super) fn uid(rng: &mut Rng) -> String {
    let bits = rng.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The random end of a name.
pub(super) fn suffix(rng: &mut Rng, characters: usize) -> String {
    (0..characters).map(|_| char::from(NAME_CHARACTERS[rng.usize(..NAME_CHARACTERS.len())])).collect()
}
