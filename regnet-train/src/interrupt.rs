//! Stopping at a signal, in good order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the process was interrupted: by Ctrl-C (SIGINT) or by `kill`, a batch system or a shutdown (SIGTERM).
///
/// The first signal raises [`stop`](Self::stop), a second ends the process at once; so does the first after this value is gone.
#[derive(Debug)]
pub struct Interrupt {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens to both signals from now on.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self { stop: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // In this order: what is registered first is called first, and ends the process if the flag was up before.
            flag::register_conditional_shutdown(signal, status(signal), Arc::clone(&interrupt.stop))?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), signal as usize)?;
            flag::register(signal, Arc::clone(&interrupt.stop))?;
        }
        Ok(interrupt)
    }

    /// A flag that is up after a signal.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The exit status of a process that a signal ended, as shells say it: 128 and the signal's number. None before one.
    pub fn exit_status(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        (signal > 0).then(|| status(signal as i32) as u8)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn status(signal: i32) -> i32 {
    128 + signal
}
