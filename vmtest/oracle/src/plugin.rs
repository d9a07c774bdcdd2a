//! What QEMU calls: instructions as they are translated, and as they run.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vmtest::expect::Abi;
use vmtest::marker::Marker;
use vmtest::oracle::Line;

use crate::instruction::Instruction;
use crate::machine::{Entry, Exit, Machine, X32};
use crate::qemu::{self, Block, Cpu, PluginId, Register};
use crate::task::{Identity, Layout, Memory};

/// The code segment of 32-bit programs (arch/x86/include/asm/segment.h, `__USER32_CS`).
const USER32_CS: u64 = 0x23;
/// CR4: addresses have 57 bits instead of 48.
const LA57: u64 = 1 << 12;

/// All state: one lock, because CPUs run at once.
static STATE: Mutex<Option<Oracle>> = Mutex::new(None);

struct Oracle {
    output: File,
    cpu: Option<Cpu>,
    watcher: Watcher,
}

/// What is known beside the tasks.
#[derive(Default)]
struct Watcher {
    layout: Layout,
    machine: Machine,
    /// The task each CPU last returned to.
    running: Vec<Option<u64>>,
    /// What tasks have said of themselves, to be looked for when kernel memory is mapped.
    said: Vec<(u64, Marker, [u64; 2])>,
    /// The tasks that have said their thread number.
    speakers: HashMap<u64, u64>,
    /// The task on whose way out this CPU was when it last wrote CR3.
    leaving: Vec<Option<Identity>>,
    told: bool,
}

/// What QEMU checks before it loads the plugin.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = qemu::VERSION;

/// Where QEMU begins: one argument `out=FILE`.
///
/// # Safety
///
/// QEMU calls it, with `count` strings in `argv`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: PluginId,
    _info: *const c_void,
    count: c_int,
    argv: *const *const c_char,
) -> c_int {
    let arguments = (0..usize::try_from(count).unwrap_or(0))
        // SAFETY: QEMU passes `count` strings.
        .map(|at| unsafe { CStr::from_ptr(*argv.add(at)) }.to_string_lossy().into_owned());
    let Some(path) = arguments.into_iter().find_map(|word| Some(word.strip_prefix("out=")?.to_owned()))
    else {
        eprintln!("oracle: no argument out=FILE");
        return 1;
    };
    let output = match File::create(&path) {
        Ok(output) => output,
        Err(error) => {
            eprintln!("oracle: cannot write {path}: {error}");
            return 1;
        }
    };
    *state() = Some(Oracle { output, cpu: None, watcher: Watcher::default() });
    qemu::register(id, started, translated);
    0
}

fn state() -> MutexGuard<'static, Option<Oracle>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn started(_id: PluginId, _cpu: c_uint) {
    let mut state = state();
    let Some(oracle) = state.as_mut().filter(|oracle| oracle.cpu.is_none()) else { return };
    oracle.cpu = Cpu::new();
    if oracle.cpu.is_none() {
        let said = "QEMU does not name the registers as 10.0 does".to_owned();
        oracle.write(&[Line::Trouble { said }]);
    }
}

extern "C" fn translated(_id: PluginId, block: *mut Block) {
    // SAFETY: QEMU passes the block being translated.
    unsafe {
        qemu::watch(block, executed, |bytes, address| {
            let instruction = Instruction::of(bytes)?;
            // All entries are two bytes long, but for a prefix that nobody writes.
            Some(instruction.pack(address.wrapping_add(2)))
        });
    }
}

extern "C" fn executed(index: c_uint, word: *mut c_void) {
    let Some((instruction, next)) = Instruction::unpack(word.addr() as u64) else { return };
    let mut state = state();
    let Some(oracle) = state.as_mut() else { return };
    let Some(cpu) = oracle.cpu.as_mut() else { return };
    let lines = oracle.watcher.see(index as usize, instruction, next, cpu);
    oracle.write(&lines);
}

impl Oracle {
    fn write(&mut self, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        let text: String =
            lines.iter().filter_map(|line| Some(serde_json::to_string(line).ok()? + "\n")).collect();
        if let Err(error) = self.output.write_all(text.as_bytes()) {
            eprintln!("oracle: cannot write: {error}");
        }
    }
}

