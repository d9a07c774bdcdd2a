//! Handlers from symbol lists as kernels show them.

use super::*;

/// 4.14: one C function under two names, stubs for calls that need all registers.
const PARTIAL: &str = "\
ffffffff81001b30 T do_syscall_64
ffffffff81050bc0 T sys_getppid
ffffffff81149fe0 T SyS_read
ffffffff81149fe0 T sys_read
ffffffff8103c000 T sys_fork
ffffffff8105be00 T sys_ni_syscall
ffffffff81042000 T SyS_exit
ffffffff81042000 T sys_exit
ffffffff81196080 T compat_sys_ioctl
ffffffff81341810 T ptregs_sys_fork
ffffffffa0000000 t sys_fake\t[module]
ffffffff81400100 D sys_call_table
ffffffff81400130 D ia32_sys_call_table
ffffffff81400150 D next
";

fn functions() -> Functions {
    Functions::read(PARTIAL.as_bytes()).unwrap()
}

#[test]
fn tables_end_where_something_else_begins() {
    let functions = functions();
    assert_eq!(functions.table(0), Some((0xffff_ffff_8140_0100, 6)));
    assert_eq!(functions.table(1), Some((0xffff_ffff_8140_0130, 4)));
    assert_eq!(functions.table(2), None);
}

#[test]
fn entries_lead_to_functions_stubs_to_those_behind_them() {
    let read = 0xffff_ffff_8114_9fe0;
    let ni = 0xffff_ffff_8105_be00;
    let table = vec![read, ni, 0xffff_ffff_8134_1810, ni, 0xdead];
    let targets = functions().targets(&[table, vec![0, 0, 0, read]], |_| true);
    let find = |symbol: &str| targets.iter().find(|target| target.symbol == symbol);
    let one = find("sys_read").unwrap();
    assert_eq!((one.handles.x86_64(), one.handles.i386(), one.blocking), (Some(0), Some(3), true));
    assert_eq!(find("sys_fork").unwrap().handles.x86_64(), Some(2), "never the stub: it must not be probed");
    assert!(find("sys_ni_syscall").unwrap().handles.is_shared());
    assert_eq!(targets.len(), 3, "no modules, nothing unknown: {targets:?}");
}

#[test]
fn calls_that_never_return_are_not_probed() {
    let mut table = vec![0; 61];
    table[60] = 0xffff_ffff_8104_2000;
    assert_eq!(functions().targets(&[table, Vec::new()], |_| true), []);
}

#[test]
fn without_tables_names_are_tried() {
    let tables = functions().guess();
    assert_eq!(tables[0][0], 0xffff_ffff_8114_9fe0);
    assert_eq!(tables[0][110], 0xffff_ffff_8105_0bc0);
    assert_eq!(tables[1][54], 0xffff_ffff_8119_6080, "compat_sys_ioctl");
    let later = "ffffffff81000010 T __x64_sys_newstat\nffffffff81000020 T __ia32_compat_sys_ioctl\n";
    let tables = Functions::read(later.as_bytes()).unwrap().guess();
    assert_eq!((tables[0][4], tables[1][54]), (0xffff_ffff_8100_0010, 0xffff_ffff_8100_0020));
}

#[test]
fn hidden_addresses_give_no_targets() {
    let functions = Functions::read(&b"0000000000000000 T sys_read\n"[..]).unwrap();
    assert_eq!(functions.targets(&functions.guess(), |_| true), []);
}

#[test]
fn the_entry_code_is_found_with_its_end() {
    let text = "ffffffff81a00000 T __entry_text_start\nffffffff81a00010 T entry_SYSCALL_64\n\
                ffffffff81a00020 t entry_SYSCALL_64_after_hwframe\nffffffff81a00080 t syscall_return_via_sysret\n\
                ffffffff81a00090 T ret_from_fork\nffffffff81a00100 T asm_int80_emulation\n";
    let entries = Functions::read(text.as_bytes()).unwrap().entries();
    assert_eq!(entries[0], [0xffff_ffff_81a0_0010, 0xffff_ffff_81a0_0080]);
    assert_eq!(entries[1], [0; 2], "no 32-bit entry");
    assert_eq!(entries[4], [0; 2], "nothing behind it says where it ends");
    assert_eq!(entries[5], [0xffff_ffff_81a0_0090, 0xffff_ffff_81a0_0100]);
}

#[test]
fn only_what_is_selected_is_probed() {
    let (read, fork) = (0xffff_ffff_8114_9fe0, 0xffff_ffff_8134_1810);
    let tables = [vec![read, 0, fork], vec![0, 0, 0, read]];
    let of = |wanted: SyscallId| -> Vec<String> {
        let targets = functions().targets(&tables, |call| call == wanted);
        targets.into_iter().map(|target| target.symbol).collect()
    };
    assert_eq!(of(SyscallId { abi: Abi::I386, nr: 3 }), ["sys_read"]);
    assert_eq!(of(SyscallId { abi: Abi::X32, nr: 2 }), ["sys_fork"], "by the 64-bit table's function");
    assert_eq!(of(SyscallId { abi: Abi::I386, nr: 2 }), [""; 0]);
}
