//! Where a tensor's elements lie in a device's memory.
//!
//! dfdx keeps a tensor's storage to itself, but shows it where it is printed for debugging: the derived text of a tensor is
//! `Tensor { id: .., data: CachableCudaSlice { data: CudaSlice { cu_device_ptr: 1, len: 2, device: CudaDevice { cu_device: 0, ..`.
//! Reading it costs about a microsecond, as the text is broken off behind the last number that is wanted. The releases of
//! dfdx and cudarc are pinned, and each device is tried with known numbers before it is used.

use std::fmt::{self, Debug, Write};

/// Where elements lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Address of the first element.
    pub address: u64,
    /// Elements in the storage.
    pub len: usize,
    /// The driver's number of the device.
    pub device: i32,
}

/// The field behind the last one that is read.
const LAST: &str = "cu_primary_ctx";

/// Takes text until the last number has been seen.
struct Reader(String);

impl Write for Reader {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text == LAST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The location that the debugging text of `tensor` names; `None` where it is not dfdx 0.13's.
pub fn locate(tensor: &impl Debug) -> Option<Location> {
    let mut reader = Reader(String::with_capacity(256));
    // It ends in the reader's own error.
    let _ = write!(reader, "{tensor:?}");
    let mut text = reader.0.as_str();
    Some(Location {
        address: number(&mut text, "cu_device_ptr: ")?,
        len: number(&mut text, "len: ")?,
        device: number(&mut text, "cu_device: ")?,
    })
}

/// The number behind the first `field` in `text`, which is cut off behind it.
fn number<T: std::str::FromStr>(text: &mut &str, field: &str) -> Option<T> {
    let (_, rest) = text.split_once(field)?;
    let (digits, rest) = rest.split_once(',')?;
    *text = rest;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields that dfdx and cudarc derive their text from.
    #[derive(Debug)]
    #[allow(dead_code)]
    struct Tensor {
        id: usize,
        data: std::sync::Arc<CachableCudaSlice>,
        strides: [usize; 1],
    }

    #[derive(Debug)]
    #[allow(dead_code)]
    struct CachableCudaSlice {
        data: CudaSlice,
        cache: Loud,
    }

    #[derive(Debug)]
    #[allow(dead_code)]
    struct CudaSlice {
        cu_device_ptr: u64,
        len: usize,
        device: std::sync::Arc<CudaDevice>,
    }

    #[derive(Debug)]
    #[allow(dead_code)]
    struct CudaDevice {
        cu_device: i32,
        cu_primary_ctx: Loud,
    }

    /// Must not be asked for its text.
    struct Loud;

    impl Debug for Loud {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("the text goes on behind the last number")
        }
    }

    #[test]
    fn reads_what_a_tensor_prints_and_no_more() {
        let device = CudaDevice { cu_device: 3, cu_primary_ctx: Loud }.into();
        let data = CudaSlice { cu_device_ptr: 140_000_000_000_512, len: 12, device };
        let tensor = Tensor { id: 7, data: CachableCudaSlice { data, cache: Loud }.into(), strides: [1] };
        let location = Location { address: 140_000_000_000_512, len: 12, device: 3 };
        assert_eq!(locate(&tensor), Some(location));
    }

    #[test]
    fn another_text_is_no_location() {
        assert_eq!(locate(&"Tensor { data: Vec { len: 3 } }"), None);
    }
}
