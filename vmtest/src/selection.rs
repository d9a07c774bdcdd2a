//! Which calls the tracer is told to look at. Under the plan `handlers` every call costs two probes, and attaching all
//! of some 1,450 takes an emulated guest a minute: there a case is traced with `-e` of the calls that it names.

use std::collections::BTreeSet;

use crate::expect::{Abi, Expectation};
use crate::sys::nr;

/// The plan with a probe a handler.
const HANDLERS: &str = "handlers";
/// Calls of which a case may know only afterwards how they returned ([`crate::observed`]).
const OBSERVED: [i64; 3] = [nr::RT_SIGRETURN, nr::IOPL, nr::SELECT];

/// Calls, by ABI and number.
pub type Selection = BTreeSet<(Abi, i64)>;

/// The calls to look at; none means all.
#[must_use]
pub fn under(plan: &str, expected: &Expectation) -> Option<Selection> {
    let named = expected.returns.iter().map(|row| (row.abi, row.nr));
    (plan == HANDLERS).then(|| named.chain(OBSERVED.map(|nr| (Abi::X86_64, nr))).collect())
}

/// What `-e` takes.
#[must_use]
pub fn expression(selection: &Selection) -> String {
    let one = |(abi, nr): &(Abi, i64)| match nr {
        -1 => format!("invalid@{}", abi.name()),
        nr => format!("{nr}@{}", abi.name()),
    };
    selection.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{expression, under};
    use crate::cases;
    use crate::expect::Expectation;

    #[test]
    fn only_handlers_are_selected_and_numbers_have_their_abi() {
        let of = |case| Expectation::of(&[cases::parse(case).expect("a case")]);
        assert_eq!(under("final-hook", &of("getppid=3")), None);
        let selection = under("handlers", &of("int80=3")).expect("a selection");
        assert_eq!(expression(&selection), "15@x86_64,23@x86_64,172@x86_64,64@i386");
        let invalid = under("handlers", &of("bad-neg=3")).expect("a selection");
        assert!(expression(&invalid).contains("invalid@x86_64"), "{invalid:?}");
    }
}
