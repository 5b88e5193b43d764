//! Declarations of a component's endpoint and options: they parse a URI, and they are what the help prints.

/// A kind of source or sink, as it is declared to the registry.
#[derive(Clone, Copy, Debug)]
pub struct ComponentSpec {
    /// `kafka` in `--sink=kafka:…`; also the Cargo feature, the folder and the metric label.
    pub kind: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What stands between the kind and the `?`.
    pub endpoint: EndpointSpec,
    /// The options of this kind, without those that every kind takes.
    pub options: &'static [OptionSpec],
    /// A flag that works.
    pub example: &'static str,
}

/// What a component takes as its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointSpec {
    /// None. What stands there is ignored, as kube-eventer does.
    None,
    /// A text of the component's own, described for people.
    Text(&'static str),
    /// The destination's own URL. The options that are known are taken from its query; the rest is the destination's.
    Url(&'static str),
}

/// One option of a component.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name.
    pub name: &'static str,
    /// The form of its value, for people: `DURATION`, `text|json`.
    pub value: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What is used when it is not given. Must be a value that it takes.
    pub default: Option<&'static str>,
    /// Whether its value is a secret. It can be given as `<name>_file=PATH` then, too.
    pub is_secret: bool,
    /// The variable that stands in for it when it is not given.
    pub variable: Option<&'static str>,
    /// Whether it may be given more than once; otherwise the first one holds.
    pub is_repeatable: bool,
}

impl OptionSpec {
    /// Declares an option without a default.
    pub const fn new(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value, help, default: None, is_secret: false, variable: None, is_repeatable: false }
    }

    /// The names under which it can be given: its own, and that of a secret's file.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        let file = self.is_secret.then(|| self.file_name());
        std::iter::once(self.name.to_owned()).chain(file)
    }

    /// The name under which a secret's file is given.
    pub fn file_name(&self) -> String {
        format!("{}_file", self.name)
    }

    /// Sets the default.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// Declares that the value is a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Declares a variable that stands in for the option when it is not given.
    #[must_use]
    pub const fn variable(mut self, name: &'static str) -> Self {
        self.variable = Some(name);
        self
    }

    /// Declares that the option may be given more than once.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }
}
