//! The table against the C library, and what people write.

use proptest::prelude::*;

use super::*;

#[test]
fn table_is_sorted_and_whole() {
    assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    let unnamed: Vec<_> = (1..=133).filter(|errno| name(*errno).is_none()).collect();
    assert_eq!(unnamed, [41, 58], "EWOULDBLOCK and EDEADLOCK once were numbers of their own");
    for (errno, known) in NAMES {
        assert_eq!(number(known), Some(*errno));
    }
}

#[test]
fn numbers_are_those_of_the_c_library() {
    for (known, errno) in [
        ("EPERM", libc::EPERM),
        ("EWOULDBLOCK", libc::EWOULDBLOCK),
        ("EDEADLOCK", libc::EDEADLOCK),
        ("EUCLEAN", libc::EUCLEAN),
        ("ENOTSUP", libc::ENOTSUP),
        ("ETIMEDOUT", libc::ETIMEDOUT),
        ("EOVERFLOW", libc::EOVERFLOW),
        ("EHWPOISON", libc::EHWPOISON),
    ] {
        assert_eq!(number(known), u32::try_from(errno).ok(), "{known}");
    }
}

#[test]
fn lists_are_sorted_and_without_doubles() {
    let set: ErrnoSet = "ENOENT, eacces,13,200,EAGAIN".parse().unwrap();
    assert_eq!(set.to_string(), "ENOENT,EAGAIN,EACCES,200");
    assert!(set.contains(13) && !set.contains(1));
}

#[test]
fn errors_say_what_why_and_the_remedy() {
    for (given, says) in [
        ("", "empty item"),
        ("ENOENT,", "empty item in error list `ENOENT,`"),
        ("ENOENTT", "unknown error `ENOENTT`, did you mean ENOENT?: write a name"),
        ("bogus-thing", "unknown error `bogus-thing`: write a name"),
        ("0", "errors 1 to 4095"),
        ("-13", "without a minus sign"),
        ("4096", "no error number: `4096`"),
        ("13x", "no error number"),
    ] {
        let error = given.parse::<ErrnoSet>().unwrap_err().to_string();
        assert!(error.contains(says), "{given}: {error}");
    }
}

proptest! {
    #[test]
    fn text_reads_back(errnos in proptest::collection::btree_set(1..=MAX, 1..20)) {
        let set = ErrnoSet(errnos);
        prop_assert_eq!(set.to_string().parse::<ErrnoSet>(), Ok(set));
    }

    #[test]
    fn any_text_gives_an_answer(text in any::<String>()) {
        let _ = text.parse::<ErrnoSet>();
    }
}
