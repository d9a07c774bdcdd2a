//! What the class lists rely on, and where names tell the class.

use super::*;
use crate::syscalls;

fn subset(inner: Class, outer: Class) -> bool {
    inner.members().iter().all(|name| Classes::of(name).contains(outer))
}

#[test]
fn members_are_sorted_and_exist() {
    for class in Class::ALL {
        assert!(class.members().is_sorted_by(|a, b| a < b), "{class} is not sorted");
        for member in class.members() {
            assert!(syscalls::names().any(|name| name == *member), "{class}: no call {member}");
        }
    }
}

#[test]
fn compound_classes_are_the_sum_of_their_parts() {
    let any_stat = [Class::Stat, Class::Lstat, Class::Fstat];
    assert!(any_stat.into_iter().all(|part| subset(part, Class::AnyStat)));
    assert_eq!(
        Class::AnyStat.members().len(),
        any_stat.iter().map(|part| part.members().len()).sum::<usize>()
    );
    assert!(subset(Class::Statfs, Class::AnyStatfs) && subset(Class::Fstatfs, Class::AnyStatfs));
    assert_eq!(Class::AnyStatfs.members().len(), 5);
    assert!(subset(Class::Stat, Class::File) && subset(Class::Lstat, Class::File));
    assert!(subset(Class::Statfs, Class::File) && subset(Class::Fstatfs, Class::Desc));
}

/// Names say much about arguments: an `...at` call takes a path and the descriptor it is relative to.
#[test]
fn names_agree_with_classes() {
    for name in syscalls::names() {
        let classes = Classes::of(name);
        let at = name.ends_with("at") || name.ends_with("at2");
        // A stat is no "at"; shmat attaches; a handle replaces the path.
        if at && !name.contains("stat") && !["shmat", "open_by_handle_at"].contains(&name) {
            assert!(classes.contains(Class::File) && classes.contains(Class::Desc), "{name}");
        }
        if let Some(narrow) = name.strip_suffix("_time64") {
            assert_eq!(classes, Classes::of(narrow), "{name}");
        }
        if name.starts_with("rt_sig") {
            assert!(classes.contains(Class::Signal), "{name}");
        }
    }
}

#[test]
fn spelling() {
    for class in Class::ALL {
        assert_eq!(Class::parse(class.name()), Some(class));
    }
    assert_eq!(Class::parse("%net"), Some(Class::Network));
    assert_eq!(Class::parse("file"), Some(Class::File));
    // Without `%` these are names of calls.
    assert_eq!(Class::parse("stat"), None);
    assert_eq!(Class::parse("creds"), None);
    assert_eq!(Class::parse("%nonsense"), None);
    assert_eq!(Classes::of("openat").to_string(), "%file,%desc");
    assert_eq!(Classes::of("sched_yield").to_string(), "");
}
