//! libpcap, where it is on this machine: loaded when it is first asked for (`dlopen(3)`), so that
//! building and starting twinax need nothing of it.
//!
//! The declarations are those of `pcap/pcap.h` and `pcap/bpf.h`, which have not changed since libpcap
//! 0.8.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::{Mutex, OnceLock};

/// Its names, the usual one first: that of Debian is `libpcap.so.0.8`; the last one is there where
/// programs are built with it.
const NAMES: [&CStr; 3] = [c"libpcap.so.1", c"libpcap.so.0.8", c"libpcap.so"];

/// `PCAP_NETMASK_UNKNOWN`: only `ip broadcast` needs to know it, and is refused.
const NO_NETMASK: u32 = u32::MAX;

/// The optimizer makes programs shorter, and some of them wrong: seen with 1.10.3, reported in
/// <https://github.com/the-tcpdump-group/libpcap/issues/945>. On some it never comes to an end
/// (<https://github.com/the-tcpdump-group/libpcap/issues/112>).
const NOT_OPTIMIZED: c_int = 0;

/// More than any frame has.
const WHOLE: c_int = c_int::MAX;

/// `pcap_t`, of which only libpcap knows what is in it.
#[repr(C)]
struct Pcap {
    _private: [u8; 0],
}

/// `struct bpf_program`.
#[repr(C)]
struct BpfProgram {
    len: c_uint,
    instructions: *mut BpfInstruction,
}

/// `struct bpf_insn`: code, jt, jf, k.
#[repr(C)]
#[derive(Clone, Copy)]
struct BpfInstruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// Its functions.
struct Library {
    open_dead: unsafe extern "C" fn(c_int, c_int) -> *mut Pcap,
    compile: unsafe extern "C" fn(*mut Pcap, *mut BpfProgram, *const c_char, c_int, u32) -> c_int,
    geterr: unsafe extern "C" fn(*mut Pcap) -> *const c_char,
    freecode: unsafe extern "C" fn(*mut BpfProgram),
    close: unsafe extern "C" fn(*mut Pcap),
    lib_version: unsafe extern "C" fn() -> *const c_char,
}

/// An instruction as code, jt, jf and k.
pub type Fields = (u16, u8, u8, u32);

/// What libpcap calls itself; `None`: it is not there.
pub fn libpcap_version() -> Option<String> {
    let library = library()?;
    // SAFETY: it takes nothing and gives a string that stays.
    let version = unsafe { (library.lib_version)() };
    // SAFETY: as above; the string has an end.
    Some(unsafe { text(version) })
}

/// Compiles an expression for frames of a data link type (`DLT_…`, `pcap/dlt.h`) into instructions of
/// classic BPF. `None`: libpcap is not there.
///
/// # Errors
///
/// libpcap's sentence.
pub fn libpcap_compile(expression: &CStr, link: u16) -> Option<Result<Vec<Fields>, String>> {
    /// Before 1.8, the parser had variables of its own.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let library = library()?;
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // SAFETY: it takes two numbers, whatever they are, and allocates.
    let Some(pcap) = NonNull::new(unsafe { (library.open_dead)(link.into(), WHOLE) }) else {
        return Some(Err("no memory".to_owned()));
    };
    let compiled = library.compile(pcap, expression);
    // SAFETY: it is open, and nothing points to it any more: the program and the sentence are copies.
    unsafe { (library.close)(pcap.as_ptr()) };
    Some(compiled)
}

impl Library {
    fn compile(&self, pcap: NonNull<Pcap>, expression: &CStr) -> Result<Vec<Fields>, String> {
        let mut program = BpfProgram { len: 0, instructions: std::ptr::null_mut() };
        // SAFETY: the handle is open, the expression has an end and is only read, and the program is
        // written. Nobody else is in here: the caller has seen to that.
        let result = unsafe {
            (self.compile)(
                pcap.as_ptr(),
                &raw mut program,
                expression.as_ptr(),
                NOT_OPTIMIZED,
                NO_NETMASK,
            )
        };
        if result < 0 {
            // SAFETY: the sentence is in the handle, which is open, and has an end.
            return Err(unsafe { text((self.geterr)(pcap.as_ptr())) });
        }
        let mut instructions = Vec::new();
        if !program.instructions.is_null() {
            // SAFETY: so many instructions are there, and they stay until they are freed.
            let all =
                unsafe { std::slice::from_raw_parts(program.instructions, program.len as usize) };
            instructions.extend(all.iter().map(|one| (one.code, one.jt, one.jf, one.k)));
        }
        // SAFETY: the program is libpcap's own, and the slice of it is no longer used.
        unsafe { (self.freecode)(&raw mut program) };
        Ok(instructions)
    }

    fn load() -> Option<Self> {
        let handle = NAMES.iter().find_map(|name| {
            let how = libc::RTLD_NOW | libc::RTLD_LOCAL;
            // SAFETY: what libpcap does when it is loaded is to set variables of its own.
            NonNull::new(unsafe { libc::dlopen(name.as_ptr(), how) })
        })?;
        // SAFETY: the library is never unloaded, and these are the types with which pcap/pcap.h
        // declares its functions.
        unsafe {
            Some(Self {
                open_dead: function(handle, c"pcap_open_dead")?,
                compile: function(handle, c"pcap_compile")?,
                geterr: function(handle, c"pcap_geterr")?,
                freecode: function(handle, c"pcap_freecode")?,
                close: function(handle, c"pcap_close")?,
                lib_version: function(handle, c"pcap_lib_version")?,
            })
        }
    }
}

fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    LIBRARY.get_or_init(Library::load).as_ref()
}

/// A function of a library; `None`: it has none of this name.
///
/// # Safety
///
/// The library stays loaded, and `F` is the type of a function, that with which the library declares it.
unsafe fn function<F: Copy>(library: NonNull<c_void>, name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: the caller has the library's handle, and the name has an end.
    let symbol = NonNull::new(unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) })?;
    // SAFETY: a function is a pointer as large as this one, which is not null, and of this type, as the
    // caller knows.
    Some(unsafe { std::mem::transmute_copy::<NonNull<c_void>, F>(&symbol) })
}

/// A copy of a string of C's.
///
/// # Safety
///
/// It is null, or has an end and does not change meanwhile.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller has seen to it.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}
