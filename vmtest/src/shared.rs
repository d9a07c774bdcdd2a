//! Memory that a process shares with the children it forks afterwards.

use anyhow::{Result, ensure};

/// A zeroed `T` in pages of its own that forked children share; never unmapped.
///
/// # Safety
///
/// All zeros must be a `T`, and it must hold only atomics: others write it at any time.
pub unsafe fn zeroed<T>() -> Result<&'static T> {
    // SAFETY: a fresh mapping; nothing else is touched.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<T>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    ensure!(page != libc::MAP_FAILED, "cannot map a shared page: {}", std::io::Error::last_os_error());
    // SAFETY: the caller vouches for the zeros; a page is aligned for everything, and is never unmapped.
    Ok(unsafe { &*page.cast::<T>() })
}
