//! Tiny static 32-bit programs, written byte by byte: no machine needs a 32-bit tool chain to test the i386 ABI.
//!
//! Each makes `count` calls of getppid and leaves with code 0. A 64-bit program cannot stand in for them: the fast
//! 32-bit entries return through the vDSO's landing pad, which only a 32-bit address space has.

/// Where the program is loaded.
const BASE: u32 = 0x0804_8000;
/// ELF header and one program header.
const HEADERS: u32 = 52 + 32;

/// `mov eax, 1; xor ebx, ebx; int 0x80`: exit(0).
const EXIT_OK: &[u8] = &[0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80];
/// `mov eax, 1; mov ebx, 1; int 0x80`: exit(1).
const EXIT_FAILED: &[u8] = &[0xb8, 1, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xcd, 0x80];
/// Finds `AT_SYSINFO` (32), the address of the vDSO's `__kernel_vsyscall`, and leaves it in edi.
const FIND_VSYSCALL: &[u8] = &[
    0x89, 0xe7, //             mov edi, esp        argc stands on top
    0x8b, 0x07, //             mov eax, [edi]
    0x8d, 0x7c, 0x87, 0x08, // lea edi, [edi + eax*4 + 8]
    0x8b, 0x07, //          1: mov eax, [edi]      environment, up to its null
    0x83, 0xc7, 0x04, //       add edi, 4
    0x85, 0xc0, //             test eax, eax
    0x75, 0xf7, //             jnz 1b
    0x8b, 0x07, //          2: mov eax, [edi]      auxiliary vector: type, value
    0x85, 0xc0, //             test eax, eax
    0x74, 0x0d, //             jz 3f
    0x83, 0xf8, 0x20, //       cmp eax, 32
    0x8b, 0x47, 0x04, //       mov eax, [edi + 4]
    0x8d, 0x7f, 0x08, //       lea edi, [edi + 8]
    0x75, 0xef, //             jne 2b
    0xeb, 0x0c, //             jmp 4f              over the failing exit
];
/// `mov edi, eax`, where `FIND_VSYSCALL` arrives.
const KEEP: &[u8] = &[0x89, 0xc7];

/// A program whose calls use the `int $0x80` gate.
#[must_use]
pub fn by_gate(count: u32) -> Vec<u8> {
    image(&[&calls(count, [0xcd, 0x80]), EXIT_OK])
}

/// A program whose calls go through the vDSO, which picks `sysenter` or `syscall` by the processor; it leaves with
/// code 1 where there is no vDSO.
#[must_use]
pub fn by_vdso(count: u32) -> Vec<u8> {
    // call edi
    image(&[FIND_VSYSCALL, EXIT_FAILED, KEEP, &calls(count, [0xff, 0xd7]), EXIT_OK])
}

/// A program of `count` calls by the gate that then executes the 64-bit program `path` with one argument, by the gate;
/// it leaves with code 1 if that fails. `path` and `argument` are copied into the image.
#[must_use]
pub fn gate_then_exec(count: u32, path: &[u8], argument: &[u8]) -> Vec<u8> {
    then_exec(&calls(count, [0xcd, 0x80]), [0xcd, 0x80], path, argument)
}

/// The same with every call through the vDSO.
#[must_use]
pub fn vdso_then_exec(count: u32, path: &[u8], argument: &[u8]) -> Vec<u8> {
    let calls = [FIND_VSYSCALL, EXIT_FAILED, KEEP, &calls(count, [0xff, 0xd7])].concat();
    then_exec(&calls, [0xff, 0xd7], path, argument)
}

/// `execve(path, [path, argument], [])` by `entry` after `calls`.
fn then_exec(calls: &[u8], entry: [u8; 2], path: &[u8], argument: &[u8]) -> Vec<u8> {
    const EXECVE: u8 = 11;
    let data = BASE + HEADERS + (calls.len() + CALL_LENGTH + EXIT_FAILED.len()) as u32;
    let argument_at = data + path.len() as u32 + 1;
    let argv_at = argument_at + argument.len() as u32 + 1;
    let mut call = vec![0xb8, EXECVE, 0, 0, 0];
    // mov ebx, path; mov ecx, argv; mov edx, envp: the null at the end of argv is an empty list.
    for (opcode, value) in [(0xbb, data), (0xb9, argv_at), (0xba, argv_at + 8)] {
        call.push(opcode);
        call.extend(value.to_le_bytes());
    }
    call.extend(entry);
    let mut list = Vec::new();
    for address in [data, argument_at, 0] {
        list.extend(address.to_le_bytes());
    }
    image(&[calls, &call, EXIT_FAILED, path, &[0], argument, &[0], &list])
}

/// Of the code that [`then_exec`] adds: four `mov` and the entry.
const CALL_LENGTH: usize = 4 * 5 + 2;

/// `mov esi, count; 1: mov eax, 64; ENTRY; dec esi; jnz 1b`; every entry keeps esi and edi.
fn calls(count: u32, entry: [u8; 2]) -> Vec<u8> {
    let [a, b, c, d] = count.to_le_bytes();
    vec![0xbe, a, b, c, d, 0xb8, 64, 0, 0, 0, entry[0], entry[1], 0x4e, 0x75, 0xf6]
}

/// Headers and code as one loadable, executable segment (`elf.h`: `Elf32_Ehdr`, `Elf32_Phdr`).
fn image(parts: &[&[u8]]) -> Vec<u8> {
    let code = parts.concat();
    let size = HEADERS + code.len() as u32;
    // Class 32, little endian, version 1; then type EXEC, machine 386.
    let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0];
    let words = |file: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|w| file.extend(w.to_le_bytes()));
    // Version, entry, program headers at 52, no sections, no flags.
    words(&mut file, &[1, BASE + HEADERS, 52, 0, 0]);
    for half in [52_u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // LOAD from offset 0, readable and executable, page-aligned.
    words(&mut file, &[1, 0, BASE, BASE, size, size, 5, 0x1000]);
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::{BASE, HEADERS, by_gate, by_vdso, gate_then_exec};

    #[test]
    fn headers_are_as_long_as_they_say_and_the_count_is_in_the_code() {
        for file in [by_gate(0x0102_0304), by_vdso(0x0102_0304)] {
            assert_eq!(u32::from_le_bytes(file[68..72].try_into().expect("four")), file.len() as u32);
            assert!(file[HEADERS as usize..].windows(5).any(|five| five == [0xbe, 4, 3, 2, 1]));
        }
    }
    #[test]
    fn the_program_to_execute_is_where_the_code_says() {
        let file = gate_then_exec(1, b"/bin/true", b"noop");
        let at = file.windows(5).rposition(|five| five[0] == 0xbb && five[4] == 8).expect("mov ebx");
        let path = u32::from_le_bytes(file[at + 1..at + 5].try_into().expect("four")) - BASE;
        assert_eq!(&file[path as usize..][..10], b"/bin/true\0");
    }
}
