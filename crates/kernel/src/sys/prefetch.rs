//! Memory that will be read soon.

/// How much of memory a processor fetches at once.
const LINE: usize = 64;

/// Asks the processor to fetch these bytes, which are going to be read. It waits for nothing, and changes
/// nothing but how long that takes. Where Rust has no word for it, it does nothing.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: an address is all that it takes; SSE is part of x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, LINE);
}
