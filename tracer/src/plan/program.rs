//! A program of a plan: what it is attached to, and what depends on it.

/// What a program is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// A tracepoint with typed arguments (`tp_btf`).
    Typed,
    /// A raw tracepoint, registers by probe read.
    Raw,
    /// A classic tracepoint, `category:name`.
    Classic,
    /// A function's entry (fentry).
    Entry,
    /// A function's return (fexit).
    Exit,
    /// A function's entry (kprobe).
    Kprobe,
    /// A kprobe or kretprobe defined through tracefs, or a classic tracepoint, of an old kernel.
    Probe,
}

impl Attach {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed tracepoint",
            Self::Raw => "raw tracepoint",
            Self::Classic => "classic tracepoint",
            Self::Entry => "fentry",
            Self::Exit => "fexit",
            Self::Kprobe => "kprobe",
            Self::Probe => "probe on",
        }
    }

    /// Whether the program needs the kernel's types to be loaded.
    #[must_use]
    pub const fn needs_types(self) -> bool {
        matches!(self, Self::Typed | Self::Entry | Self::Exit)
    }
}

/// What happens when a program cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The plan does not work without it.
    Required,
    /// Without it the plan only gives bounds.
    Amends,
    /// Its hook does not exist on every kernel, and without it only a cause or a label is missing.
    Optional,
}

/// One program of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    /// The tracepoint or function.
    pub hook: &'static str,
    /// How.
    pub attach: Attach,
    /// How much depends on it.
    pub role: Role,
}

impl Program {
    /// A program that the plan does not work without.
    #[must_use]
    pub const fn required(name: &'static str, attach: Attach, hook: &'static str) -> Self {
        Self { name, hook, attach, role: Role::Required }
    }

    /// A program without which the plan only gives bounds.
    #[must_use]
    pub const fn amends(name: &'static str, attach: Attach, hook: &'static str) -> Self {
        Self { name, hook, attach, role: Role::Amends }
    }

    /// A program without which a cause or a label is missing.
    #[must_use]
    pub const fn optional(name: &'static str, attach: Attach, hook: &'static str) -> Self {
        Self { name, hook, attach, role: Role::Optional }
    }
}
