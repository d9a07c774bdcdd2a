//! Sets are sets, and their text reads back.

use proptest::prelude::*;

use super::*;

/// Any bits at all, and few bits: both ways of writing.
fn sets() -> impl Strategy<Value = SyscallSet> {
    let any = proptest::array::uniform3(proptest::array::uniform16(any::<u64>()))
        .prop_map(|words| SyscallSet { words });
    let few = proptest::collection::vec((0..3usize, 0..NUMBERS), 0..40).prop_map(|calls| {
        let mut set = SyscallSet::EMPTY;
        for (abi, nr) in calls {
            assert!(set.insert(Abi::ALL[abi], nr));
        }
        set
    });
    let whole = (few.clone(), 0..3usize).prop_map(|(mut set, abi)| {
        set.words[abi] = [u64::MAX; WORDS];
        set
    });
    prop_oneof![any, few, whole]
}

proptest! {
    #[test]
    fn text_reads_back_as_the_same_set(set in sets()) {
        prop_assert_eq!(set.to_string().parse::<SyscallSet>(), Ok(set));
        let other = set.complement();
        prop_assert_eq!(other.to_string().parse::<SyscallSet>(), Ok(other));
    }

    #[test]
    fn algebra(a in sets(), b in sets(), abi in 0..3usize, nr in 0u32..1100) {
        let (abi, range) = (Abi::ALL[abi], nr < u32::from(NUMBERS));
        prop_assert_eq!(a.complement().complement(), a);
        prop_assert_eq!(a.complement().contains(abi, nr), range && !a.contains(abi, nr));
        prop_assert_eq!(a.union(&b).contains(abi, nr), a.contains(abi, nr) || b.contains(abi, nr));
        prop_assert_eq!(a.difference(&b).contains(abi, nr), a.contains(abi, nr) && !b.contains(abi, nr));
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&a.complement()), SyscallSet::ALL);
        prop_assert_eq!(a.len() + a.complement().len(), SyscallSet::ALL.len());
        prop_assert_eq!(a.iter().count(), a.len());
        prop_assert!(a.iter().all(|(abi, nr)| a.contains(abi, nr.into())));
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let mut set = SyscallSet::EMPTY;
    assert!(!set.insert(Abi::X86_64, NUMBERS));
    assert!(set.is_empty());
    assert!(!SyscallSet::ALL.contains(Abi::I386, u32::MAX));
}

#[test]
fn every_single_call_reads_back() {
    for (abi, nr) in SyscallSet::ALL.iter() {
        let mut set = SyscallSet::EMPTY;
        set.insert(abi, nr);
        assert_eq!(set.to_string().parse(), Ok(set), "{set}");
    }
}

#[test]
fn text_is_compact() {
    let text = |expr: &str| expr.parse::<SyscallSet>().unwrap().to_string();
    assert_eq!(text("openat,read,close"), "read,close,openat");
    assert_eq!(text("!read"), "!read");
    assert_eq!(text("read@i386"), "read@i386");
    assert_eq!(text("all@64"), "all@x86_64");
    assert_eq!(text("!all@64,open"), "!all@x86_64,open");
    assert_eq!(text("400,401,402@x32"), "400-401,402@x32");
    assert_eq!(text("/^ipc$/"), "117@i386");
    assert_eq!(text("socketcall"), "socketcall");
    assert_eq!(text("invalid"), "invalid");
    assert_eq!(text("invalid@32,1022"), "1022,invalid@i386");
}

#[test]
fn the_kernel_side_test_finds_the_same_calls() {
    let set: SyscallSet = "%file@32,read,invalid@64,1022@x32".parse().unwrap();
    for (abi, nr) in SyscallSet::ALL.iter() {
        let bit = abi as usize * usize::from(NUMBERS) + usize::from(nr);
        assert_eq!(tracer_common::admission::in_set(&set.flat(), bit), set.contains(abi, nr.into()));
    }
}
