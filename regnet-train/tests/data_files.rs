//! CIFAR files and folders of images, good and bad.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use regnet_train::data::{Cifar, DataError, DataSet, Source};
use tempfile::{TempDir, tempdir};

/// CIFAR images whose red plane is `first`, green `first + 1`, blue `first + 2`; x is added in red.
fn cifar_images(header: &[u8], labels: &[u8], first: u8) -> Vec<u8> {
    let image = |&label: &u8| {
        let red = (0..1024).map(move |i| first + (i % 32) as u8);
        let rest = [first + 1, first + 2].into_iter().flat_map(|v| vec![v; 1024]);
        header.iter().copied().chain([label]).chain(red).chain(rest).collect::<Vec<_>>()
    };
    labels.iter().flat_map(image).collect()
}

fn write_cifar10(dir: &Path) {
    for i in 1..=5 {
        fs::write(dir.join(format!("data_batch_{i}.bin")), cifar_images(&[], &[i, 9], 10 * i)).unwrap();
    }
    fs::write(dir.join("test_batch.bin"), cifar_images(&[], &[0, 3, 7], 100)).unwrap();
}

fn load(source: &str, dir: &Path) -> Result<DataSet, DataError> {
    format!("{source}:{}", dir.display()).parse::<Source>().unwrap().load(None, 0)
}

#[test]
fn cifar10_round_trip() {
    let dir = tempdir().unwrap();
    write_cifar10(dir.path());
    let data = load("cifar10", dir.path()).unwrap();
    assert_eq!(data.train.labels(), [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]);
    assert_eq!(data.test.labels(), [0, 3, 7]);
    assert_eq!(data.classes.len(), 10);
    assert_eq!(data.shape(), [3, 32, 32]);
    let image = data.train.image(4).unwrap();
    assert_eq!(image, RgbImage::from_fn(32, 32, |x, _| Rgb([30 + x as u8, 31, 32])));
    // Red averages first + 15.5 over an image, and first averages 30 over the training files.
    assert!((data.normalise.mean[0] - 45.5 / 255.0).abs() < 1e-6);
    let deviation = 200f32.sqrt() / 255.0;
    assert!((data.normalise.std[1] - deviation).abs() < 1e-6, "{:?}", data.normalise);
}

#[test]
fn cifar100_uses_fine_labels_and_the_archives_folder_and_names() {
    let dir = tempdir().unwrap();
    let inner = dir.path().join("cifar-100-binary");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("train.bin"), cifar_images(&[19], &[0, 99, 42], 5)).unwrap();
    fs::write(inner.join("test.bin"), cifar_images(&[3], &[17], 5)).unwrap();
    let names: Vec<_> = (0..100).map(|i| format!("name{i}")).collect();
    fs::write(inner.join("fine_label_names.txt"), names.join("\n") + "\n\n").unwrap();
    let data = load("cifar100", dir.path()).unwrap();
    assert_eq!(data.train.labels(), [0, 99, 42]);
    assert_eq!(data.classes[42], "name42");
    assert_eq!(Cifar::Hundred.load(dir.path(), Some(64)).unwrap().shape(), [3, 64, 64]);

    fs::write(inner.join("fine_label_names.txt"), "one\ntwo\n").unwrap();
    let error = load("cifar100", dir.path()).unwrap_err();
    assert!(matches!(error, DataError::ClassNames { found: 2, expected: 100, .. }));
}

#[test]
fn cifar_errors() {
    let dir = tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    assert!(matches!(load("cifar10", &nowhere), Err(DataError::Missing { path, .. }) if path == nowhere));

    write_cifar10(dir.path());
    let third = dir.path().join("data_batch_3.bin");
    let good = fs::read(&third).unwrap();
    for cut in [0, 1, 3000, 3074, 6000] {
        fs::write(&third, &good[..cut]).unwrap();
        let error = load("cifar10", dir.path()).unwrap_err();
        let text = error.to_string();
        let expected = (cut / 3073 + 1) * 3073;
        assert!(text.contains(&format!("has {cut} bytes where {expected} were expected")), "{text}");
        assert!(text.contains("data_batch_3.bin"), "{text}");
        assert!(matches!(error, DataError::Truncated { record: 3073, .. }));
    }

    fs::write(&third, cifar_images(&[], &[1, 10], 0)).unwrap();
    let error = load("cifar10", dir.path()).unwrap_err();
    assert!(matches!(error, DataError::Label { index: 1, label: 10, classes: 10, .. }), "{error}");

    fs::remove_file(&third).unwrap();
    assert!(matches!(load("cifar10", dir.path()), Err(DataError::Missing { path, .. }) if path == third));
}

