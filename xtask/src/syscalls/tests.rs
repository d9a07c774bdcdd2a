//! Reading headers and tables, and what happens to dropped names.

use super::*;

fn calls(pairs: &[(u16, &str)]) -> Calls {
    pairs.iter().map(|(nr, name)| (*nr, (*name).to_owned())).collect()
}

#[test]
fn header_lines_are_read_with_and_without_the_x32_bit() {
    let filler = (1..=320).fold(String::new(), |text, nr| text + &format!("#define __NR_c{nr} {nr}\n"));
    let text = format!("#define _ASM_X\n{filler}#define __NR_preadv2 (__X32_SYSCALL_BIT + 546)\n");
    assert_eq!(parse_header(&text).unwrap()[&546], "preadv2");
    assert!(parse_header(&format!("{filler}#define __NR_x 1023\n")).is_err());
    assert!(parse_header(&format!("{filler}#define __NR_x 7\n")).is_err());
}

#[test]
fn dropped_names_are_kept_and_renamed_ones_are_not_doubled() {
    let (merged, kept) = merge(
        calls(&[(0, "read"), (1, "fresh")]),
        calls(&[(0, "read"), (1, "stale"), (2, "dropped"), (3, "fresh")]),
    );
    assert_eq!(merged, calls(&[(0, "read"), (1, "fresh"), (2, "dropped")]));
    assert_eq!(kept, ["dropped"]);
}

#[test]
fn what_is_written_is_read_back() {
    let table = calls(&[(0, "read"), (1, "_sysctl"), (9, "mmap")]);
    assert_eq!(parse_generated(&render("i386", "unistd_32.h", (7, 3, 4), &table)), table);
    assert_eq!(parse_known_version(&render_index((7, 3, 4))), Some((7, 3, 4)));
}
