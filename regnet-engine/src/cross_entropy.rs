//! Softmax cross-entropy with label smoothing (Szegedy et al., 2016, section 7), averaged over the batch.
//!
//! As PyTorch's `CrossEntropyLoss(label_smoothing = e)`: the target of label `t` is `1 - e` on `t` plus
//! `e / classes` on every class, `t` included.

use crate::{Real, check};

/// The sizes: logits `[batch, classes]`, one label an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Images.
    pub batch: usize,
    /// Classes.
    pub classes: usize,
    /// Share of the target that is spread evenly over all classes, 0 to 1.
    pub smoothing: f64,
}

impl CrossEntropy {
    /// Elements of the logits.
    pub fn logits_len(&self) -> usize {
        self.batch * self.classes
    }

    /// The target probability of `class` for an image labelled `label`.
    fn target(&self, class: usize, label: usize) -> f64 {
        let hit = if class == label { 1.0 - self.smoothing } else { 0.0 };
        hit + self.smoothing / self.classes as f64
    }

    #[track_caller]
    fn check<T>(&self, logits: &[T], labels: &[usize]) {
        check::length("logits", logits, self.logits_len());
        check::length("labels", labels, self.batch);
        if let Some(label) = labels.iter().find(|&&label| label >= self.classes) {
            panic!("label {label} of a data set with {} classes", self.classes);
        }
    }
}

/// The mean loss over the batch, in nats.
pub fn forward<T: Real>(op: &CrossEntropy, logits: &[T], labels: &[usize]) -> T {
    op.check(logits, labels);
    let mut loss = 0.0;
    for (logits, &label) in logits.chunks_exact(op.classes).zip(labels) {
        let log_normaliser = log_sum_exp(logits);
        for (class, logit) in logits.iter().enumerate() {
            loss += op.target(class, label) * (log_normaliser - logit.widen());
        }
    }
    T::of(loss / op.batch as f64)
}

/// Adds the gradient with respect to the logits, `scale * (softmax(logits) - target) / batch`, to `dlogits`;
/// `scale` is the gradient of the loss itself, usually 1.
pub fn backward<T: Real>(op: &CrossEntropy, logits: &[T], labels: &[usize], scale: T, dlogits: &mut [T]) {
    op.check(logits, labels);
    check::length("dlogits", dlogits, op.logits_len());
    let scale = scale.widen() / op.batch as f64;
    let rows = logits.chunks_exact(op.classes).zip(dlogits.chunks_exact_mut(op.classes));
    for ((logits, dlogits), &label) in rows.zip(labels) {
        let log_normaliser = log_sum_exp(logits);
        for (class, (dlogit, logit)) in dlogits.iter_mut().zip(logits).enumerate() {
            let probability = (logit.widen() - log_normaliser).exp();
            *dlogit += T::of(scale * (probability - op.target(class, label)));
        }
    }
}

/// How many images have their largest logit at their label; of several largest ones the last counts, and not a number is
/// larger than any number, as `total_cmp` has it.
pub fn correct<T: Real>(op: &CrossEntropy, logits: &[T], labels: &[usize]) -> usize {
    check::length("logits", logits, op.logits_len());
    check::length("labels", labels, op.batch);
    let largest = |row: &[T]| (0..row.len()).max_by(|&a, &b| row[a].widen().total_cmp(&row[b].widen()));
    let rows = logits.chunks_exact(op.classes).zip(labels);
    rows.filter(|(row, label)| largest(row) == Some(**label)).count()
}

/// `ln(sum(exp(logits)))`, shifted by the largest logit so that nothing overflows.
fn log_sum_exp<T: Real>(logits: &[T]) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, logit| largest.max(logit.widen()));
    largest + logits.iter().map(|logit| (logit.widen() - largest).exp()).sum::<f64>().ln()
}