/// A folder of two classes, `a` (PNG) and `b` (JPEG), with one image each to train and to test on.
fn image_folder() -> TempDir {
    let dir = tempdir().unwrap();
    for part in ["train", "test"] {
        for (class, file, shade) in [("b", "x.JPG", 200), ("a", "y.png", 50)] {
            let path = at(&dir, &[part, class, file]);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::from_pixel(300, 240, Rgb([shade, 100, 30])).save(path).unwrap();
        }
    }
    dir
}

fn at(dir: &TempDir, parts: &[&str]) -> PathBuf {
    parts.iter().fold(dir.path().to_owned(), |path, part| path.join(part))
}

#[test]
fn folder_round_trip() {
    let dir = image_folder();
    fs::write(at(&dir, &["train", ".hidden"]), "").unwrap();
    fs::write(at(&dir, &["train", "a", "notes.txt"]), "").unwrap();
    let data = load("folder", dir.path()).unwrap();
    assert_eq!(data.classes, ["a", "b"]);
    assert_eq!(data.train.labels(), [0, 1]);
    assert_eq!(data.shape(), [3, 224, 224]);
    assert_eq!(data.train.image(0).unwrap(), RgbImage::from_pixel(224, 224, Rgb([50, 100, 30])));
    // JPEG is not exact.
    let jpeg = data.train.image(1).unwrap();
    assert!(jpeg.pixels().all(|p| p.0.iter().zip([200, 100, 30]).all(|(&v, e)| v.abs_diff(e) <= 3)));
    assert!((data.normalise.mean[0] - 125.0 / 255.0).abs() < 0.01);
}

#[test]
fn images_are_cropped_to_the_centre_and_made_rgb() {
    let dir = image_folder();
    // Only the middle 40 of 80 columns are white; the crop takes exactly those.
    let wide = GrayImage::from_fn(80, 40, |x, _| Luma([if (20..60).contains(&x) { 255 } else { 0 }]));
    wide.save(at(&dir, &["train", "a", "1.png"])).unwrap();
    RgbaImage::from_pixel(40, 70, Rgba([1, 2, 3, 255])).save(at(&dir, &["train", "a", "2.png"])).unwrap();
    let data =
        format!("folder:{}", dir.path().display()).parse::<Source>().unwrap().load(Some(40), 0).unwrap();
    assert_eq!(data.train.labels(), [0, 0, 0, 1]);
    assert_eq!(data.train.image(0).unwrap(), RgbImage::from_pixel(40, 40, Rgb([255; 3])));
    assert_eq!(data.train.image(1).unwrap(), RgbImage::from_pixel(40, 40, Rgb([1, 2, 3])));
}

#[test]
fn all_formats_are_read_and_nested_images_and_the_part_may_be_called_val() {
    let dir = image_folder();
    let image = RgbImage::from_pixel(60, 50, Rgb([200, 100, 30]));
    fs::create_dir_all(at(&dir, &["train", "b", "more"])).unwrap();
    for name in ["1.webp", "2.bmp", "3.tif", "4.tiff", "5.gif", "more/6.png"] {
        image.save(at(&dir, &["train", "b", name])).unwrap();
    }
    fs::rename(at(&dir, &["test"]), at(&dir, &["val"])).unwrap();
    let data = load("folder", dir.path()).unwrap();
    assert_eq!((data.train.labels(), data.test.labels()), (&[0, 1, 1, 1, 1, 1, 1, 1][..], &[0, 1][..]));
    for i in 1..7 {
        let shown = data.train.image(i).unwrap();
        let close = |pixel: &Rgb<u8>| pixel.0.iter().zip([200, 100, 30]).all(|(&v, e)| v.abs_diff(e) <= 3);
        assert!(shown.pixels().all(close), "image {i}: {:?}", shown[(9, 9)]);
    }
    assert_eq!(data.passed_over.count(), 0, "{}", data.passed_over);
}

