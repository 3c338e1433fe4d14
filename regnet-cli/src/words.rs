//! Figures in words.

use std::time::Duration;

/// A time, in its two largest units.
pub fn duration(time: Duration) -> String {
    let minutes = (time.as_secs_f64() / 60.0).round() as u64;
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, 0..2) => format!("{:.0} s", time.as_secs_f64()),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// An amount of memory.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut amount = bytes as f64 / 1e3;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1e3;
        unit += 1;
    }
    format!("{amount:.0} {}", UNITS[unit])
}

/// A part of one as per cent.
pub fn per_cent(part: f64) -> String {
    format!("{:.2} %", 100.0 * part)
}
