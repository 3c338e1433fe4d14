//! From image files to what a network makes of them.
//!
//! ```no_run
//! use dfdx::prelude::*;
//! use regnet_core::weights::{Head, WeightFile};
//! use regnet_core::{DynRegNet, Run};
//! use regnet_space::Preset;
//! use regnet_train::predict::{Preprocess, best};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = Preset::find("RegNetY-400MF")?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let device = Cpu::default();
//! let mut net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &spec)?;
//! WeightFile::open("regnety_004.safetensors".as_ref())?.load_into(&mut net, Head::Refuse)?;
//!
//! let preprocess = Preprocess::imagenet(224);
//! let pixels = preprocess.read("cat.jpg".as_ref())?;
//! let logits = net.try_run(device.try_tensor_from_vec(pixels, (1, 3, 224, 224))?)?;
//! for guess in best(&logits.as_vec(), 5) {
//!     println!("class {}: {:.1} %", guess.class, 100.0 * guess.probability);
//! }
//! # Ok(())
//! # }
//! ```

mod preprocess;

pub use preprocess::{Filter, Framing, Preprocess};

/// A class and how probable a network holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// Its place among the logits.
    pub class: usize,
    /// Its part of the softmax, from 0 to 1.
    pub probability: f64,
}

/// The `count` most probable classes of one image's logits, best first; fewer if there are fewer. Of logits that are not
/// all finite no class is the most probable: there are none.
pub fn best<E: Copy + Into<f64>>(logits: &[E], count: usize) -> Vec<Guess> {
    let logits: Vec<f64> = logits.iter().map(|&logit| logit.into()).collect();
    if !logits.iter().all(|logit| logit.is_finite()) {
        return Vec::new();
    }
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    let guess = |class: usize| Guess { class, probability: (logits[class] - largest).exp() / total };
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    // A stable sort: of equals the first.
    classes.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    classes.into_iter().take(count).map(guess).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first() {
        let guesses = best(&[0.0_f32, 2.0, 1.0, 2.0], 3);
        assert_eq!(guesses.iter().map(|guess| guess.class).collect::<Vec<_>>(), [1, 3, 2]);
        let total = 1.0 + 2.0 * 2.0_f64.exp() + 1.0_f64.exp();
        assert!((guesses[0].probability - 2.0_f64.exp() / total).abs() < 1e-12);
        assert_eq!(best::<f64>(&[], 5), []);
        assert_eq!(best(&[1000.0_f64, 0.0], 9).len(), 2);
        assert_eq!(best(&[1000.0_f64, 0.0], 1)[0].probability, 1.0);
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(best(&[1.0, wrong, 0.0], 2), []);
        }
    }
}
