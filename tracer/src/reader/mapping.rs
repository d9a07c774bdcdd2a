//! A map's memory in this process: read without a system call.

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr,
};

/// An mmapable array of `T`, read only. The kernel's programs write to it all the while.
pub struct Mapping<T> {
    start: *const T,
    length: usize,
    bytes: usize,
    kind: PhantomData<T>,
}

// SAFETY: the memory is shared with the kernel and read only; every load is volatile.
unsafe impl<T> Send for Mapping<T> {}

impl<T: aya::Pod> Mapping<T> {
    /// Maps `length` elements; `T` must be the map's value type, whose size is a multiple of 8.
    pub fn new(map: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        assert!(size_of::<T>().is_multiple_of(8), "array elements lie 8-byte aligned");
        let bytes = size_of::<T>() * length;
        // SAFETY: a new mapping of a map's own length.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_SHARED, map.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start: start.cast(), length, bytes, kind: PhantomData })
    }

    /// The address of an element.
    #[must_use]
    pub fn at(&self, index: usize) -> *const T {
        assert!(index < self.length, "element {index} of {}", self.length);
        // SAFETY: checked.
        unsafe { self.start.add(index) }
    }

    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// How large the mapping is.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: our own mapping, unmapped once.
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.bytes) };
    }
}
