//! Plans for kernels whose entry code can be probed, from symbol lists.

use super::*;

/// Facts of kernels as their symbol lists show them (`EXIT_PATHS` sections 2.1 and 7).
fn of_kernel(release: &str, symbols: &str, nohz_full: bool) -> Facts {
    let symbols = crate::kernel::symbols::Symbols::read(symbols.as_bytes()).unwrap();
    let has = |name: &str| if symbols.has(name) == Some(true) { Fact::yes("t") } else { Fact::no("t") };
    let answers = vec![
        ("partial-frame", has("entry_SYSCALL_64_fastpath")),
        ("probeable-entry", crate::kernel::machine::probeable_entry(&symbols)),
        ("final-hook-symbol", has("fpregs_assert_state_consistent")),
        ("kprobe-events", Fact::yes("t")),
        ("ia32", Fact::yes("t")),
        ("nohz-full", if nohz_full { Fact::yes("t") } else { Fact::no("t") }),
    ];
    Facts { release: release.into(), symbols, answers, ..Facts::default() }
}

const LATE_4_9: &str = "ffffffff81001000 T do_syscall_64\nffffffff81002000 T syscall_return_slowpath\n\
    ffffffff81003000 T do_int80_syscall_32\nffffffff81004000 T sys_getppid\n";
const LIKE_4_14: &str = "ffffffff81001000 T do_syscall_64\nffffffff81002000 T syscall_return_slowpath\n\
    ffffffff81003000 T do_int80_syscall_32\nffffffff81004000 T sys_getppid\n\
    ffffffff81005000 t entry_SYSCALL_64_fastpath\nffffffff81006000 T stub_ptregs_64\n";
const LIKE_5_4: &str = "ffffffff81001000 T do_syscall_64\nffffffff81002000 T syscall_return_slowpath\n\
    ffffffff81003000 T do_int80_syscall_32\nffffffff81004000 T __x64_sys_getppid\n\
    ffffffff81007000 T fpregs_assert_state_consistent\n";
const LIKE_5_10: &str = "ffffffff81001000 T do_syscall_64\nffffffff81000f00 T __noinstr_text_start\n\
    ffffffff81004000 T __x64_sys_getppid\nffffffff81007000 T fpregs_assert_state_consistent\n";

#[test]
fn kernels_whose_entry_code_can_be_probed_get_the_plan_of_their_symbols() {
    let chosen = |release, symbols| {
        Plan::choose(&of_kernel(release, symbols, false), &Wish::default()).map(|plan| plan.name)
    };
    assert_eq!(chosen("4.14.5", LIKE_4_14), Ok("handlers"));
    // A stable release of the same series that lost the fast path, and the same version number either way.
    assert_eq!(chosen("4.9.337", LATE_4_9), Ok("do-syscall-ret"));
    assert_eq!(chosen("4.9.0", LIKE_4_14), Ok("handlers"));
    assert_eq!(chosen("4.19.0", LIKE_5_4), Ok("do-syscall-ret"));
    assert!(
        chosen("5.10.0", LIKE_5_10).is_err(),
        "its entry code is noinstr, and it has no raw tracepoints here"
    );
    let nohz = of_kernel("5.4.0", LIKE_5_4, true);
    assert!(Plan::choose(&nohz, &Wish::default()).is_err());
}

#[test]
fn probes_never_sit_on_stubs_or_syscall_tracepoints() {
    for (release, symbols) in [("4.14.5", LIKE_4_14), ("4.9.337", LATE_4_9), ("5.4.0", LIKE_5_4)] {
        let wish = Wish { follow: true, ..Wish::default() };
        let plan = Plan::choose(&of_kernel(release, symbols, false), &wish).unwrap();
        let exact = if plan.name == "handlers" { Fidelity::Amended } else { Fidelity::Exact };
        assert_eq!(plan.fidelity, exact);
        for program in plan.programs {
            assert_eq!(program.attach, Attach::Probe);
            let hook = program.hook;
            assert!(
                !hook.starts_with("ptregs_") && !hook.starts_with("stub_") && !hook.starts_with("sys_"),
                "{hook}"
            );
        }
    }
}

#[test]
fn the_handlers_can_be_asked_for_elsewhere() {
    let wish = Wish { forced: Some("handlers"), ..Wish::default() };
    let plan = Plan::choose(&of_kernel("5.10.0", LIKE_5_10, false), &wish).unwrap();
    assert!(plan.programs.iter().any(|program| program.name == "final_hook"));
    assert_eq!(plan.fidelity, Fidelity::Amended, "i386 calls are not told apart");
}
