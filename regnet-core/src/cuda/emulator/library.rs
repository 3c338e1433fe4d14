//! Kernels as shared libraries of the host.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use libloading::{Library, Symbol};
use tempfile::TempDir;

use crate::cuda::queue::{Argument, Grid, Kernel};

const RUNTIME: &str = include_str!("runtime.cpp");
const LAUNCH: &str = include_str!("launch.cpp");

/// `launch` of `launch.cpp`.
type Entry = unsafe extern "C" fn(*const u32, u32, *mut *mut c_void) -> i32;

/// What has been compiled. A library's threads share its variables, so that one launch runs at a time.
static COMPILED: LazyLock<Mutex<HashMap<Kernel, Library>>> = LazyLock::new(Mutex::default);

/// Runs a kernel to its end.
///
/// # Safety
/// As [`Queue::launch`](crate::cuda::queue::Queue::launch).
pub(super) unsafe fn launch(kernel: &Kernel, grid: Grid, arguments: &[Argument]) -> Result<(), String> {
    let mut compiled = COMPILED.lock().map_err(|_| "an earlier launch failed")?;
    if !compiled.contains_key(kernel) {
        compiled.insert(kernel.clone(), compile(kernel)?);
    }
    let blocks = grid.blocks.map(|count| count as u32);
    let mut values = arguments.to_vec();
    let mut pointers: Vec<*mut c_void> = values.iter_mut().map(pointer).collect();
    // SAFETY: `launch.cpp` declares this function so; it hands each pointer to the parameter of its place, whose types
    // the caller promises.
    let whole = unsafe {
        let entry: Symbol<'_, Entry> = compiled[kernel].get(b"launch").map_err(|e| e.to_string())?;
        entry(blocks.as_ptr(), grid.threads as u32, pointers.as_mut_ptr())
    };
    match whole {
        0 => Err(format!("threads of {} came to different barriers", kernel.name)),
        _ => Ok(()),
    }
}

fn pointer(argument: &mut Argument) -> *mut c_void {
    match argument {
        Argument::Address(value) | Argument::Size(value) => std::ptr::from_mut(value).cast(),
        Argument::Int(value) => std::ptr::from_mut(value).cast(),
        Argument::Float(value) => std::ptr::from_mut(value).cast(),
        Argument::Double(value) => std::ptr::from_mut(value).cast(),
    }
}

fn compile(kernel: &Kernel) -> Result<Library, String> {
    let folder = TempDir::new().map_err(|e| e.to_string())?;
    let (source, library) = (folder.path().join("kernel.cpp"), folder.path().join("kernel.so"));
    let text = format!("#define ENTRY {}\n{RUNTIME}{}{LAUNCH}", kernel.name, kernel.text());
    fs::write(&source, text).map_err(|e| e.to_string())?;
    build(&source, &library)?;
    // SAFETY: the library was just built from this module's text; loading it runs no code but the standard library's.
    unsafe { Library::new(&library) }.map_err(|e| e.to_string())
}

fn build(source: &Path, library: &Path) -> Result<(), String> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let output = Command::new(&compiler)
        .args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-o"])
        .args([library, source])
        .output()
        .map_err(|e| format!("the emulator needs a C++ compiler, and `{compiler}` does not start: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
