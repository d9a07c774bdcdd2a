//! The committed object for old kernels, held against what the BPF of 4.9 can load. A loop, a global, a function that
//! is not inlined or a newer helper in its sources fails here, long before such a kernel is at hand.

use std::{collections::BTreeSet, fs, path::Path};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

/// `BPF_MAXINSNS` up to 5.1.
const MOST: usize = 4096;
/// Helpers of 4.9 that a kprobe or tracepoint program may call (`kernel/trace/bpf_trace.c`).
const HELPERS: [i32; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 22, 25, 27, 35, 37];
/// Map types of 4.9: hash, array, program array, perf event array, per-CPU hash and array, stack trace.
const MAPS: [u32; 7] = [1, 2, 3, 4, 5, 6, 7];
/// The largest array element of 4.9 (`KMALLOC_SHIFT_MAX - 1`).
const LARGEST_VALUE: u32 = 1 << 21;

#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

fn decode(bytes: &[u8]) -> Vec<Instruction> {
    let one = |bytes: &[u8]| Instruction {
        code: bytes[0],
        registers: bytes[1],
        offset: i16::from_le_bytes([bytes[2], bytes[3]]),
        immediate: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    };
    bytes.chunks_exact(8).map(one).collect()
}

/// What is wrong with a program, as old verifiers see it.
fn faults(program: &[Instruction]) -> Vec<String> {
    let mut faults = Vec::new();
    if program.len() > MOST {
        faults.push(format!("{} instructions", program.len()));
    }
    let mut wide = false;
    for (at, one) in program.iter().enumerate() {
        if std::mem::replace(&mut wide, false) {
            continue;
        }
        wide = one.code == 0x18;
        let (class, operation) = (one.code & 7, one.code & 0xf0);
        match class {
            6 => faults.push(format!("{at}: JMP32 is of the third instruction set")),
            5 if operation >= 0xa0 => faults.push(format!("{at}: JLT and its kind are of the second")),
            5 if operation == 0x80 && one.registers >> 4 != 0 => {
                faults.push(format!("{at}: a call of another function"));
            }
            5 if operation == 0x80 && !HELPERS.contains(&one.immediate) => {
                faults.push(format!("{at}: helper {} is newer", one.immediate));
            }
            3 if one.code & 0xe0 == 0xc0 && one.immediate != 0 => {
                faults.push(format!("{at}: an atomic operation that is newer than add"));
            }
            0 | 1 if one.code & 0xe0 == 0x80 => faults.push(format!("{at}: a sign-extending load")),
            _ => {}
        }
    }
    faults.extend(loops(program).map(|at| format!("{at}: a loop")));
    faults
}

/// The first loop, found as `check_cfg` (kernel/bpf/verifier.c up to 5.2) does: a jump to an instruction that the
/// walk has entered and not left. A jump backwards that closes no circle is none.
fn loops(program: &[Instruction]) -> Option<usize> {
    let targets = |at: usize| -> Vec<usize> {
        let one = program[at];
        let next = at + if one.code == 0x18 { 2 } else { 1 };
        let jump = (next as i64 + i64::from(one.offset)) as usize;
        match (one.code & 7, one.code & 0xf0) {
            (5, 0x90) => vec![],
            (5, 0x00) => vec![jump],
            (5, 0x80) => vec![next],
            (5 | 6, _) => vec![next, jump],
            _ => vec![next],
        }
    };
    let (mut entered, mut left) = (BTreeSet::new(), BTreeSet::new());
    let mut walk = vec![(0, targets(0))];
    entered.insert(0);
    while let Some((at, rest)) = walk.last_mut() {
        let Some(to) = rest.pop() else {
            left.insert(*at);
            walk.pop();
            continue;
        };
        if to >= program.len() || left.contains(&to) {
            continue;
        }
        if !entered.insert(to) {
            return Some(*at);
        }
        walk.push((to, targets(to)));
    }
    None
}

fn object() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("prebuilt/exitpath-old.bpf.o");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_program_fits_the_verifier_of_4_9() {
    let bytes = object();
    let file = object::File::parse(&*bytes).unwrap();
    let mut programs = 0;
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
        let section = file.section_by_index(symbol.section_index().unwrap()).unwrap();
        if section.name() == Ok(".text") {
            // What the linker always brings along; who called it would be found.
            continue;
        }
        let (start, size) = (symbol.address() as usize, symbol.size() as usize);
        let program = decode(&section.data().unwrap()[start..start + size]);
        assert_eq!(faults(&program), Vec::<String>::new(), "{}", symbol.name().unwrap());
        programs += 1;
    }
    assert!(programs >= 15, "{programs}");
}

#[test]
fn the_object_has_no_global_data_and_only_maps_of_4_9() {
    let bytes = object();
    let file = object::File::parse(&*bytes).unwrap();
    for section in file.sections() {
        let name = section.name().unwrap();
        let data = [".data", ".rodata", ".bss", ".maps", ".BTF"].iter().any(|data| name.starts_with(data));
        assert!(!data, "{name} fails the whole object on a kernel before 5.2");
    }
    let maps = file.section_by_name("maps").unwrap().data().unwrap();
    // `struct bpf_map_def` of libbpf: type, key size, value size, entries, flags, and what aya adds.
    for map in maps.chunks_exact(28) {
        let word = |at: usize| u32::from_le_bytes(map[at * 4..at * 4 + 4].try_into().unwrap());
        assert!(MAPS.contains(&word(0)), "map type {}", word(0));
        assert!(word(2) <= LARGEST_VALUE, "a value of {} bytes", word(2));
        assert_eq!(word(4) & !1, 0, "flags {:#x}", word(4));
    }
}

#[test]
fn what_4_9_refuses_is_found() {
    let exit = Instruction { code: 0x95, registers: 0, offset: 0, immediate: 0 };
    let with = |one: Instruction| faults(&[one, exit]);
    let plain = Instruction { code: 0xb7, registers: 0, offset: 0, immediate: 0 };
    assert_eq!(with(plain), Vec::<String>::new());
    let call = Instruction { code: 0x85, ..plain };
    assert_eq!(with(Instruction { immediate: 1, ..call }), Vec::<String>::new());
    assert!(with(Instruction { immediate: 113, ..call })[0].contains("newer"), "probe_read_kernel");
    assert!(with(Instruction { registers: 0x10, immediate: -1, ..call })[0].contains("another function"));
    assert!(with(Instruction { code: 0x15, offset: -1, ..plain }).iter().any(|fault| fault.contains("loop")));
    assert!(with(Instruction { code: 0x16, ..plain })[0].contains("third"));
    assert!(with(Instruction { code: 0xa5, ..plain })[0].contains("second"));
    assert!(with(Instruction { code: 0xdb, immediate: 1, ..plain })[0].contains("atomic"));
    assert_eq!(faults(&vec![plain; MOST + 1])[0], "4097 instructions");
    // Backwards without a circle: over the exit to code that lies before it.
    let forward = Instruction { code: 0x05, offset: 2, ..plain };
    let back = Instruction { code: 0x05, offset: -3, ..plain };
    assert_eq!(loops(&[forward, plain, exit, back]), None);
}
