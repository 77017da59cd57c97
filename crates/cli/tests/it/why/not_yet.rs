//! What `why` is not held to yet: the fault is brought about, shown to stop the packet, and mended by
//! hand, and that is all. A line that goes is a proof that comes.

/// File, fault and family.
pub const NOT_YET: &[&str] = &[];
