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
    use super::{HEADERS, by_gate, by_vdso};

    #[test]
    fn headers_are_as_long_as_they_say_and_the_count_is_in_the_code() {
        for file in [by_gate(0x0102_0304), by_vdso(0x0102_0304)] {
            assert_eq!(u32::from_le_bytes(file[68..72].try_into().expect("four")), file.len() as u32);
            assert!(file[HEADERS as usize..].windows(5).any(|five| five == [0xbe, 4, 3, 2, 1]));
        }
    }
}
