//! Batches: what an epoch holds, and that it can be made again.
#![allow(clippy::unwrap_used)]

use regnet_train::data::{Augment, Batch, Batches, DataError, DataSet, Padding, builtin_sized};

fn data() -> DataSet {
    builtin_sized(50, 25, None, 0).unwrap()
}

fn collect(batches: &Batches, epoch: u64) -> Vec<Batch> {
    batches.epoch(epoch).collect::<Result<_, _>>().unwrap()
}

#[test]
fn evaluation_keeps_every_image_in_order() {
    let data = data();
    let batches = data.test_batches(10).unwrap();
    let all = collect(&batches, 0);
    assert_eq!(all.len(), batches.len());
    assert_eq!(all.iter().map(|b| b.labels.len()).collect::<Vec<_>>(), [10, 10, 5]);
    let labels: Vec<_> = all.iter().flat_map(|b| b.labels.clone()).collect();
    assert_eq!(labels, data.test.labels());
    // The last image of all: channel-first and normalised.
    let (image, last) = (data.test.image(24).unwrap(), &all[2].images[4 * 3072..]);
    for (x, y, c) in [(0, 0, 0), (31, 2, 1), (5, 30, 2)] {
        let byte = f32::from(image.get_pixel(x, y).0[c]);
        let expected = (byte / 255.0 - data.normalise.mean[c]) / data.normalise.std[c];
        let found = last[c * 1024 + y as usize * 32 + x as usize];
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

#[test]
fn normalised_training_images_have_mean_0_and_deviation_1() {
    let batch = &collect(&data().train_batches(50, Augment::NONE, 0).unwrap(), 0)[0];
    for c in 0..3 {
        let channel: Vec<_> = batch.images.chunks_exact(1024).skip(c).step_by(3).flatten().collect();
        let n = channel.len() as f64;
        let mean = channel.iter().map(|&&v| f64::from(v)).sum::<f64>() / n;
        let square = channel.iter().map(|&&v| f64::from(v).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-4, "channel {c}: {mean}, {square}");
    }
}

#[test]
fn training_shuffles_and_drops_the_remainder() {
    let batches = data().train_batches(8, Augment::NONE, 1).unwrap();
    let (first, second) = (collect(&batches, 0), collect(&batches, 1));
    assert_eq!((batches.len(), first.len(), second.len()), (6, 6, 6));
    assert!(first.iter().all(|b| b.labels.len() == 8 && b.images.len() == 8 * 3072));
    assert_ne!(first[0].labels, second[0].labels);
    // No image is seen twice in an epoch.
    let mut images: Vec<_> = first.iter().flat_map(|b| b.images.chunks_exact(3072)).collect();
    images.sort_by(|a, b| a.partial_cmp(b).unwrap());
    images.dedup();
    assert_eq!(images.len(), 48);
}

#[test]
fn an_epoch_can_be_made_again_on_its_own() {
    let make = |seed, epoch| collect(&data().train_batches(8, Augment::default(), seed).unwrap(), epoch);
    assert_eq!(make(1, 5), make(1, 5));
    assert_ne!(make(1, 5), make(1, 6));
    assert_ne!(make(1, 5), make(2, 5));
}

#[test]
fn augmentation_differs_between_epochs_and_leaves_labels() {
    let data = data();
    let plain = collect(&data.train_batches(50, Augment::NONE, 3).unwrap(), 0);
    let augmented = collect(&data.train_batches(50, Augment::default(), 3).unwrap(), 0);
    assert_eq!(plain[0].labels, augmented[0].labels);
    let pairs = plain[0].images.chunks_exact(3072).zip(augmented[0].images.chunks_exact(3072));
    assert!(pairs.filter(|(a, b)| a != b).count() > 40);
}

#[test]
fn a_split_smaller_than_a_batch_is_one_batch() {
    let batches = data().train_batches(64, Augment::default(), 0).unwrap();
    assert_eq!((batches.len(), batches.batch_size()), (1, 50));
    assert_eq!(collect(&batches, 0)[0].labels.len(), 50);
}

#[test]
fn an_epoch_may_be_left_early() {
    let batches = data().train_batches(1, Augment::default(), 0).unwrap();
    assert_eq!(batches.epoch(0).take(2).count(), 2);
    assert_eq!(batches.epoch(0).count(), 50);
}

#[test]
fn impossible_settings_are_refused() {
    let data = data();
    assert!(matches!(data.test_batches(0), Err(DataError::ZeroBatch)));
    assert!(matches!(data.train_batches(0, Augment::NONE, 0), Err(DataError::ZeroBatch)));
    for padding in [Padding::Zero, Padding::Reflect] {
        let augment = |pad| Augment { flip: true, pad, padding };
        let refused = data.train_batches(4, augment(32), 0);
        assert!(matches!(refused, Err(DataError::Padding { pad: 32, size: 32 })));
        assert_eq!(collect(&data.train_batches(4, augment(31), 0).unwrap(), 0).len(), 12);
    }
}
