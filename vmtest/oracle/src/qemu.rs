//! The part of QEMU's plugin interface that is used here, version 4 (QEMU 9.2 to 10.0; later ones still take it):
//! `include/qemu/qemu-plugin.h` of QEMU 10.0, and the two kinds of array that it borrows from `GLib`.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use crate::task::Memory;

/// The version of the interface that a plugin says it was made for.
pub const VERSION: c_int = 4;

/// `qemu_plugin_id_t`.
pub type PluginId = u64;

/// A block of instructions being translated.
#[repr(C)]
pub struct Block {
    opaque: [u8; 0],
}

/// An instruction being translated.
#[repr(C)]
struct Insn {
    opaque: [u8; 0],
}

/// `GArray` and `GByteArray` begin alike.
#[repr(C)]
struct Array {
    data: *mut c_void,
    len: c_uint,
}

/// `qemu_plugin_reg_descriptor`.
#[repr(C)]
struct Descriptor {
    handle: *mut c_void,
    name: *const c_char,
    feature: *const c_char,
}

/// Called before an instruction, with the CPU's index and the word given at its registration.
pub type Executed = extern "C" fn(c_uint, *mut c_void);

/// `QEMU_PLUGIN_CB_R_REGS`: the callback reads registers.
const READS_REGISTERS: c_int = 1;

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_init_cb(id: PluginId, callback: extern "C" fn(PluginId, c_uint));
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: PluginId, callback: extern "C" fn(PluginId, *mut Block));
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Insn;
    fn qemu_plugin_insn_data(insn: *const Insn, into: *mut c_void, len: usize) -> usize;
    fn qemu_plugin_insn_vaddr(insn: *const Insn) -> u64;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        insn: *mut Insn,
        callback: Executed,
        flags: c_int,
        word: *mut c_void,
    );
    fn qemu_plugin_get_registers() -> *mut Array;
    fn qemu_plugin_read_register(handle: *mut c_void, into: *mut Array) -> c_int;
    fn qemu_plugin_read_memory_vaddr(address: u64, into: *mut Array, len: usize) -> bool;
    fn g_byte_array_new() -> *mut Array;
    fn g_byte_array_set_size(array: *mut Array, len: c_uint) -> *mut Array;
    fn g_array_free(array: *mut Array, with_content: c_int) -> *mut c_char;
}

/// Asks QEMU to call back when a CPU comes up and when a block is translated.
pub fn register(
    id: PluginId,
    started: extern "C" fn(PluginId, c_uint),
    translated: extern "C" fn(PluginId, *mut Block),
) {
    // SAFETY: QEMU gave the id; functions live as long as the plugin, which is never unloaded.
    unsafe {
        qemu_plugin_register_vcpu_init_cb(id, started);
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    }
}

/// Asks for a callback before each instruction of a block for which `choose` gives a word, from the instruction's
/// bytes and address.
///
/// # Safety
///
/// `block` must be the one that the running translation callback was given.
pub unsafe fn watch(block: *const Block, callback: Executed, choose: impl Fn(&[u8], u64) -> Option<u64>) {
    // The longest instruction.
    let mut bytes = [0_u8; 15];
    // SAFETY: the caller vouches for the block; indices stay below its length; QEMU copies at most `bytes`.
    unsafe {
        for index in 0..qemu_plugin_tb_n_insns(block) {
            let insn = qemu_plugin_tb_get_insn(block, index);
            let len = qemu_plugin_insn_data(insn, bytes.as_mut_ptr().cast(), bytes.len());
            let Some(word) = choose(&bytes[..len.min(bytes.len())], qemu_plugin_insn_vaddr(insn)) else {
                continue;
            };
            let word = ptr::without_provenance_mut(word as usize);
            qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, READS_REGISTERS, word);
        }
    }
}

/// A register that the oracle reads.
#[derive(Debug, Clone, Copy)]
pub enum Register {
    Rax,
    Rcx,
    Rdx,
    Rdi,
    Rsi,
    Rsp,
    Cs,
    GsBase,
    KernelGsBase,
    Cr4,
}

/// Their names, in QEMU's description of the machine for debuggers.
const NAMES: [&CStr; 10] =
    [c"rax", c"rcx", c"rdx", c"rdi", c"rsi", c"rsp", c"cs", c"gs_base", c"k_gs_base", c"cr4"];

/// The CPU that the running callback is about.
pub struct Cpu {
    handles: [*mut c_void; NAMES.len()],
    buffer: *mut Array,
}

// SAFETY: the handles name registers of whatever CPU calls back; the buffer belongs to this value alone.
unsafe impl Send for Cpu {}

impl Cpu {
    /// Looks the registers up; none if QEMU names them otherwise. Call it when a CPU comes up.
    pub fn new() -> Option<Self> {
        let mut handles = [ptr::null_mut(); NAMES.len()];
        // SAFETY: an array of descriptors, whose names live as long as QEMU; freed once read.
        unsafe {
            let array = qemu_plugin_get_registers();
            let found = std::slice::from_raw_parts((*array).data.cast::<Descriptor>(), (*array).len as usize);
            for register in found {
                if let Some(at) = NAMES.iter().position(|name| *name == CStr::from_ptr(register.name)) {
                    handles[at] = register.handle;
                }
            }
            g_array_free(array, 1);
            let known = handles.iter().all(|handle| !handle.is_null());
            known.then(|| Self { handles, buffer: g_byte_array_new() })
        }
    }

    /// A register's value.
    pub fn register(&mut self, register: Register) -> u64 {
        // SAFETY: our own handle and buffer, inside a callback that reads registers.
        unsafe {
            g_byte_array_set_size(self.buffer, 0);
            qemu_plugin_read_register(self.handles[register as usize], self.buffer);
        }
        let mut value = [0; 8];
        let bytes = self.content();
        let len = bytes.len().min(8);
        value[..len].copy_from_slice(&bytes[..len]);
        u64::from_le_bytes(value)
    }

    fn content(&self) -> &[u8] {
        // SAFETY: GLib keeps `len` bytes there, and nobody changes them while this borrow lasts.
        unsafe {
            let Array { data, len } = *self.buffer;
            if data.is_null() { &[] } else { std::slice::from_raw_parts(data.cast(), len as usize) }
        }
    }
}

impl Memory for Cpu {
    fn read(&mut self, address: u64, into: &mut [u8]) -> bool {
        // SAFETY: our own buffer, which QEMU makes as long as asked.
        let read = unsafe { qemu_plugin_read_memory_vaddr(address, self.buffer, into.len()) };
        let bytes = self.content();
        let read = read && bytes.len() == into.len();
        if read {
            into.copy_from_slice(bytes);
        }
        read
    }
}