impl Watcher {
    fn see(&mut self, index: usize, instruction: Instruction, next: u64, cpu: &mut Cpu) -> Vec<Line> {
        if self.running.len() <= index {
            self.running.resize(index + 1, None);
            self.leaving.resize(index + 1, None);
        }
        match instruction {
            Instruction::MovCr3 => {
                let base = cpu.register(Register::GsBase);
                self.leaving[index] = self.capture(cpu, base);
            }
            Instruction::Syscall | Instruction::Sysenter | Instruction::Int80 => {
                return self.enter(index, instruction, next, cpu);
            }
            _ => self.leave(index, instruction, cpu),
        }
        self.tell()
    }

    fn enter(&mut self, index: usize, instruction: Instruction, next: u64, cpu: &mut Cpu) -> Vec<Line> {
        let nr = cpu.register(Register::Rax) as i32;
        let abi = match instruction {
            Instruction::Syscall if cpu.register(Register::Cs) & 0xffff == USER32_CS => Abi::I386,
            Instruction::Syscall if nr >= 0 && nr & X32 != 0 => Abi::X32,
            Instruction::Syscall => Abi::X86_64,
            _ => Abi::I386,
        };
        let marker = Marker::of(i64::from(nr), cpu.register(Register::Rdx)).filter(|_| abi == Abi::X86_64);
        let marker = marker.map(|marker| (marker, cpu.register(Register::Rdi)));
        if let Some((Marker::Layout, current)) = marker {
            self.layout.set_current(current);
        }
        let Some(task) = self.running[index] else { return Vec::new() };
        if let Some((marker @ (Marker::Identity | Marker::Child), first)) = marker {
            self.said.push((task, marker, [first, cpu.register(Register::Rsi)]));
        }
        self.machine.enter(task, &Entry { abi, nr, marker, next })
    }

    fn leave(&mut self, index: usize, instruction: Instruction, cpu: &mut Cpu) {
        let Some(path) = instruction.path() else { return };
        let next = match instruction {
            Instruction::Iretq => match returns_to_user(cpu) {
                Some(next) => next,
                None => return,
            },
            _ => cpu.register(Register::Rcx),
        };
        // SWAPGS has put the kernel's base aside.
        let base = cpu.register(Register::KernelGsBase);
        // Without page table isolation the kernel's memory is still mapped; with it, CR3 was written just before.
        let who = self.capture(cpu, base).or(self.leaving[index]);
        if let Some(who) = who {
            self.running[index] = Some(who.task);
            if self.layout.known().is_some() {
                let answer = cpu.register(Register::Rax) as i64;
                self.machine.leave(&who, &Exit { path, next, answer });
            }
        }
    }

    /// The task that runs on the CPU whose area is at `base`, and what it has said of itself.
    fn capture(&mut self, cpu: &mut Cpu, base: u64) -> Option<Identity> {
        let task = self.layout.current(cpu, base)?;
        while let Some(at) = self.said.iter().position(|&(by, ..)| by == task) {
            let (_, marker, [first, second]) = self.said.remove(at);
            if marker == Marker::Identity {
                self.speakers.insert(first, task);
                self.layout.learn_numbers(cpu, task, first as u32, second as u32);
            } else if let Some(&parent) = self.speakers.get(&second) {
                self.layout.learn_parent(cpu, task, parent);
            }
        }
        let unknown = Identity { task, thread: 0, process: 0, parent: 0 };
        Some(self.layout.identity(cpu, task).unwrap_or(unknown))
    }

    /// Says once where things are.
    fn tell(&mut self) -> Vec<Line> {
        match self.layout.known().filter(|_| !self.told) {
            Some((numbers, parent)) => {
                self.told = true;
                vec![Line::Layout { numbers, parent }]
            }
            None => Vec::new(),
        }
    }
}

/// Where the IRETQ about to run goes, if that is user mode: elsewhere it faults, or stays in the kernel.
fn returns_to_user(cpu: &mut Cpu) -> Option<u64> {
    let mut frame = [0; 16];
    let stack = cpu.register(Register::Rsp);
    if !cpu.read(stack, &mut frame) {
        return None;
    }
    let [next, cs] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|byte| frame[at + byte])));
    let unused = if cpu.register(Register::Cr4) & LA57 == 0 { 16 } else { 7 };
    let canonical = ((next << unused) as i64 >> unused) as u64 == next;
    (cs & 3 == 3 && canonical).then_some(next)
}
