//! The mutants: each breaks one rule in one place, and names what must notice.

mod after;
mod decision;
mod finals;
mod numbers;
mod pairing;
mod tasks;

/// A broken rule.
#[derive(Debug)]
pub struct Mutant {
    /// Its name on the command line.
    pub name: &'static str,
    /// The rule that no longer holds.
    pub rule: &'static str,
    /// The file, from the tree's root.
    pub file: &'static str,
    /// The text that the rule is; it must occur exactly once in the file.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
    /// What must notice.
    pub killer: Killer,
}

/// What notices a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killer {
    /// A case of `vmtest` that comes out wrong.
    Case {
        /// The kernel's series.
        kernel: &'static str,
        /// exitpath's plan.
        plan: &'static str,
        /// The case.
        case: &'static str,
    },
    /// A test of `tracer-common`, where no case can, or none does.
    Test {
        /// Its path, as `cargo test` names it.
        test: &'static str,
        /// Why no case notices.
        why: &'static str,
    },
}

impl Killer {
    /// A case under plan `final-hook`, on the kernel that most mutants are tried on.
    const fn finally(case: &'static str) -> Self {
        Self::on("6.12", "final-hook", case)
    }

    const fn on(kernel: &'static str, plan: &'static str, case: &'static str) -> Self {
        Self::Case { kernel, plan, case }
    }

    const fn test(test: &'static str, why: &'static str) -> Self {
        Self::Test { test, why }
    }
}

/// Every mutant, rule by rule.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [decision::MUTANTS, numbers::MUTANTS, pairing::MUTANTS, finals::MUTANTS, after::MUTANTS, tasks::MUTANTS]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use vmtest::cases;

    use super::{Killer, all};
    use crate::workspace;

    #[test]
    fn each_text_occurs_exactly_once() {
        for mutant in all() {
            let path = workspace::root().expect("a workspace").join(mutant.file);
            let text = fs::read_to_string(&path).expect("a file of the tree");
            let found = text.matches(mutant.find).count();
            assert_eq!(found, 1, "{}: `{}` in {}", mutant.name, mutant.find, mutant.file);
            assert_ne!(mutant.find, mutant.replace, "{}", mutant.name);
        }
    }

    #[test]
    fn names_are_unique_and_killers_exist() {
        let names: BTreeSet<_> = all().map(|mutant| mutant.name).collect();
        assert_eq!(names.len(), all().count());
        let root = workspace::root().expect("a workspace");
        for mutant in all() {
            match mutant.killer {
                Killer::Case { case, .. } => {
                    assert!(cases::all().any(|one| one.name == case), "{}: no case {case}", mutant.name);
                }
                Killer::Test { test, .. } => {
                    let (module, function) = test.split_once("::tests::").expect("module::tests::function");
                    let source = ["", "_tests"].map(|end| {
                        let path = root.join(format!("tracer-common/src/{module}{end}.rs"));
                        fs::read_to_string(path).unwrap_or_default()
                    });
                    let text = format!("fn {function}(");
                    assert!(
                        source.iter().any(|code| code.contains(&text)),
                        "{}: no test {test}",
                        mutant.name
                    );
                }
            }
        }
    }
}
