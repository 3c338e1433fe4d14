//! The built-in data set: the same everywhere, balanced, and not to be solved by a linear classifier.
#![allow(clippy::unwrap_used)]

use regnet_train::data::{DataError, DataSet, Split, builtin_sized, contact_sheet};

/// FNV-1a over labels and pixels.
fn digest(split: &Split) -> u64 {
    let images = (0..split.len()).flat_map(|i| split.image(i).unwrap().into_raw());
    let labels = split.labels().iter().map(|&label| label as u8);
    labels.chain(images).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Published accuracies refer to these very images: a change of the digest is a change of the data set.
#[test]
fn the_bytes_are_pinned() {
    let data = builtin_sized(50, 20, None, 0).unwrap();
    assert_eq!(
        [digest(&data.train), digest(&data.test)],
        [14_787_874_636_447_101_038, 18_190_402_306_920_075_855]
    );
}

#[test]
fn seeds_and_splits_differ_and_more_images_keep_the_first() {
    let data = builtin_sized(20, 20, None, 7).unwrap();
    let other = builtin_sized(20, 20, None, 8).unwrap();
    let longer = builtin_sized(40, 20, None, 7).unwrap();
    assert_ne!(digest(&data.train), digest(&other.train));
    assert_ne!(digest(&data.train), digest(&data.test));
    for i in 0..20 {
        assert_eq!(data.train.image(i).unwrap(), longer.train.image(i).unwrap());
    }
}

#[test]
fn threads_do_not_matter() {
    let draw = || digest(&builtin_sized(40, 10, None, 3).unwrap().train);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(one.install(draw), three.install(draw));
}

#[test]
fn classes_are_balanced_and_named() {
    let data = builtin_sized(200, 100, None, 0).unwrap();
    assert_eq!(data.classes.len(), 10);
    for class in 0..10 {
        assert_eq!(data.train.labels().iter().filter(|&&label| label == class).count(), 20);
    }
    assert_eq!(data.shape(), [3, 32, 32]);
}

#[test]
fn other_sizes_are_resized_and_wrong_ones_refused() {
    let data = builtin_sized(10, 10, Some(48), 0).unwrap();
    assert_eq!(data.shape(), [3, 48, 48]);
    assert_eq!(data.train.image(0).unwrap().dimensions(), (48, 48));
    for size in [0, 7, 1025, usize::MAX] {
        let error = builtin_sized(10, 10, Some(size), 0).unwrap_err();
        assert!(matches!(error, DataError::Size { given } if given == size));
        assert!(error.to_string().contains("8 to 1024"), "{error}");
    }
}

#[test]
fn no_images_are_refused() {
    let error = builtin_sized(0, 10, None, 0).unwrap_err();
    assert!(matches!(error, DataError::NoImages { split: "training", .. }));
    assert!(matches!(builtin_sized(10, 0, None, 0), Err(DataError::NoImages { split: "test", .. })));
}

#[test]
fn a_contact_sheet_shows_a_class_in_each_column() {
    let data = builtin_sized(30, 10, None, 0).unwrap();
    let sheet = contact_sheet(&data.train, 3, 10, 2).unwrap();
    assert_eq!(sheet.dimensions(), (10 * 66 + 2, 3 * 66 + 2));
    // Row 1 of column 4 is the second image of class 4, which is image 14.
    let image = data.train.image(14).unwrap();
    for (x, y) in [(0, 0), (31, 0), (12, 30)] {
        assert_eq!(sheet.get_pixel(4 * 66 + 2 + 2 * x, 66 + 2 + 2 * y), image.get_pixel(x, y));
    }
    assert_eq!(sheet.get_pixel(0, 0).0, [255; 3]);
}

/// Softmax regression on pixels, trained by plain stochastic gradient descent.
struct Linear {
    weights: Vec<Vec<f32>>,
}

impl Linear {
    fn probabilities(&self, image: &[f32]) -> Vec<f32> {
        let dot = |w: &Vec<f32>| w.iter().zip(image).map(|(w, x)| w * x).sum::<f32>();
        let logits: Vec<_> = self.weights.iter().map(dot).collect();
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let powers: Vec<_> = logits.iter().map(|z| (z - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.iter().map(|p| p / sum).collect()
    }

    fn learn(&mut self, image: &[f32], label: usize, rate: f32) {
        let probabilities = self.probabilities(image);
        for (class, (weights, p)) in self.weights.iter_mut().zip(probabilities).enumerate() {
            let step = rate * (f32::from(class == label) - p);
            weights.iter_mut().zip(image).for_each(|(w, x)| *w += step * x);
        }
    }

    fn train(data: &DataSet, epochs: u64) -> Self {
        let augment = regnet_train::data::Augment::NONE;
        let batches = data.train_batches(50, augment, 0).unwrap();
        let length = data.shape().iter().product();
        let mut linear = Self { weights: vec![vec![0.0; length]; data.classes.len()] };
        for epoch in 0..epochs {
            let rate = 2e-4 * (1.0 - epoch as f32 / epochs as f32);
            for batch in batches.epoch(epoch) {
                let batch = batch.unwrap();
                for (image, &label) in batch.images.chunks_exact(length).zip(&batch.labels) {
                    linear.learn(image, label, rate);
                }
            }
        }
        linear
    }

    fn accuracy(&self, data: &DataSet) -> f32 {
        let length = data.shape().iter().product();
        let mut right = 0;
        for batch in data.test_batches(100).unwrap().epoch(0) {
            let batch = batch.unwrap();
            for (image, &label) in batch.images.chunks_exact(length).zip(&batch.labels) {
                let p = self.probabilities(image);
                right += usize::from((0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])) == Some(label));
            }
        }
        right as f32 / data.test.len() as f32
    }
}

/// Above chance, or the labels would say nothing; well below what a network reaches, or it would
/// not be worth one.
#[test]
fn a_linear_classifier_stays_under_55_per_cent() {
    let data = builtin_sized(2_000, 1_000, None, 0).unwrap();
    let accuracy = Linear::train(&data, 3).accuracy(&data);
    assert!((0.16..0.55).contains(&accuracy), "test accuracy of softmax regression is {accuracy}");
}
