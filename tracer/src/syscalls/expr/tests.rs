//! What people write, and what they get.

use proptest::prelude::*;

use super::*;
use crate::syscalls::number;

fn set(text: &str) -> SyscallSet {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    text.parse::<SyscallSet>().expect_err(text).to_string()
}

fn combined(options: &[&str]) -> Result<SyscallSet, ExprError> {
    let options: Vec<Expr> = options.iter().map(|text| text.parse().unwrap()).collect();
    Expr::combine(&options)
}

#[test]
fn a_name_is_that_call_in_every_abi_that_has_it() {
    let calls: Vec<_> = set("execve").iter().collect();
    assert_eq!(calls, [(Abi::X86_64, 59), (Abi::X32, 520), (Abi::I386, 11)]);
    assert_eq!(set("socketcall").iter().collect::<Vec<_>>(), [(Abi::I386, 102)]);
}

#[test]
fn abi_suffixes() {
    assert_eq!(set("read@64").iter().collect::<Vec<_>>(), [(Abi::X86_64, 0)]);
    assert_eq!(set("read@32").iter().collect::<Vec<_>>(), [(Abi::I386, 3)]);
    assert_eq!(set("read@x32").iter().collect::<Vec<_>>(), [(Abi::X32, 0)]);
    assert_eq!(set("%network@32"), set("%network@i386"));
    assert!(set("%network@32").iter().all(|(abi, _)| abi == Abi::I386));
    assert_eq!(set("all@64,all@x32,all@32"), SyscallSet::ALL);
}

#[test]
fn a_number_is_of_x86_64_unless_said() {
    assert_eq!(set("59"), set("execve@64"));
    assert_eq!(set("11@32"), set("execve@i386"));
    assert_eq!(set("syscall_400"), set("400"));
    assert_eq!(set("0-2"), set("read@64,write@64,open@64"));
}

#[test]
fn negation_is_of_the_whole_list() {
    assert_eq!(set("!read,write"), set("read,write").complement());
    assert_eq!(set("\\!read"), set("!read"));
    assert_eq!(set("trace=!read"), set("!read"));
    assert!(set("!read").contains(Abi::X86_64, 1000), "calls not yet known are among all but read");
}

#[test]
fn patterns() {
    assert_eq!(set("/^open(at2?)?$/"), set("open,openat,openat2"));
    assert_eq!(set("/^openat"), set("openat,openat2"));
    assert_eq!(set("/^.{4,4}$/@64,close"), set("/^....$/@64,close"));
    assert_eq!(set("close,/^pread/,open"), set("close,open,pread64,preadv,preadv2"));
    assert_eq!(set("epoll_*"), set("/^epoll_/"));
    assert_eq!(set("*xattrat"), set("setxattrat,getxattrat,listxattrat,removexattrat"));
    assert_eq!(set("*"), set("/."));
}

#[test]
fn words_of_strace() {
    assert_eq!(set("all"), SyscallSet::ALL);
    assert_eq!(set("none"), SyscallSet::EMPTY);
    assert_eq!(set("!none"), SyscallSet::ALL);
    assert_eq!(set("invalid@64").iter().collect::<Vec<_>>(), [(Abi::X86_64, NR_INVALID)]);
    assert_eq!(set("!invalid,*").len(), 3 * 1023 - set("*").len());
    assert_eq!(set("trace=%file"), set("t=file"));
    assert_eq!(set("%net"), set("network"));
    assert_eq!(set("?no_such_call,read"), set("read"));
    assert_eq!(set(" read , write "), set("read,write"));
    assert_eq!(set("stat"), set("stat@64,stat@x32,stat@32"), "without % it is the call");
}

/// The i386 calls `ipc` and `signal` hide behind the classes.
#[test]
fn ambiguous_words_are_classes() {
    assert_eq!(set("ipc"), set("%ipc"));
    assert_eq!(set("signal@32"), set("%signal@32"));
    assert_eq!(number(Abi::I386, "ipc"), Some(117));
    assert_eq!(number(Abi::I386, "signal"), Some(48));
}

#[test]
fn several_options() {
    assert_eq!(combined(&[]), Ok(SyscallSet::ALL));
    assert_eq!(combined(&["read", "write"]), Ok(set("read,write")));
    assert_eq!(combined(&["!read", "!write"]), Ok(set("!read,write")));
    let file_but_open = set("%file").difference(&set("open"));
    assert_eq!(combined(&["%file", "!open"]), Ok(file_but_open));
    assert_eq!(combined(&["!open", "%file"]), Ok(file_but_open));
    assert_eq!(combined(&["read", "!read"]), Err(ExprError::SelectsNothing));
    assert_eq!(combined(&["none"]), Err(ExprError::SelectsNothing));
}

#[test]
fn errors_say_what_why_and_the_remedy() {
    for (given, says) in [
        ("", "empty system call expression"),
        ("!", "empty system call expression"),
        ("trace=", "empty system call expression"),
        ("read,,write", "empty item in `read,,write`"),
        ("read,", "empty item"),
        ("@64", "empty item"),
        ("?", "empty item"),
        ("opn", "unknown system call `opn`, did you mean open?: `exitpath syscalls` lists all names"),
        ("qqqqqqqq", "unknown system call `qqqqqqqq`: `exitpath syscalls`"),
        ("socketcall@64", "x86_64 has no system call `socketcall`, i386 has: write socketcall@i386"),
        ("opn@64", "unknown system call `opn`"),
        ("read@arm", "unknown ABI `arm` in `read@arm`"),
        ("%fiel", "unknown class `%fiel`: the classes are %file %desc"),
        ("1023", "no system call number: `1023`: numbers go from 0 to 1022"),
        ("-1", "no system call number"),
        ("99999999999999", "no system call number"),
        ("9-3", "no system call number"),
        ("12x", "no system call number"),
        ("0x3b", "no system call number"),
        ("/(/", "bad regular expression /(/"),
        ("/^zzz$/", "no system call matches `/^zzz$/`"),
        ("zzz*", "no system call matches `zzz*`"),
        ("read,!write", "put one ! before the whole list"),
        ("signal=SIGINT", "unknown qualifier `signal=`"),
    ] {
        let error = error(given);
        assert!(error.contains(says), "{given}: {error}");
        assert!(!error.contains('\n'), "{given}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "[!\\\\?%/*@,.=a-z0-9{}()\\[\\]^$+ -]{0,24}") {
        let _ = text.parse::<SyscallSet>();
    }

    #[test]
    fn any_unicode_gives_an_answer(text in any::<String>()) {
        let _ = text.parse::<SyscallSet>();
    }

    #[test]
    fn a_list_is_the_union_of_its_items(items in proptest::collection::vec(0usize..1000, 1..6)) {
        let all: Vec<_> = names().collect();
        let items: Vec<_> = items.into_iter().map(|at| all[at % all.len()]).collect();
        let united = items.iter().map(|item| set(item)).fold(SyscallSet::EMPTY, |a, b| a.union(&b));
        let list = items.join(",");
        prop_assert_eq!(set(&list), united);
        prop_assert_eq!(set(&format!("!{list}")), united.complement());
        prop_assert_eq!(combined(&items), Ok(united));
    }
}