#[test]
fn what_is_passed_over_is_counted() {
    let dir = image_folder();
    fs::write(at(&dir, &["train", "a", "notes.txt"]), "").unwrap();
    fs::write(at(&dir, &["train", "loose.png"]), "").unwrap();
    fs::write(at(&dir, &["test", "b", ".hidden.png"]), "").unwrap();
    fs::create_dir(at(&dir, &["val"])).unwrap();
    let passed_over = load("folder", dir.path()).unwrap().passed_over;
    assert_eq!(passed_over.count(), 3, "{passed_over}");
    for part in ["notes.txt\" (another extension)", "loose.png\" (in no class folder)", "val\" (`test` is"] {
        assert!(passed_over.to_string().contains(part), "{passed_over}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_class_whose_name_is_no_text_is_not_dropped() {
    use std::os::unix::ffi::OsStrExt;
    let dir = image_folder();
    fs::rename(at(&dir, &["train", "b"]), at(&dir, &["train"]).join(std::ffi::OsStr::from_bytes(b"caf\xe9")))
        .unwrap();
    fails_with(&dir, &["caf\\xE9", "not UTF-8", "rename the folder"]);
}

#[test]
fn images_without_contrast_are_nothing_to_learn_from() {
    let dir = image_folder();
    for path in [at(&dir, &["train", "a", "y.png"]), at(&dir, &["train", "b", "x.JPG"])] {
        let format = image::ImageFormat::Png;
        RgbImage::from_pixel(64, 64, Rgb([90, 100, 110])).save_with_format(path, format).unwrap();
    }
    fails_with(&dir, &["every pixel of the training images", "nothing to learn"]);
}

#[test]
fn a_png_named_jpg_is_read_as_what_it_is() {
    let dir = image_folder();
    fs::copy(at(&dir, &["train", "a", "y.png"]), at(&dir, &["train", "a", "z.jpg"])).unwrap();
    assert_eq!(load("folder", dir.path()).unwrap().train.len(), 3);
}

#[test]
fn exif_orientation_is_applied() {
    let dir = image_folder();
    let path = at(&dir, &["train", "b", "x.JPG"]);
    // The left half is white; turned clockwise by a quarter, the upper one.
    RgbImage::from_fn(64, 64, |x, _| Rgb([if x < 32 { 255 } else { 0 }; 3])).save(&path).unwrap();
    let mut jpeg = fs::read(&path).unwrap();
    // An APP1 segment with a TIFF header and one entry: orientation (0x0112), a short, 6.
    let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let segment = [b"\xff\xe1\0\x22Exif\0\0".as_slice(), tiff].concat();
    assert_eq!(segment.len(), 2 + 0x22);
    jpeg.splice(2..2, segment);
    fs::write(&path, jpeg).unwrap();
    let image = Source::Folder(dir.path().to_owned()).load(Some(64), 0).unwrap().train.image(1).unwrap();
    assert!(image.get_pixel(60, 10).0[0] > 200 && image.get_pixel(10, 60).0[0] < 50);
}

/// Asserts that loading fails with a message that holds all of `parts`.
fn fails_with(dir: &TempDir, parts: &[&str]) {
    let text = load("folder", dir.path()).unwrap_err().to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn folder_structure_errors() {
    let dir = tempdir().unwrap();
    fails_with(&dir, &["train does not exist", "class folders to train on"]);
    fs::create_dir(dir.path().join("train")).unwrap();
    fails_with(&dir, &["test does not exist", "`val` will do"]);
    fs::create_dir(dir.path().join("test")).unwrap();
    fails_with(&dir, &["train holds 0 class folders", "at least 2"]);

    let dir = image_folder();
    fs::create_dir(at(&dir, &["train", "empty"])).unwrap();
    fs::write(at(&dir, &["train", "empty", "image.svg"]), "").unwrap();
    fails_with(&dir, &["empty holds no images", "remove the folder"]);

    let dir = image_folder();
    fs::create_dir(at(&dir, &["test", "c"])).unwrap();
    fails_with(&dir, &["c has no counterpart in", "add training images"]);

    let dir = image_folder();
    fs::remove_dir_all(at(&dir, &["test"])).unwrap();
    fs::create_dir(at(&dir, &["test"])).unwrap();
    fails_with(&dir, &["there are no test images"]);
}

#[test]
fn bad_image_files() {
    let dir = image_folder();
    let path = at(&dir, &["train", "a", "y.png"]);
    let good = fs::read(&path).unwrap();
    for (bad, name) in [(&good[..good.len() / 2], "half"), (b"", "empty"), (b"hello", "text")] {
        fs::write(&path, bad).unwrap();
        let error = load("folder", dir.path()).unwrap_err();
        assert!(matches!(&error, DataError::Image { path: named, .. } if *named == path), "{name}: {error}");
        assert!(error.to_string().contains("y.png"), "{error}");
    }
}

/// A JPEG that stops short decodes to an image that is grey below; it is an error instead.
#[test]
fn cut_jpegs_are_no_training_images() {
    let dir = image_folder();
    let path = at(&dir, &["train", "b", "x.JPG"]);
    let good = fs::read(&path).unwrap();
    for part in [5, 300, 600, 900, 980] {
        fs::write(&path, &good[..good.len() * part / 1000]).unwrap();
        fails_with(&dir, &["cannot decode the image", "x.JPG", "cut short"]);
    }
}

/// Whatever a byte is changed to, a file is either an image or an error that names it.
#[test]
fn damaged_files_never_panic() {
    let dir = image_folder();
    for (class, file) in [("a", "y.png"), ("b", "x.JPG")] {
        let path = at(&dir, &["train", class, file]);
        let small = RgbImage::from_fn(20, 20, |x, y| Rgb([(x * 12) as u8, (y * 12) as u8, (x * y) as u8]));
        small.save(&path).unwrap();
        let good = fs::read(&path).unwrap();
        for i in 0..150 {
            let mut bad = good.clone();
            bad[i * 7919 % good.len()] ^= 1 << (i % 8);
            bad[i * 104_729 % good.len()] = 255;
            fs::write(&path, bad).unwrap();
            match Source::Folder(dir.path().to_owned()).load(Some(16), 0) {
                Ok(data) => assert_eq!(data.train.len(), 2),
                Err(error) => assert!(error.to_string().contains(file), "{error}"),
            }
        }
        fs::write(&path, good).unwrap();
    }
}

/// A file of some kilobytes may claim to be an image of many gigabytes.
#[test]
fn a_decompression_bomb_is_refused() {
    let dir = image_folder();
    let path = at(&dir, &["train", "a", "y.png"]);
    for side in [u32::MAX >> 1, 40_000, 20_000] {
        let mut png = fs::read(&path).unwrap();
        // IHDR: length, name, width, height, 5 bytes, checksum of name to bytes.
        png[16..20].copy_from_slice(&side.to_be_bytes());
        png[20..24].copy_from_slice(&side.to_be_bytes());
        let checksum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.to_be_bytes());
        fs::write(&path, png).unwrap();
        match load("folder", dir.path()).unwrap_err() {
            DataError::Image { reason: image::ImageError::Limits(_), .. } if side > 65_535 => {}
            DataError::TooLarge { width, height, .. } if (width, height) == (side, side) => {}
            error => panic!("side {side}: {error}"),
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn sources_are_parsed_and_printed() {
    for text in ["builtin", "builtin:200+100", "cifar10:a/b", "cifar100:/c d", "folder:C:\\images"] {
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "built-in",
        "builtin:",
        "builtin:5",
        "builtin:5+x",
        "cifar10",
        "cifar10:",
        "folder:",
        "imagenet:x",
        "cifar10 :x",
    ] {
        let error = text.parse::<Source>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("folder:DIR"), "{error}");
    }
}
